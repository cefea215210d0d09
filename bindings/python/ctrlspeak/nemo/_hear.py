# SPDX-License-Identifier: MIT
"""One call of transcribe(): its items in groups of equal options, each group heard by the plain API, results in the items' places."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any, Optional

import numpy as np

from .._batch import WINDOW_ITEMS
from ..errors import ArgumentError, BatchError, Error, UnsupportedError
from ..model import Model, Session
from ._hypothesis import Hypothesis, failed, lines_of, made
from ._inputs import Item, ItemIntake, frames_hook
from ._prompt import SLOTS, options_of
from ._settings import Settings

_LINE_SLOTS = tuple(name for name in SLOTS if name != "prompt_language")


@dataclass(frozen=True)
class Call:
    """One call: its settings, and what is the same for all its recordings."""

    settings: Settings
    options: dict[str, Any]
    full: bool
    timestamps: Optional[bool]
    prompt_format: str
    slots: dict[str, Any]

    def options_for(self, item: Item) -> dict[str, Any]:
        if not self.prompt_format:
            return self.options
        line = {name: value for name, value in item.line.items() if name in _LINE_SLOTS and value is not None}
        slots = {**self.slots, **line}
        if self.timestamps is not None:
            slots["timestamp"] = self.timestamps
        return {**self.options, **options_of(slots, self.prompt_format)}


class _Parts:
    """Progress over several calls of the library as one."""

    def __init__(self, bar: Any, n_items: int) -> None:
        self.bar, self.n_items, self.n_done, self.n_now = bar, n_items, 0, 0
        self.before = self.last = 0.0

    def begin(self, n: int) -> None:
        self.before, self.last = self.before + self.last, 0.0
        self.n_done, self.n_now = self.n_done + self.n_now, n

    def __call__(self, done: float, total: float) -> None:
        self.last = total
        known = self.before + total
        self.bar(self.before + done, known * self.n_items / max(self.n_done + self.n_now, 1))


def _is_timed(call: Call, options: dict[str, Any]) -> bool:
    """Is Hypothesis.timestamp a dict?"""
    if call.prompt_format:
        return bool(options.get("timestamps"))
    asked = call.settings.compute_timestamps or (call.settings.confidence.frame and call.options["head"] == "ctc")
    return bool(call.timestamps) or (call.timestamps is None and call.full and asked)


def hear(model: Model, call: Call, items: list[Item], bar: Any, *, single: bool = False, first: int = 0) -> list[Any]:
    """A Hypothesis per item (or its lines), those that failed included.

    bar       told how far all are, or None
    single    the errors of the one item name no position
    first     the position of the first item in the caller's list
    """
    found: list[Any] = [None] * len(items)
    groups: dict[str, tuple[dict[str, Any], list[int]]] = {}
    for i, item in enumerate(items):  # recordings with the same options are heard together
        try:
            options = call.options_for(item)
        except Error as failure:
            if not item.line:
                raise
            failure.message, failure.position = f"{failure.argument}: {failure.message}", first + i
            failure.argument = "audio"
            found[i] = failed(failure)
            continue
        groups.setdefault(repr(sorted(options.items())), (options, []))[1].append(i)
    parts = _Parts(bar, sum(len(members) for _, members in groups.values())) if bar is not None else None
    with Session(model) as session:
        for options, members in groups.values():
            if parts is not None:
                parts.begin(len(members))
            group = _Group(model, call, options, items, members, found, None if single else first)
            try:
                group.hear(session, parts)
            except (ArgumentError, UnsupportedError) as failure:  # of options: of a line's, where it has some
                if not any(items[i].line for i in members):
                    raise
                _fail_rest(found, members, failure, first)
    return found


@dataclass
class _Group:
    """Recordings with the same options."""

    model: Model
    call: Call
    options: dict[str, Any]
    items: list[Item]
    members: list[int]  # of items
    found: list[Any]  # as items; takes the results
    first: Optional[int]  # None: errors name no position

    def hear(self, session: Session, parts: Optional[_Parts]) -> None:
        call, scores = self.call, list[Any]()
        wants_scores = call.full and call.options["head"] == "ctc"
        given = {**self.options, "tensor": frames_hook(scores)} if wants_scores else self.options
        timed = _is_timed(call, self.options)

        def keep(k: int, outcome: Any) -> None:
            i = self.members[k]
            if isinstance(outcome, Error):
                if self.first is not None:
                    outcome.position = self.first + i
                self.found[i] = failed(outcome)
                return
            own = scores.pop() if scores else np.empty((0, self.model.info.vocab_size + 1), np.float32)
            h = made(outcome, call.settings, full=call.full, timed=timed, scores=own)
            self.found[i] = lines_of(h) if call.settings.n_best else h

        session._transcribe(
            [self.items[i] for i in self.members],
            ItemIntake(self.model.info.sample_rate_hz, None, None, None),
            given,
            parts if parts is not None else False,
            single=self.first is None,
            on_item=keep,
            window_items=1 if wants_scores else WINDOW_ITEMS,
        )


def _fail_rest(found: list[Any], members: list[int], failure: Error, first: int) -> None:
    for i in members:
        if found[i] is None:
            own = copy.copy(failure)
            own.argument, own.position = "audio", first + i
            found[i] = failed(own)


def raise_failed(found: list[Any]) -> None:
    """After all is done: what failed."""
    wrong = [h.error for h in found if isinstance(h, Hypothesis) and h.error is not None]
    if not wrong:
        return
    if len(found) == 1 and wrong[0].position is None:
        raise wrong[0]
    rest = f", and {len(wrong) - 1} more failed" if len(wrong) > 1 else ""
    results: list[Any] = [h.error if isinstance(h, Hypothesis) and h.error is not None else h for h in found]
    raise BatchError(f"{wrong[0]}{rest}, of {len(found)} recordings", results) from wrong[0]
