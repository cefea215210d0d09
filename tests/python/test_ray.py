# SPDX-License-Identifier: MIT
"""A Ray Data stage on a local cluster of two workers: results, order, errors, shared weights, and a worker that is killed."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ctrlspeak
import pytest
from conftest import DATA, LONG, ROOT, SHORT, path_of

ray = pytest.importorskip("ray", reason="ray is not there")
pa = pytest.importorskip("pyarrow", reason="pyarrow, which Ray Data needs, is not there")
pytest.importorskip("ray.data", reason="Ray Data is not there", exc_type=ImportError)

import ctrlspeak.ray  # noqa: E402
from ctrlspeak.ray import Transcriber, transcribe_dataset  # noqa: E402

SMALL = ROOT / "models" / "ctrlspeak-small.nemo"
PATIENCE_SECONDS = 100
NOTES = "CTRLSPEAK_TEST_NOTES"  # a folder, the same for all workers


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    folder = tempfile.mkdtemp(prefix="ray")  # short: its sockets' names have little room
    notes = Path(folder) / "notes"
    notes.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        packages = [str(Path(ctrlspeak.__file__).parent.parent), str(Path(__file__).parent), os.environ.get("PYTHONPATH")]
        patch.setenv("PYTHONPATH", os.pathsep.join(p for p in packages if p))
        patch.setenv(NOTES, str(notes))
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))  # else one is written into the home folder
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_raylet_start_wait_time_s", str(PATIENCE_SECONDS))
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        try:
            ray.init(
                address="local",
                num_cpus=2,
                include_dashboard=False,
                object_store_memory=80 << 20,
                log_to_driver=False,
                logging_level="error",
                _temp_dir=folder,
                _node_ip_address="127.0.0.1",
            )
            ray.data.DataContext.get_current().enable_progress_bars = False
            yield
        finally:
            ray.shutdown()
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def notes() -> Iterator[Path]:
    folder = Path(os.environ[NOTES])
    yield folder
    for note in folder.iterdir():
        note.unlink()


def note(name: str) -> None:
    (Path(os.environ[NOTES]) / name).touch()


def noted(pattern: str) -> int:
    return len(list(Path(os.environ[NOTES]).glob(pattern)))


def wait_for(pattern: str, n: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while noted(pattern) < n:
        assert time.monotonic() < until, f"{noted(pattern)} of {n} {pattern}"
        time.sleep(0.01)


def expected(paths: list[Any], **options: Any) -> list[Any]:
    with ctrlspeak.Model.open(path_of("tdt"), cache=False) as model:
        return model.transcribe(paths, errors="return", **options)


def compare(rows: list[Any], paths: list[Any]) -> None:
    outcomes = expected(paths)
    assert [row["index"] for row in rows] == list(range(len(paths)))
    for row, outcome in zip(rows, outcomes):
        if isinstance(outcome, ctrlspeak.Error):
            assert (row["error"], row["error_code"]) == (outcome.message, outcome.code)
            assert row["text"] is row["words"] is row["duration_seconds"] is None
            continue
        assert (row["text"], row["duration_seconds"], row["error"]) == (outcome.text, outcome.duration_seconds, None)
        words = [(word["text"], word["start_seconds"], word["end_seconds"]) for word in row["words"]]
        assert words == [(word.text, word.start_seconds, word.end_seconds) for word in outcome.words]
        assert [segment["text"] for segment in row["segments"]] == [segment.text for segment in outcome.segments]


def test_paths_with_bad_ones_among_them(tmp_path: Path) -> None:
    junk = tmp_path / "junk.wav"
    junk.write_bytes(b"RIFF but not really")
    paths = [SHORT, tmp_path / "none.wav", LONG, junk, None, SHORT]
    rows = transcribe_dataset(paths, path_of("tdt"), batch_size=2, concurrency=2).take_all()
    compare(rows, [None if path is None else str(path) for path in paths])
    assert [row["path"] for row in rows] == [None if path is None else str(path) for path in paths]
    assert [row["error_code"] for row in rows] == [None, -3, None, -6, -1, None]


def test_bytes_and_tables() -> None:
    table = pa.table({"speaker": ["b", "a"], "content": [SHORT.read_bytes(), b"nothing"], "text": ["what was said", ""]})
    rows = transcribe_dataset(table, path_of("tdt"), prefix="heard_").take_all()
    (short,) = expected([str(SHORT)])
    assert [set(row) for row in rows] == [{"index", "speaker", "text"} | {"heard_" + name for name in ctrlspeak.ray.RESULT_TYPES}] * 2
    assert [(row["speaker"], row["heard_text"]) for row in rows] == [("b", short.text), ("a", None)]
    assert rows[1]["heard_error"].startswith("the bytes: ")
    rows = transcribe_dataset([SHORT.read_bytes()], path_of("tdt")).take_all()
    assert [(row["text"], "bytes" in row) for row in rows] == [(short.text, False)]
    read = ray.data.read_binary_files(str(SHORT), include_paths=True)
    rows = transcribe_dataset(read, path_of("tdt")).take_all()
    assert [(row["text"], row["path"]) for row in rows] == [(short.text, str(SHORT))]
    assert transcribe_dataset([], path_of("tdt")).take_all() == []


def test_a_folder(tmp_path: Path) -> None:
    names = ["b.wav", "a/deep/c.WAV", "a/d.wav"]
    for name in [*names, "a/.hidden.wav", "a/readme.txt"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SHORT, tmp_path / name)
    (tmp_path / "a" / "circle").symlink_to(tmp_path)
    rows = transcribe_dataset(tmp_path, path_of("tdt")).take_all()
    assert [row["path"] for row in rows] == sorted(str(tmp_path / name) for name in names)
    assert [row["index"] for row in rows] == [0, 1, 2]


class Waiting(Transcriber):
    """The first rows are the last to be done."""

    def __call__(self, batch: Any) -> Any:
        first = batch.column("index")[0].as_py()
        done = super().__call__(batch)
        if first == 0:
            wait_for("done-*", 3)
        else:
            note(f"done-{first}")
        return done


def test_order(monkeypatch: pytest.MonkeyPatch, notes: Path) -> None:
    monkeypatch.setattr(ctrlspeak.ray, "Transcriber", Waiting)
    paths = [str(path) for path in [SHORT, LONG] * 8]
    compare(transcribe_dataset(paths, path_of("tdt"), batch_size=2, concurrency=2).take_all(), paths)


class Killed(Transcriber):
    """Dies with its work done and not delivered, once."""

    def __call__(self, batch: Any) -> Any:
        done = super().__call__(batch)
        note(f"pid-{os.getpid()}")
        if 6 in batch.column("index").to_pylist() and not noted("killed"):
            note("killed")
            os.kill(os.getpid(), signal.SIGKILL)
        return done


def test_a_worker_is_killed(monkeypatch: pytest.MonkeyPatch, notes: Path) -> None:
    monkeypatch.setattr(ctrlspeak.ray, "Transcriber", Killed)
    paths = [str(path) for path in [SHORT, LONG] * 8]
    compare(transcribe_dataset(paths, path_of("tdt"), batch_size=2, concurrency=1).take_all(), paths)
    assert noted("killed") == 1 and noted("pid-*") == 2


class Looking(Transcriber):
    """Tells how its weights are mapped, when two workers have used theirs."""

    def __call__(self, batch: Any) -> Any:
        done = super().__call__(batch)
        note(f"used-{os.getpid()}")
        wait_for("used-*", 2)
        row = {"pid": os.getpid(), "opened": self._stage.open().info.opened, **mapping_of_weights()}
        for name, value in row.items():
            done = done.append_column(name, pa.array([value] * done.num_rows))
        note(f"looked-{os.getpid()}")
        wait_for("looked-*", 2)  # a mapping is shared only while both have it
        return done


def mapping_of_weights() -> dict[str, Any]:
    """The sums, in kB, over the mappings of the packed file, or else of the model."""
    sums: dict[str, dict[str, int]] = {}
    file = ""
    for line in Path("/proc/self/smaps").read_text().splitlines():
        words = line.split()
        if not words[0].endswith(":"):
            file = words[5] if len(words) > 5 and words[5].endswith((".nemo", ".pack")) else ""
        elif file and words[-1] == "kB":
            kept = sums.setdefault(file, {})
            kept[words[0][:-1]] = kept.get(words[0][:-1], 0) + int(words[1])
    file = max(sums, key=lambda name: (name.endswith(".pack"), name))
    return {"mapped": file, **{name: sums[file][name] for name in ("Rss", "Shared_Clean", "Shared_Dirty", "Anonymous")}}


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="no /proc/PID/smaps here")
@pytest.mark.parametrize("precision", ["f32", "int8"])
def test_workers_of_a_host_share_the_weights(precision: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, notes: Path) -> None:
    """int8: both start without packed weights; one packs them, and both have the file mapped."""
    monkeypatch.setattr(ctrlspeak.ray, "Transcriber", Looking)
    options: dict[str, Any] = {"precision": precision, "cache": str(tmp_path / "packed"), "cache_min_bytes": 1}
    clips = sorted(str(path) for path in (ROOT / "samples").glob("*.wav"))
    rows = transcribe_dataset(clips * 2, SMALL, batch_size=1, concurrency=2, **options).take_all()
    assert [row["text"] for row in rows] == [Path(clip).with_suffix(".txt").read_text().strip() for clip in clips] * 2
    assert len({row["pid"] for row in rows}) == 2
    packed = list((tmp_path / "packed").glob("*.pack"))
    assert len(packed) == (precision == "int8")
    for row in rows:
        assert row["opened"] == {"f32": "mapped", "int8": "from the cache"}[precision]
        assert row["mapped"] == str(packed[0] if packed else SMALL)
        assert row["Anonymous"] == 0  # no page is a copy
        assert row["Rss"] > 1000 and row["Shared_Clean"] + row["Shared_Dirty"] > 0.9 * row["Rss"]  # dirty: not yet on the disk


def test_what_cannot_be_is_said_before_the_job() -> None:
    with pytest.raises(TypeError, match="did you mean 'language'"):
        transcribe_dataset([SHORT], path_of("tdt"), langauge="de")
    with pytest.raises(ctrlspeak.ArgumentError, match="expected one of auto"):
        transcribe_dataset([SHORT], path_of("tdt"), head="tail")
    with pytest.raises(ctrlspeak.ArgumentError, match='expected "sound"'):
        transcribe_dataset(pa.table({"path": ["a.wav"]}), path_of("tdt"), column="sound")
    with pytest.raises(ctrlspeak.ArgumentError, match="prefix"):
        transcribe_dataset(pa.table({"path": ["a.wav"], "text": ["a"]}), path_of("tdt"))
    with pytest.raises(ctrlspeak.ArgumentError, match=r"source\[1\]: a path in a list of bytes"):
        transcribe_dataset([b"", "a.wav"], path_of("tdt"))
    with pytest.raises(ctrlspeak.ArgumentError, match="no audio in the folder"):
        transcribe_dataset(DATA / "tdt", path_of("tdt"))


def test_what_the_model_refuses_ends_the_job() -> None:
    with pytest.raises(ray.exceptions.RayError, match="takes no language"):
        transcribe_dataset([SHORT], path_of("tdt"), language="de").take_all()
    with pytest.raises(ray.exceptions.RayError, match="none.nemo: cannot open"):
        transcribe_dataset([SHORT], DATA / "none.nemo").take_all()


def test_the_measured_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """bench/many.py, whose figures are in docs/MANY.md."""
    monkeypatch.syspath_prepend(str(ROOT / "bench"))
    import many

    run = many.with_ray(str(SMALL), str(ROOT / "samples"), workers=2, cpus=2, batch_size=1)
    assert run["texts"] == {str(clip): clip.with_suffix(".txt").read_text().strip() for clip in (ROOT / "samples").glob("*.wav")}
    assert run["seconds"] > 0 and run["audio_seconds"] > 8 and run["resident"] >= run["theirs"]
    assert "| Ray | " in many.markdown({"Ray": run})
