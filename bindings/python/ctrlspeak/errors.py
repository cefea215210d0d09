# SPDX-License-Identifier: MIT
"""What the library says when it cannot: one exception for each code of cs_err, and one for a list of recordings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional, Union

if TYPE_CHECKING:
    from .result import Result


class Error(Exception):
    """Base of all.

    message   one sentence: what was met, what was expected
    code      the library's, negative: cs_err in ctrlspeak.h
    where     byte, sample or index that the message speaks of, or None
    argument  the argument at fault ("audio"), or None
    position  its place in the list that was given, from 0, or None
    """

    code = 0

    def __init__(
        self, message: str, *, where: Optional[int] = None, argument: Optional[str] = None, position: Optional[int] = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.argument = argument
        self.position = position

    def __str__(self) -> str:
        if self.argument is None:
            return self.message
        place = "" if self.position is None else f"[{self.position}]"
        return f"{self.argument}{place}: {self.message}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message,), self.__dict__


class ArgumentError(Error, ValueError):
    """An argument cannot be what it is."""

    code = -1


class OutOfMemoryError(Error, MemoryError):
    """Out of memory."""

    code = -2


class FileError(Error, OSError):
    """A file cannot be opened, read or written."""

    code = -3


class ModelError(Error):
    """A model file is damaged, inconsistent or not a model."""

    code = -4


class UnsupportedError(Error):
    """Well-formed, but of a kind that is not supported."""

    code = -5


class AudioError(Error, ValueError):
    """Audio is damaged, empty of audio, or holds samples that are not numbers."""

    code = -6


class Cancelled(Error):
    """The call was stopped by cancel()."""

    code = -7


class ResourceError(Error, OSError):
    """The operating system refused a thread or another resource."""

    code = -8


class BatchError(Error):
    """Some recordings of a list could not be transcribed; the others were.

    results  in the order of the list: a Result, or the Error of that recording
    errors   the errors alone; the first one is also __cause__
    """

    def __init__(self, message: str, results: list[Union[Result, Error]]) -> None:
        super().__init__(message)
        self.results = results
        self.errors = [result for result in results if isinstance(result, Error)]
        self.code = self.errors[0].code if self.errors else 0

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.results), self.__dict__


BY_CODE: dict[int, type[Error]] = {
    kind.code: kind
    for kind in (
        ArgumentError,
        OutOfMemoryError,
        FileError,
        ModelError,
        UnsupportedError,
        AudioError,
        Cancelled,
        ResourceError,
    )
}
