# SPDX-License-Identifier: MIT
"""What can be given to transcribe(), as items: each one recording, with what its manifest's line says about it.

    str                a path; one that ends in .json or .jsonl is a manifest and stands for its lines
    dict               a manifest's line
    array, tensor      samples at the model's rate: whatever has .numpy() or __array__
    bytes, PathLike    as in the plain API
    list, tuple        of any of these, mixed

A line that is no line of a manifest becomes an item with an Error, in its place.

Source: NeMo nemo/collections/asr/parts/mixins/transcription.py, nemo/collections/common/parts/preprocessing/manifest.py
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Optional

import numpy as np

from ..audio import Heard, Intake
from ..errors import ArgumentError, Error, FileError
from .errors import refuse

_PATH_KEYS = ("audio_filepath", "audio_filename", "audio_file")


class Item(NamedTuple):
    """One recording. source: what the plain API takes, or an Error; seconds: None for all that there is."""

    source: Any
    offset: float = 0.0
    seconds: Optional[float] = None
    channel: Optional[int] = None
    line: Mapping[str, Any] = {}


class ItemIntake(Intake):
    """Reads items: the part of the file that a line speaks of, its channel."""

    def hear(self, item: Item, position: Optional[int] = None) -> Heard:
        if isinstance(item.source, Error):
            item.source.position = position
            raise item.source
        kept = self.channel
        if item.channel is not None:
            self.channel = item.channel
        try:
            heard = super().hear(array_of(item.source), position)
        finally:
            self.channel = kept
        if item.offset or item.seconds is not None:
            first = min(round(item.offset * self.rate_hz), heard.n_samples)
            rest = heard.n_samples - first
            n = rest if item.seconds is None else min(rest, math.ceil(min(item.seconds, 1e9) * self.rate_hz))
            heard.address += 4 * first
            heard.n_samples = n
        return heard


def array_of(source: Any) -> Any:
    """A tensor as what numpy can read where it lies; anything else as it is."""
    for step in ("detach", "cpu", "numpy"):
        if isinstance(source, np.ndarray) or not callable(getattr(source, step, None)):
            continue
        try:
            source = getattr(source, step)()
        except Exception as failure:  # bfloat16, which numpy does not know
            raise ArgumentError(f"a {type(source).__name__} that gives no array: {failure}", argument="audio") from failure
    return source


def is_manifest(source: Any) -> bool:
    return isinstance(source, str) and source.endswith((".json", ".jsonl"))


def items_of(audio: Any, selector: Any) -> list[Item]:
    """The items of transcribe()'s argument. selector: channel_selector."""
    if isinstance(audio, (list, tuple)):
        if not audio:
            raise ArgumentError("Input `audio` is empty", argument="audio")
    else:
        if hasattr(audio, "dataset") and hasattr(audio, "batch_size"):
            raise refuse("audio", audio, "a DataLoader is torch's, expected paths, arrays or a manifest")
        audio = [audio]
    channel = _channel(selector)
    items: list[Item] = []
    for source in audio:
        if is_manifest(source):
            items += _manifest(source, selector)
        elif isinstance(source, Mapping):
            items.append(_line(source, None, selector))
        else:
            items.append(Item(source, channel=channel))
    return items


def _channel(selector: Any) -> Optional[int]:
    """An int, "average" or None; the name of a manifest's field is for lines."""
    if isinstance(selector, (list, tuple)) and len(selector) == 1:
        selector = selector[0]
    if selector is None or selector == "average" or isinstance(selector, str):
        return None
    if hasattr(selector, "__index__") and not isinstance(selector, bool):
        number = int(selector.__index__())
        if number >= 0:
            return number
        raise ArgumentError(f"{number}, expected 0 or more", argument="channel_selector")
    raise refuse("channel_selector", selector, 'expected one channel, "average" or the name of a field of the manifest')


def _manifest(path: str, selector: Any) -> Iterator[Item]:
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as file:
            lines = file.read().split("\n")
    except (OSError, UnicodeDecodeError) as failure:
        reason = getattr(failure, "strerror", None) or failure
        raise FileError(f"{path}: {reason}, expected a manifest", argument="audio") from failure
    for number, text in enumerate(lines, 1):
        if not text.strip():
            continue
        try:
            line = json.loads(text)
        except ValueError as failure:
            yield Item(ArgumentError(f"{path}, line {number}: no JSON: {failure}", argument="audio"))
            continue
        if not isinstance(line, dict):
            yield Item(ArgumentError(f"{path}, line {number}: a {type(line).__name__}, expected an object", argument="audio"))
            continue
        yield _line(line, path, selector, f"{path}, line {number}: ")


def _line(line: Mapping[str, Any], manifest: Optional[str], selector: Any, where: str = "") -> Item:
    try:
        source = next((line[key] for key in _PATH_KEYS if line.get(key) is not None), None)
        if not isinstance(source, str):
            raise ArgumentError(f"{where}expected a path as audio_filepath", argument="audio")
        channel = _channel(selector)
        if isinstance(selector, str) and selector != "average":
            if selector not in line:
                raise ArgumentError(f"{where}no field {selector!r}, which channel_selector names", argument="audio")
            channel = _channel(line[selector])
        seconds = _seconds(line, "duration", where)
        return Item(_placed(source, manifest), _seconds(line, "offset", where) or 0.0, seconds, channel, line)
    except Error as failure:
        return Item(failure, line=line)


def _seconds(line: Mapping[str, Any], key: str, where: str) -> Optional[float]:
    value = line.get(key)
    if value is None:
        return None
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 and math.isfinite(value):
        return float(value)
    raise ArgumentError(f"{where}{key} is {value!r}, expected seconds from 0", argument="audio")


def _placed(source: str, manifest: Optional[str]) -> str:
    """A relative path is the manifest's neighbour; else, where nothing is there, what it is by itself."""
    source = os.path.expanduser(source)
    if manifest is None or os.path.isabs(source):
        return source
    beside = os.path.join(os.path.dirname(os.path.abspath(os.path.expanduser(manifest))), source)
    return beside if os.path.exists(beside) or not os.path.exists(source) else source


def frames_hook(kept: list[Any]) -> Any:
    """Something to give as the option `tensor`: keeps the newest CTC log-probabilities (frames, vocabulary + 1)."""

    def hook(name: str, data: Any) -> None:
        if name == "ctc_logprobs":
            kept[:] = [data]

    hook.names = ("ctc_logprobs",)  # type: ignore[attr-defined]
    return hook
