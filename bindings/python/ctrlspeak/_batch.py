# SPDX-License-Identifier: MIT
"""Many recordings on one session: the one way in which everything in this package transcribes.

Recordings are decoded a window at a time and each window is one call of cs_session_transcribe_batch, which hears short ones
together; so memory does not grow with the list. A window ends after so many seconds of sound or so many recordings.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Callable, Optional, Union

from . import _header as h
from ._calls import Job
from ._library import check, error_of, lib
from .audio import Heard, Intake
from .errors import Cancelled, Error
from .result import Result, take

WINDOW_SECONDS = 600.0
WINDOW_ITEMS = 256

Outcome = Union[Result, Error]
OnItem = Callable[[int, Outcome], None]


def transcribe_items(
    session: Any,
    intake: Intake,
    items: Sequence[Any],
    options: Any,
    job: Job,
    *,
    single: bool = False,
    on_item: Optional[OnItem] = None,
    window_items: int = WINDOW_ITEMS,
) -> list[Outcome]:
    """Transcribe the items, in their order, whatever becomes of some.

    session   a cs_session, this thread's for the length of the call
    options   a cs_transcribe_options; its progress becomes the job's
    single    the errors of the one item name no position
    on_item   told each outcome with its position, in order, as soon as its window is done
    window_items    most recordings in a window; 1: on_item follows each recording
    Returns   a Result or an Error per item
    Raises    Error for what ends the whole call: options, memory, Cancelled
    """
    outcomes: list[Outcome] = []
    if job.hooked:
        options.progress = h.ProgressFn(job.hook)
    at = n_known = 0
    known_seconds = 0.0
    while at < len(items):
        window: list[Union[Heard, Error]] = []
        seconds = 0.0
        try:
            while at < len(items) and len(window) < window_items and seconds < WINDOW_SECONDS and not job.stop:
                try:
                    heard = intake.hear(items[at], None if single else at)
                    seconds += heard.n_samples / intake.rate_hz
                    window.append(heard)
                    n_known += 1
                except Error as failure:
                    window.append(failure.with_traceback(None))  # which would keep all that the call has, this list too
                at += 1
            if job.stop:
                raise Cancelled("cancelled")
            known_seconds += seconds
            job.total_seconds = known_seconds + (known_seconds / n_known if n_known else 0.0) * (len(items) - at)
            done = _transcribe_window(session, window, options, None if single else at - len(window))
        finally:
            for part in window:
                if isinstance(part, Heard):
                    part.release()
        job.before_seconds += seconds
        if on_item is not None:
            for position, outcome in enumerate(done, at - len(done)):
                on_item(position, outcome)
        outcomes += done
    job.ended()
    return outcomes


def _transcribe_window(session: Any, window: Sequence[Union[Heard, Error]], options: Any, first: Optional[int]) -> list[Outcome]:
    heard = [(i, part) for i, part in enumerate(window) if isinstance(part, Heard)]
    n = len(heard)
    error = h.cs_error()
    item_errors = (h.cs_error * max(n, 1))()
    results = (ctypes.POINTER(h.cs_result) * max(n, 1))()
    pcm = (ctypes.c_void_p * max(n, 1))(*(part.address for _, part in heard))
    n_samples = (ctypes.c_size_t * max(n, 1))(*(part.n_samples for _, part in heard))
    code = lib().cs_session_transcribe_batch(session, n, pcm, n_samples, options, results, item_errors, error)
    check(code, error)
    outcomes: list[Optional[Outcome]] = [part if isinstance(part, Error) else None for part in window]
    for k, (i, part) in enumerate(heard):
        if results[k]:
            outcomes[i] = take(results[k], part.warning)
        else:
            outcomes[i] = error_of(item_errors[k], "audio", None if first is None else first + i)
    return [outcome for outcome in outcomes if outcome is not None]
