# SPDX-License-Identifier: MIT
"""Progress: a bar of our own on stderr, the caller's tqdm, or the caller's function.

The bar is text and a clock: no lock, no thread, no descriptor. Nothing is made where stderr is missing, closed, cannot be
written to, or (our own bar) is no terminal.
"""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Callable, Optional, Protocol, Union

from .errors import ArgumentError

Report = Callable[[float, float], object]  # audio seconds done, of so many
# None or True: our bar; False: none; a class: tqdm or one like it; else a Report
Progress = Union[None, bool, type, Report]

_FRAME_SECONDS = 0.125
_FIRST_SECONDS = 0.3  # what is over sooner needs no bar
_CELLS = 24


class Shown(Protocol):
    def __call__(self, done: float, total: float) -> object: ...

    def close(self) -> None: ...


def writable(stream: Any) -> bool:
    """Can something be written there? A stream without descriptor (io.StringIO) can; one whose descriptor is closed, cannot."""
    if stream is None or getattr(stream, "closed", False) or not hasattr(stream, "write"):
        return False
    try:
        descriptor = stream.fileno()
    except Exception:
        return True
    try:
        os.fstat(descriptor)
        return True
    except (OSError, TypeError, OverflowError):
        return False


def _is_terminal(stream: Any) -> bool:
    try:
        return bool(stream.isatty()) and os.environ.get("TERM", "dumb") != "dumb" and not os.environ.get("NO_COLOR")
    except Exception:
        return False


def clock(seconds: float) -> str:
    s = round(seconds) if 0 < seconds < 1e9 else 0
    return f"{s // 3600}:{s // 60 % 60:02}:{s % 60:02}" if s >= 3600 else f"{s // 60}:{s % 60:02}"


class Bar:
    """As the command's: [######....]  25%  0:12 / 0:48  30.1x  0:01 left. Erased at the end."""

    def __init__(self, stream: Any) -> None:
        self._stream: Optional[Any] = stream
        self._started = time.monotonic()
        self._next = self._started + _FIRST_SECONDS
        self._drawn = False

    def __call__(self, done: float, total: float) -> None:
        now = time.monotonic()
        if self._stream is None or now < self._next:
            return
        self._next = now + _FRAME_SECONDS
        part = min(done / total, 1.0) if total > 0 else 0.0
        rate = done / (now - self._started)
        left = clock((total - done) / rate) if rate > 0 else "-:--"
        cells = "#" * int(part * _CELLS)
        line = f"[{cells:.<{_CELLS}}] {part:4.0%}  {clock(done)} / {clock(total)}  {rate:.1f}x  {left} left"
        self._drawn = True
        self._write(f"\r{line[: self._columns() - 1]}\x1b[K")

    def close(self) -> None:
        if self._drawn:
            self._write("\r\x1b[K")
        self._stream = None

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or 80  # type: ignore[union-attr]
        except Exception:
            return 80

    def _write(self, frame: str) -> None:
        try:
            self._stream.write(frame)  # type: ignore[union-attr]
            self._stream.flush()  # type: ignore[union-attr]
        except Exception:  # a terminal that has gone is no reason to stop
            self._stream = None


class Ticks:
    """A bar of the caller's class, in audio seconds."""

    def __init__(self, kind: Any) -> None:
        self._bar = kind(**{"desc": "Transcribing", "unit": "s", "total": 0, **getattr(kind, "keywords", {})})

    def __call__(self, done: float, total: float) -> None:
        self._bar.total = round(total, 1)
        self._bar.update(max(round(done, 1) - self._bar.n, 0))

    def close(self) -> None:
        self._bar.close()


class Told:
    """The caller's function."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def __call__(self, done: float, total: float) -> None:
        self._report(done, total)

    def close(self) -> None:
        pass


def shown(progress: Progress, verbose: bool) -> Optional[Shown]:
    """What shows the progress of one call; None: nothing does."""
    is_bar = progress is None or isinstance(progress, (bool, type)) or isinstance(getattr(progress, "func", None), type)
    if not is_bar and not callable(progress):
        raise ArgumentError(
            f"a {type(progress).__name__}, expected a function, a class like tqdm, True, False or None", argument="progress"
        )
    if not is_bar:
        return Told(progress)  # type: ignore[arg-type]
    if not verbose or progress is False or not writable(sys.stderr):
        return None
    if progress is None or progress is True:
        return Bar(sys.stderr) if _is_terminal(sys.stderr) else None
    return Ticks(progress)
