# SPDX-License-Identifier: MIT
"""The shared library: where it is, and its answers as exceptions.

It is, in this order: what CTRLSPEAK_LIBRARY names (a build folder's src/libctrlspeak.so); the one that the wheel brought;
the system's. Loaded once, when first needed. ctypes gives up the interpreter's lock for the length of every call.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path
from typing import Any, Optional

from . import _header as h
from .errors import BY_CODE, ArgumentError, Error

_SONAME = "libctrlspeak.so.0"
_loaded: Any = None


def _candidates() -> list[str]:
    named = os.environ.get("CTRLSPEAK_LIBRARY")
    if named:
        return [named]
    # Beside the package; in the folder for compiled modules, where Python has another for the rest.
    roots = dict.fromkeys([Path(__file__).resolve().parent.parent, *map(Path, sys.path)])
    brought = [str(file) for root in roots for file in sorted((root / ".ctrlspeak.mesonpy.libs").glob("libctrlspeak.so*"))]
    return [*brought, _SONAME]


def lib() -> Any:
    """The library, its functions declared."""
    global _loaded
    if _loaded is None:
        _loaded = _load()  # by two threads at once: the same library twice, which is one
    return _loaded


def _load() -> Any:
    failures = []
    for path in _candidates():
        try:
            library = ctypes.CDLL(path)
            for name, (returned, parameters) in h.FUNCTIONS.items():
                function = getattr(library, name)
                function.restype, function.argtypes = returned, parameters
            return library
        except (OSError, AttributeError) as failure:
            failures.append(str(failure))
    raise ImportError(
        f"ctrlspeak's shared library cannot be loaded ({'; '.join(failures)}): "
        "install the wheel or the library, or name the file in CTRLSPEAK_LIBRARY"
    )


def text(value: Optional[bytes]) -> str:
    """A string of the library's. What is not UTF-8 (never in a text) is replaced."""
    return value.decode("utf-8", "replace") if value else ""


def error_of(error: Any, argument: Optional[str] = None, position: Optional[int] = None) -> Error:
    """A filled cs_error as an exception."""
    kind = BY_CODE.get(error.code, Error)
    where = error.where if error.where >= 0 else None
    failure = kind(text(error.message), where=where, argument=argument, position=position)
    failure.code = error.code
    return failure


def check(code: int, error: Any, argument: Optional[str] = None, position: Optional[int] = None) -> None:
    """Raise what a call returned, if it is no success."""
    if code:
        raise error_of(error, argument, position)


def c_text(name: str, value: Any) -> bytes:
    """A str as the C string of an argument."""
    if not isinstance(value, str):
        raise ArgumentError(f"a {type(value).__name__}, expected a str", argument=name)
    if "\0" in value:
        raise ArgumentError("holds a NUL character", argument=name)
    try:
        return value.encode()
    except UnicodeEncodeError as failure:
        raise ArgumentError(f"is not Unicode text: {failure}", argument=name) from None


def c_path(name: str, value: Any) -> bytes:
    """A path as the C string of an argument."""
    try:
        path = os.fsencode(value)
    except (TypeError, ValueError):
        raise ArgumentError(f"a {type(value).__name__}, expected a path", argument=name) from None
    if b"\0" in path:
        raise ArgumentError("a path that holds a NUL character", argument=name)
    return path
