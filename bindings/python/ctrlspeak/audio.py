# SPDX-License-Identifier: MIT
"""What can be transcribed, as samples that the library reads where they lie.

str, PathLike               a file
bytes, bytearray, memoryview    the bytes of a file
numpy array, torch tensor   samples of one channel; float32 and contiguous: not copied. Other floats are converted,
                            int8, int16 and int32 divided by 2^(bits-1), uint8 centred at 128
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any, NamedTuple, Optional, Union

import numpy as np

from . import _header as h
from ._library import c_path, c_text, check, lib, text
from .errors import ArgumentError

Samples = Any  # an array of numbers: numpy's, or what gives one by __array__ (torch)
Audio = Union[str, "os.PathLike[str]", bytes, bytearray, memoryview, Samples]
Channel = Union[int, str, None]

_SCALES = {"i1": 2.0**7, "i2": 2.0**15, "i4": 2.0**31}
_MAX_RATE = 2**31 - 1


class Decoded(NamedTuple):
    """What read_audio() gives.

    samples   float32, (n_samples,), or (n_channels, n_samples) with channel="each"; in [-1, 1] for integer formats
    warning   None, or one sentence: the file broke off, what was read is here
    """

    samples: Any
    rate_hz: int
    source_rate_hz: int
    source_channels: int
    warning: Optional[str]


class Heard:
    """Samples for one call: where they are, how many, and what keeps them alive until release()."""

    def __init__(self, address: int, n_samples: int, owner: Any, warning: Optional[str] = None) -> None:
        self.address = address
        self.n_samples = n_samples
        self.warning = warning
        self._owner = owner

    def release(self) -> None:
        self._owner = None
        self.address = self.n_samples = 0


class _Owned:
    """A cs_audio and its end."""

    def __init__(self, pointer: Any) -> None:
        self.pointer = pointer
        self._free = lib().cs_audio_free

    def __del__(self) -> None:
        self._free(self.pointer)


def _integer(name: str, value: Any, least: int, most: int) -> int:
    if not hasattr(value, "__index__") or isinstance(value, (bool, np.ndarray)):
        raise ArgumentError(f"a {type(value).__name__}, expected an int", argument=name)
    number = value.__index__()
    if not least <= number <= most:
        raise ArgumentError(f"{number}, expected {least} to {most}", argument=name)
    return int(number)


class Intake:
    """How files and arrays are to be read: the arguments of a call, checked once for all its recordings."""

    def __init__(self, rate_hz: int, sample_rate: Optional[int], channel: Channel, raw: Optional[str]) -> None:
        self.rate_hz = rate_hz
        self.sample_rate = rate_hz if sample_rate is None else _integer("sample_rate", sample_rate, 1, _MAX_RATE)
        self.channel = h.CHANNEL["average"]
        if isinstance(channel, str) and channel in h.CHANNEL:
            self.channel = h.CHANNEL[channel]
        elif isinstance(channel, str):
            raise ArgumentError(f'"{channel}", expected a number from 0, "average" or "each"', argument="channel")
        elif channel is not None:
            self.channel = _integer("channel", channel, 0, 2**31 - 1)
        self.raw = None if raw is None else c_text("raw", raw)

    def _options(self, channel: int, raw: Optional[bytes]) -> Any:
        options = h.cs_audio_options()
        lib().cs_audio_options_init(options)
        options.rate_hz, options.channel, options.raw = self.rate_hz, channel, raw
        return options

    def _memory(self, name: bytes, data: Any, channel: int, raw: Optional[bytes], position: Optional[int]) -> _Owned:
        audio, error = ctypes.POINTER(h.cs_audio)(), h.cs_error()
        code = lib().cs_audio_read_memory(name, data.ctypes.data, data.nbytes, self._options(channel, raw), audio, error)
        check(code, error, "audio", position)
        return _Owned(audio)

    def decode(self, item: Any, position: Optional[int]) -> _Owned:
        """A file, or the bytes of one. Errors name the argument `audio` and the position."""
        if isinstance(item, (str, os.PathLike)):
            audio, error = ctypes.POINTER(h.cs_audio)(), h.cs_error()
            try:
                path = c_path("audio", item)
            except ArgumentError as failure:
                failure.position = position
                raise
            check(lib().cs_audio_read_file(path, self._options(self.channel, self.raw), audio, error), error, "audio", position)
            return _Owned(audio)
        if isinstance(item, (bytes, bytearray, memoryview)):
            try:
                data = np.frombuffer(item, dtype=np.uint8)
            except (ValueError, BufferError) as failure:
                raise ArgumentError(f"a {type(item).__name__}: {failure}", argument="audio", position=position) from None
            return self._memory(b"the bytes", data, self.channel, self.raw, position)
        raise ArgumentError(
            f"a {type(item).__name__}, expected a path, the bytes of a file or an array of samples", argument="audio", position=position
        )

    def hear(self, item: Any, position: Optional[int] = None) -> Heard:
        """Anything that can be transcribed, at the model's rate."""
        if isinstance(item, np.ndarray) or hasattr(item, "__array__"):
            samples = mono(item, position)
            if self.sample_rate == self.rate_hz:
                return Heard(samples.ctypes.data, samples.size, samples)
            raw = f"f32{'le' if sys.byteorder == 'little' else 'be'}:{self.sample_rate}:1"
            owned = self._memory(b"the array", samples, h.CHANNEL["average"], raw.encode(), position)
        else:
            if self.channel == h.CHANNEL["each"]:
                raise ArgumentError('"each" is for read_audio(); one channel can be transcribed', argument="channel")
            owned = self.decode(item, position)
        audio = owned.pointer.contents
        address = ctypes.cast(audio.channels[0], ctypes.c_void_p).value or 0
        return Heard(address, audio.n_samples, owned, text(audio.warning) or None)


