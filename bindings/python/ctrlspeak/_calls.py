# SPDX-License-Identifier: MIT
"""How a call waits for the library without making the interpreter deaf.

Signals are Python's only where the main thread runs bytecode. A call of the main thread is therefore made by a helper thread,
while the main thread waits in an interruptible queue and shows the progress: Ctrl-C, and whatever a signal handler or a
progress function raises, stops the library at its next report (once per encoder layer at least), and is raised when the
library has returned. An exception is never raised inside a C callback: there ctypes would print and lose it, and a
signal handler runs before the callback's own `try`.

A call of any other thread is made there and then.
"""

from __future__ import annotations

import _thread
import threading
from queue import Empty, SimpleQueue
from typing import Any, Callable, Optional, TypeVar

from ._progress import Report

T = TypeVar("T")

# A signal that comes after the main thread's last bytecode and before it sleeps wakes nobody: it is seen by this much later.
_LOOK_SECONDS = 0.05


class Job:
    """One call: whom it tells how far it is, and whether it is to stop."""

    def __init__(self, report: Optional[Report], stoppable: bool) -> None:
        self.report = report
        self.hooked = stoppable or report is not None
        self.stop = False
        self.failure: Optional[BaseException] = None
        self.before_seconds = 0.0  # of recordings that are done
        self.total_seconds = 0.0  # of all, an estimate while some are not decoded
        self.said = (0.0, 0.0)

    def hook(self, _user: Any, done: float, _total: float) -> int:
        """cs_transcribe_options.progress: audio seconds done in this call of the library."""
        if self.report is not None and not self.stop:
            self.said = (self.before_seconds + done, self.total_seconds)
            try:
                self.report(*self.said)
            except BaseException as failure:
                self.failed(failure)
        return int(self.stop)

    def ended(self) -> None:
        """All is done: say so, if the last report did not (its last recordings could not be read, and were estimated)."""
        if self.report is not None and self.said != (self.total_seconds, self.total_seconds):
            self.report(self.total_seconds, self.total_seconds)

    def failed(self, failure: BaseException) -> None:
        """A hook of the caller's raised: stop, and let him have it."""
        if self.failure is None:
            self.failure = failure
        self.stop = True


def _direct(work: Callable[[Job], T], job: Job) -> T:
    try:
        done = work(job)
    except BaseException:
        if job.failure is None:
            raise
    failure, job.failure = job.failure, None
    try:
        if failure is not None:
            raise failure
        return done
    finally:
        failure = None  # its traceback knows this frame


def run(work: Callable[[Job], T], report: Optional[Report]) -> T:
    """work(job) and its result."""
    if _thread.get_ident() != threading.main_thread().ident:
        return _direct(work, Job(report, stoppable=False))
    events: SimpleQueue[Optional[tuple[float, float]]] = SimpleQueue()
    job = Job((lambda done, total: events.put((done, total))) if report else None, stoppable=True)
    ended: list[tuple[Optional[T], Optional[BaseException]]] = []

    def body() -> None:
        try:
            ended.append((_direct(work, job), None))
        except BaseException as failure:
            ended.append((None, failure))
        events.put(None)

    try:
        _thread.start_new_thread(body, ())
    except RuntimeError:  # none can be had, as when the interpreter ends
        return _direct(work, Job(report, stoppable=False))
    except BaseException:  # a signal, before or just after the start: a thread that did start stops by itself
        job.stop = True
        raise
    interruption: Optional[BaseException] = None
    try:
        while True:
            try:
                while not (ended and events.empty()):
                    try:
                        event = events.get(timeout=_LOOK_SECONDS)
                    except Empty:
                        continue
                    if event is not None and report is not None and interruption is None:
                        report(*event)
                break
            except BaseException as failure:
                job.stop = True
                interruption = interruption or failure
        if interruption is not None:
            raise interruption
        value, failed = ended[0]
        if failed is not None:
            raise failed
        return value  # type: ignore[return-value]
    finally:
        interruption = failed = None  # their tracebacks know this frame
        ended.clear()
