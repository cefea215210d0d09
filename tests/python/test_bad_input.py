# SPDX-License-Identifier: MIT
"""What cannot be transcribed is named by argument and position, and the rest of the list is done."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import ctrlspeak
import numpy as np
import pytest
from conftest import LONG

BAD = {
    "int64": (lambda: np.zeros(100, np.int64), ctrlspeak.ArgumentError, "an array of int64, expected float16"),
    "bool": (lambda: np.zeros(100, bool), ctrlspeak.ArgumentError, "an array of bool"),
    "complex": (lambda: np.zeros(100, complex), ctrlspeak.ArgumentError, "an array of complex128"),
    "text": (lambda: np.array(["a"]), ctrlspeak.ArgumentError, "an array of <U1"),
    "objects": (lambda: np.array([None]), ctrlspeak.ArgumentError, "an array of object"),
    "2-D": (lambda: np.zeros((100, 2), np.float32), ctrlspeak.ArgumentError, "an array of shape (100, 2), expected (n_samples,)"),
    "0-D": (lambda: np.float32(1), ctrlspeak.ArgumentError, "an array of shape ()"),
    "NaN": (lambda: np.array([0, 0, np.nan], np.float32), ctrlspeak.AudioError, "sample 2 is NaN"),
    "infinite": (lambda: np.array([np.inf], np.float64), ctrlspeak.AudioError, "sample 0 is infinite"),
    "missing file": (lambda: "none.wav", ctrlspeak.FileError, "none.wav: cannot open"),
    "folder": (lambda: Path("/"), ctrlspeak.Error, "/: "),
    "empty path": (lambda: "", ctrlspeak.FileError, "cannot open"),
    "NUL in path": (lambda: "a\0b", ctrlspeak.ArgumentError, "NUL"),
    "no audio": (lambda: __file__, ctrlspeak.Error, "test_bad_input.py: "),
    "empty bytes": (lambda: b"", ctrlspeak.AudioError, "is empty"),
    "bytes of no audio": (lambda: b"no audio at all", ctrlspeak.Error, "the bytes: "),
    "None": (lambda: None, ctrlspeak.ArgumentError, "a NoneType, expected a path"),
    "number": (lambda: 5, ctrlspeak.ArgumentError, "a int, expected a path"),
    "list in list": (lambda: [LONG], ctrlspeak.ArgumentError, "a list, expected a path"),
    "array that fails": (lambda: Fails(), ctrlspeak.ArgumentError, "a Fails that gives no array: not here"),
}


class Fails:
    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise RuntimeError("not here")


@pytest.mark.parametrize("name", BAD)
def test_one_of_a_list(model: Any, pcm: Any, name: str) -> None:
    make, kind, says = BAD[name]
    good = model.transcribe(pcm)
    outcomes = model.transcribe([LONG, make(), pcm], errors="return")
    assert outcomes[0] == outcomes[2] == good
    failure = outcomes[1]
    assert isinstance(failure, kind) and failure.argument == "audio" and failure.position == 1 and failure.code < 0
    assert str(failure).startswith("audio[1]: ") and says in str(failure)
    again = pickle.loads(pickle.dumps(failure))
    assert str(again) == str(failure) and vars(again) == vars(failure)
    with pytest.raises(ctrlspeak.BatchError) as raised:
        model.transcribe([LONG, make(), pcm])
    assert raised.value.results[::2] == [good, good] and [str(e) for e in raised.value.errors] == [str(failure)]
    assert str(raised.value) == f"{failure}, of 3 recordings" and raised.value.__cause__ is raised.value.errors[0]
    assert raised.value.code == failure.code
    assert str(pickle.loads(pickle.dumps(raised.value))) == str(raised.value)


@pytest.mark.parametrize("name", [name for name in BAD if name != "list in list"])
def test_one_alone(model: Any, name: str) -> None:
    make, kind, says = BAD[name]
    with pytest.raises(kind) as raised:
        model.transcribe(make(), errors="return")
    assert raised.value.argument == "audio" and raised.value.position is None
    assert str(raised.value).startswith("audio: ") and says in str(raised.value)


def test_where_is_the_sample(model: Any) -> None:
    pcm = np.zeros(40000, np.float32)
    pcm[31337] = np.nan
    with pytest.raises(ValueError) as raised:
        model.transcribe(pcm)
    assert raised.value.where == 31337  # type: ignore[attr-defined]


def test_nothing_to_hear_is_no_error(model: Any) -> None:
    assert model.transcribe(np.zeros(0, np.float32)).text == ""
    assert model.transcribe([]) == [] and model.transcribe((), errors="return") == []


def test_all_bad(model: Any) -> None:
    outcomes = model.transcribe([None, "none.wav"], errors="return")
    assert [outcome.position for outcome in outcomes] == [0, 1]
    with pytest.raises(ctrlspeak.BatchError, match="audio\\[0\\].*, and 1 more failed, of 2 recordings"):
        model.transcribe([None, "none.wav"])


def test_windows_keep_order_and_positions(model: Any, pcm: Any, monkeypatch: Any) -> None:
    from ctrlspeak import _batch

    monkeypatch.setattr(_batch, "WINDOW_ITEMS", 3)
    monkeypatch.setattr(_batch, "WINDOW_SECONDS", 5.0)
    short = [pcm[: 8000 + 1600 * i] for i in range(20)]
    expected = [model.transcribe(part) for part in short]
    seen: list[tuple[float, float]] = []
    items: list[Any] = [*short[:10], None, *short[10:], None]
    outcomes = model.transcribe(items, errors="return", progress=lambda done, total: seen.append((done, total)))
    assert outcomes[:10] + outcomes[11:21] == expected
    assert [outcome.position for outcome in outcomes if isinstance(outcome, ctrlspeak.Error)] == [10, 21]
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == pytest.approx(seen[-1][1]) == pytest.approx(sum(map(len, short)) / 16000)
