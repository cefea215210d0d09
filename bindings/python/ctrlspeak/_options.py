# SPDX-License-Identifier: MIT
"""The options of a call as keyword arguments: those of cs_transcribe_options, whose comments in ctrlspeak.h are their manual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Callable, Literal, Optional, TypedDict, Union

import numpy as np

from . import _header as h
from ._library import c_text, lib, text
from .audio import _integer
from .errors import ArgumentError

Context = Union[tuple[int, int], tuple[int, int, int]]


class Options(TypedDict, total=False):
    """None, and what is not given: the library's default."""

    head: Optional[Literal["auto", "ctc", "rnnt", "tdt", "aed"]]
    threads: Optional[int]  # of the model's, for this call
    confidence: Optional[Literal["max_prob", "gibbs_lin", "gibbs_exp", "tsallis_lin", "tsallis_exp", "renyi_lin", "renyi_exp"]]
    confidence_alpha: Optional[float]
    confidence_aggregate: Optional[Literal["min", "mean", "max", "prod"]]
    max_symbols: Optional[int]
    att_context: Optional[Context]  # (left, right) or (left, chunk, right), encoder frames
    raw_punctuation_spacing: Optional[bool]
    natural_ctc_times: Optional[bool]
    tensor: Optional[Callable[[str, Any], object]]  # name, float32 array that is the callee's
    stage: Optional[Callable[[str, float], object]]  # name, milliseconds
    language: Optional[str]
    target_language: Optional[str]
    punctuation: Optional[bool]
    timestamps: Optional[bool]
    context: Optional[str]
    emotion: Optional[str]
    itn: Optional[bool]
    diarize: Optional[bool]
    translate: Optional[bool]
    search: Optional[Literal["auto", "greedy", "beam"]]
    beams: Optional[int]
    n_best: Optional[int]
    length_penalty: Optional[float]
    max_generation_delta: Optional[int]
    repeat_guard: Optional[int]
    chunking: Optional[bool]
    vad: Optional[bool]


def word(name: str, value: Any, words: Mapping[str, int]) -> int:
    """The number of one of an enumeration's words."""
    if isinstance(value, str) and value in words:
        return words[value]
    met = f'"{value}"' if isinstance(value, str) else f"a {type(value).__name__}"
    raise ArgumentError(f"{met}, expected one of {', '.join(words)}", argument=name)


def integer(name: str, value: Any) -> int:
    return _integer(name, value, -(2**31), 2**31 - 1)


def _number(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"a {type(value).__name__}, expected a number", argument=name) from None


def _truth(name: str, value: Any) -> int:
    if value is not True and value is not False and not isinstance(value, np.bool_):
        raise ArgumentError(f"a {type(value).__name__}, expected True, False or None", argument=name)
    return int(bool(value))


def _choice(name: str, value: Any) -> int:
    return h.CHOICE["yes"] if _truth(name, value) else h.CHOICE["no"]


_FIELDS: dict[str, Callable[[str, Any], Any]] = {
    "head": lambda name, value: word(name, value, h.HEAD),
    "threads": integer,
    "confidence": lambda name, value: word(name, value, h.CONFIDENCE),
    "confidence_alpha": _number,
    "confidence_aggregate": lambda name, value: word(name, value, h.AGGREGATE),
    "max_symbols": integer,
    "raw_punctuation_spacing": _truth,
    "natural_ctc_times": _truth,
    "language": c_text,
    "target_language": c_text,
    "punctuation": _choice,
    "timestamps": _choice,
    "context": c_text,
    "emotion": c_text,
    "itn": _choice,
    "diarize": _choice,
    "translate": _choice,
    "search": lambda name, value: word(name, value, h.SEARCH),
    "beams": integer,
    "n_best": integer,
    "length_penalty": _number,
    "max_generation_delta": integer,
    "repeat_guard": integer,
    "chunking": _choice,
    "vad": _choice,
}
NAMES = (*_FIELDS, "att_context", "tensor", "stage")


def _unknown(name: str) -> TypeError:
    from difflib import get_close_matches

    near = get_close_matches(name, NAMES, 1)
    return TypeError(f"unexpected keyword argument '{name}'" + (f", did you mean '{near[0]}'?" if near else ""))


def _attention(options: Any, value: Any) -> None:
    parts = list(value) if isinstance(value, (tuple, list)) else []
    if len(parts) not in (2, 3):
        raise ArgumentError("expected (left, right) or (left, chunk, right) in encoder frames", argument="att_context")
    numbers = [integer("att_context", part) for part in parts]
    options.att_left, options.att_right = numbers[0], numbers[-1]
    if len(numbers) == 3:
        options.att_chunk = numbers[1]


def c_options(given: Mapping[str, Any], failed: Callable[[BaseException], None]) -> Any:
    """cs_transcribe_options of the keyword arguments; `failed` hears what a hook of theirs raised."""
    options = h.cs_transcribe_options()
    lib().cs_transcribe_options_init(options)
    for name, value in given.items():
        if name not in NAMES:
            raise _unknown(name)
        if value is None:
            continue
        if name == "att_context":
            _attention(options, value)
        elif name in ("tensor", "stage"):
            if not callable(value):
                raise ArgumentError(f"a {type(value).__name__}, expected something to call", argument=name)
            hook = _tensor_hook(value, failed) if name == "tensor" else _stage_hook(value, failed)
            setattr(options, name, hook)
        else:
            setattr(options, name, _FIELDS[name](name, value))
    return options


def _tensor_hook(call: Callable[[str, Any], object], failed: Callable[[BaseException], None]) -> Any:
    """An attribute `names` of the function says which stages it wants; the others are not copied."""
    names = getattr(call, "names", None)

    def hook(_user: Any, name: bytes, n_dims: int, dims: Any, data: Any) -> None:
        try:
            if names is not None and text(name) not in names:
                return
            shape = tuple(dims[:n_dims])
            call(text(name), np.ctypeslib.as_array(data, shape).copy() if all(shape) else np.empty(shape, np.float32))
        except BaseException as failure:
            failed(failure)

    return h.TensorFn(hook)


def _stage_hook(call: Callable[[str, float], object], failed: Callable[[BaseException], None]) -> Any:
    def hook(_user: Any, name: bytes, ms: float) -> None:
        try:
            call(text(name), ms)
        except BaseException as failure:
            failed(failure)

    return h.StageFn(hook)
