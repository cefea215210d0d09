# SPDX-License-Identifier: MIT
"""Tables of recordings: what ctrlspeak.ray and ctrlspeak.spark have in common. A row is a recording, or what went wrong with it.

In    a column of paths, or of the bytes of files
Out   RESULTS: None in all but `error` and `error_code` where a recording could not be transcribed
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Iterable, Sequence
from typing import Any, Optional

import numpy as np

from ._options import c_options
from .audio import Intake
from .errors import ArgumentError, Error
from .model import Model
from .result import Result

try:
    import fcntl
except ImportError:  # not POSIX
    fcntl = None  # type: ignore[assignment]

RESULTS = ("text", "language", "duration_seconds", "words", "segments", "warning", "error", "error_code")
AUDIO = ("bytes", "content", "path", "audio")  # the column that is heard, if none is named: the first of these that is there
BYTES = ("bytes", "content")  # what is not handed on by itself: Ray's and Spark's names of a file's bytes

_MODEL = ("precision", "threads", "cpu", "cache", "cache_max_bytes", "cache_min_bytes")
_INTAKE = ("sample_rate", "channel", "raw")
_models: dict[str, Model] = {}
_lock = threading.Lock()


class Stage:
    """How a worker hears: a model's path and options, small enough to be sent to it. All but the path is checked here.

    column    the one that is heard
    prefix    of the columns of RESULTS
    options   Model.open()'s, and those of Model.transcribe() except progress and errors
    """

    def __init__(self, model: Any, column: Optional[str] = None, prefix: str = "", **options: Any) -> None:
        self.path = os.path.abspath(os.fsdecode(model))
        self.column = column
        self.prefix = prefix
        self.opening = {name: options.pop(name) for name in _MODEL if name in options}
        self.opening.setdefault("threads", 1)
        self.options = options
        given = dict(options)
        Intake(16000, *(given.pop(name, None) for name in _INTAKE))
        c_options(given, lambda _: None)

    def names(self) -> tuple[str, ...]:
        return tuple(self.prefix + name for name in RESULTS)

    def heard(self, columns: Sequence[str]) -> str:
        """The column that is heard. ArgumentError where there is none, or a result would take the name of another."""
        taken = [name for name in self.names() if name in columns]
        if taken:
            raise ArgumentError(f'the table has a column "{taken[0]}" already, expected a prefix for the results', argument="prefix")
        for name in AUDIO if self.column is None else (self.column,):
            if name in columns:
                return name
        expected = f'"{self.column}"' if self.column is not None else "one of " + ", ".join(AUDIO)
        raise ArgumentError(f"the table has the columns {', '.join(columns)}, expected {expected}", argument="column")

    def open(self) -> Model:
        """This process's model, opened at the first call."""
        key = repr((self.path, self.opening))
        with _lock:
            if key not in _models:
                _models[key] = open_shared(self.path, self.opening)
            model = _models[key]
        return model

    def try_options(self) -> None:
        """Nothing, heard with the options: the model's Error if it refuses one."""
        asked = {name: value for name, value in self.options.items() if name not in _INTAKE}
        self.open().transcribe(np.zeros(0, np.float32), verbose=False, **asked)

    def transcribe(self, items: Iterable[Any]) -> dict[str, list[Any]]:
        """The columns of RESULTS, prefixed, for a column of paths or bytes."""
        model = self.open()
        recordings = [_local(item) for item in items]
        try:
            outcomes = model.transcribe(recordings, errors="return", verbose=False, **self.options)
        except Error:  # of them all: memory. One by one it may do
            outcomes = [_alone(model, item, self.options) for item in recordings]
        rows = [_row(outcome) for outcome in outcomes]
        return {name: [row[i] for row in rows] for i, name in enumerate(self.names())}


def open_shared(path: str, opening: dict[str, Any]) -> Model:
    """Model.open() so that the workers of a host share the weights: those that are packed are packed by one worker, while the others
    wait, and mapped by all."""
    keeps = bool(opening.get("cache", True))
    lock = _locked(path) if keeps else -1
    try:
        model = Model.open(path, **opening)
        if keeps and model.info.opened == "packed now":  # kept on disk, but this model has its own in memory
            model.close()
            model = Model.open(path, **opening)
        return model
    finally:
        if lock >= 0:
            os.close(lock)


def _locked(path: str) -> int:
    """A descriptor of the model file with a lock on it; -1 where there is none to be had."""
    if fcntl is None:
        return -1
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError:  # some file systems of the network
        pass
    return descriptor


def _local(item: Any) -> Any:
    """A path as Spark writes it is a path."""
    if isinstance(item, str) and item.startswith("file:/"):
        rest = item[len("file:") :]
        return "/" + rest.lstrip("/")
    return item


def _alone(model: Model, item: Any, options: dict[str, Any]) -> Any:
    try:
        return model.transcribe([item], errors="return", verbose=False, **options)[0]
    except Error as failure:
        return failure.with_traceback(None)


def _number(value: float) -> Optional[float]:
    return None if math.isnan(value) else value


def _row(outcome: Any) -> tuple[Any, ...]:
    if isinstance(outcome, Error):
        return (None,) * 6 + (outcome.message, outcome.code)
    result: Result = outcome
    words = [
        {
            "text": word.text,
            "start_seconds": _number(word.start_seconds),
            "end_seconds": _number(word.end_seconds),
            "confidence": _number(word.confidence),
        }
        for word in result.words
    ]
    segments = [
        {"text": segment.text, "start_seconds": _number(segment.start_seconds), "end_seconds": _number(segment.end_seconds)}
        for segment in result.segments
    ]
    return result.text, result.language, result.duration_seconds, words, segments, result.warning, None, None
