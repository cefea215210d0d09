# SPDX-License-Identifier: MIT
"""Progress: functions, our bar, tqdm's, and nothing at all."""

from __future__ import annotations

import functools
import io
import os
import re
import threading
from typing import Any

import pytest
from ctrlspeak import _progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: Any) -> Terminal:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(_progress, "_FIRST_SECONDS", 0.0)
    monkeypatch.setattr(_progress, "_FRAME_SECONDS", 0.0)
    return Terminal()  # put in place of sys.stderr by the test: pytest puts its own there after this


def in_thread(call: Any) -> Any:
    outcome: list[Any] = []

    def body() -> None:
        try:
            outcome.append(call())
        except BaseException as failure:
            outcome.append(failure)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return outcome[0]


def test_a_function_is_told_seconds_that_grow(model: Any, pcm: Any) -> None:
    for call in (in_thread, lambda call: call()):
        seen: list[tuple[float, float]] = []
        model_seconds = call(lambda seen=seen: model.transcribe(pcm, progress=lambda *told: seen.append(told))).duration_seconds
        assert len(seen) > model.info.n_layers and [s[0] for s in seen] == sorted(s[0] for s in seen)
        assert seen[-1] == (model_seconds, model_seconds)


def test_it_is_told_in_the_callers_thread(model: Any, pcm: Any) -> None:
    def told() -> set[int]:
        threads: set[int] = set()
        model.transcribe(pcm, progress=lambda done, total: threads.add(threading.get_ident()))
        return threads | {threading.get_ident()}

    assert len(told()) == 1 and len(in_thread(told)) == 1


@pytest.mark.parametrize("hook", ["progress", "stage", "tensor"])
@pytest.mark.parametrize("kind", [KeyError, SystemExit, KeyboardInterrupt])
def test_what_a_hook_raises_ends_the_call_and_is_raised(model: Any, pcm: Any, minutes: Any, hook: str, kind: Any) -> None:
    raised = kind("mine")

    def fail(*_: Any) -> None:
        raise raised

    with pytest.raises(kind) as met:
        model.transcribe(minutes, **{hook: fail})
    assert met.value is raised
    assert in_thread(lambda: model.transcribe([pcm, pcm], **{hook: fail})) is raised
    assert model.transcribe(pcm).words


def test_our_bar(model: Any, minutes: Any, terminal: Terminal, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stderr", terminal)
    for call in (in_thread, lambda call: call()):
        terminal.seek(0)
        terminal.truncate()
        assert call(lambda: model.transcribe(minutes)).words
        frames = terminal.getvalue().split("\r")
        assert frames[0] == "" and frames[-1] == "\x1b[K" and len(frames) > 3
        assert all(re.fullmatch(r"\[[#.]{24}\] +\d+%  \d+:\d\d / 10:25  [\d.]+x  (\d+:\d\d|-:--) left\x1b\[K", f) for f in frames[1:-1])
        assert "100%" in frames[-2]


def test_no_bar_where_none_is_wanted_or_seen(model: Any, pcm: Any, terminal: Terminal, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.stderr", terminal)
    model.transcribe(pcm)
    assert terminal.getvalue()  # so there is one otherwise
    terminal.seek(0)
    terminal.truncate()
    model.transcribe(pcm, verbose=False)
    model.transcribe(pcm, progress=False)
    model.transcribe(pcm, progress=lambda done, total: None)
    monkeypatch.setenv("TERM", "dumb")
    model.transcribe(pcm)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    model.transcribe(pcm)
    monkeypatch.setattr(Terminal, "isatty", lambda self: False)
    monkeypatch.delenv("NO_COLOR")
    model.transcribe(pcm)
    assert terminal.getvalue() == ""


def test_a_bar_that_cannot_write_is_given_up(model: Any, pcm: Any, terminal: Terminal, monkeypatch: Any) -> None:
    def gone(self: Any, text: str) -> int:
        raise BrokenPipeError

    expected = model.transcribe(pcm, verbose=False)
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr(Terminal, "write", gone)
    assert model.transcribe(pcm) == expected


def test_nothing_is_made_for_a_stderr_that_cannot_be_written_to(model: Any, pcm: Any, monkeypatch: Any) -> None:
    class Without(io.StringIO):
        def fileno(self) -> int:
            return -1

    closed, made = io.StringIO(), []
    closed.close()
    reading, writing = os.pipe()
    os.close(reading)
    shut = os.fdopen(writing, "w")
    os.close(writing)

    class Bar:
        def __init__(self, **_: Any) -> None:
            made.append(1)

        n = 0

        def update(self, n: float) -> None: ...

        def close(self) -> None: ...

    expected = model.transcribe(pcm, verbose=False)
    for stream in (None, Without(), closed, shut, object()):
        monkeypatch.setattr("sys.stderr", stream)
        assert model.transcribe(pcm) == model.transcribe(pcm, progress=Bar) == model.transcribe(pcm, progress=True) == expected
    assert not made
    monkeypatch.setattr("sys.stderr", io.StringIO())
    model.transcribe(pcm, progress=Bar, verbose=False)
    assert not made
    model.transcribe(pcm, progress=Bar)
    assert made
    monkeypatch.undo()
    try:
        shut.close()
    except OSError:
        pass


def test_the_callers_tqdm(model: Any, pcm: Any, monkeypatch: Any) -> None:
    tqdm = pytest.importorskip("tqdm", reason="tqdm is not installed")
    for kind in (tqdm.tqdm, functools.partial(tqdm.tqdm, desc="Heard")):
        out = io.StringIO()
        monkeypatch.setattr("sys.stderr", out)
        model.transcribe([pcm, pcm], progress=kind)
        monkeypatch.undo()
        assert ("Transcribing: 100%" if kind is tqdm.tqdm else "Heard: 100%") in out.getvalue() and "20.8/20.8" in out.getvalue()