def mono(item: Any, position: Optional[int] = None) -> Any:
    """An array of samples as float32, contiguous: itself if it is that."""
    try:
        array = np.asarray(item)
    except Exception as failure:  # whatever a foreign __array__ raises
        raise ArgumentError(f"a {type(item).__name__} that gives no array: {failure}", argument="audio", position=position) from failure
    if array.ndim != 1:
        raise ArgumentError(f"an array of shape {array.shape}, expected (n_samples,): one channel", argument="audio", position=position)
    kind = array.dtype.kind + str(array.dtype.itemsize)
    if array.dtype.kind == "f":
        return np.require(array, np.float32, ["C", "A"])
    if kind in _SCALES:
        return np.multiply(array, 1 / _SCALES[kind], dtype=np.float32, casting="unsafe")
    if kind == "u1":
        return (array.astype(np.float32) - np.float32(128)) / np.float32(128)
    raise ArgumentError(
        f"an array of {array.dtype}, expected float16, float32, float64, int8, int16, int32 or uint8", argument="audio", position=position
    )


def read_audio(
    audio: Union[str, os.PathLike[str], bytes, bytearray, memoryview],
    *,
    rate: int = 16000,
    channel: Channel = None,
    raw: Optional[str] = None,
) -> Decoded:
    """Decode, mix and resample a file or the bytes of one.

    rate      of the samples that are wanted
    channel   "average" (default), a number from 0, or "each"
    raw       for files without a header: "s16le:16000:1", that is format:rate:channels
    """
    owned = Intake(_integer("rate", rate, 1, _MAX_RATE), None, channel, raw).decode(audio, None)
    c = owned.pointer.contents
    planes = [np.ctypeslib.as_array(c.channels[i], (c.n_samples,)) if c.n_samples else np.empty(0, np.float32) for i in range(c.n_channels)]
    samples = np.array(planes if channel == "each" else planes[0], dtype=np.float32)
    return Decoded(samples, c.rate_hz, c.source_rate_hz, c.source_channels, text(c.warning) or None)
