# SPDX-License-Identifier: MIT
"""The function for Spark's mapInPandas(): by itself with frames of pandas, and in a local Spark where there is one."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ctrlspeak
import pytest
from conftest import DATA, LONG, SHORT, path_of
from ctrlspeak import _table
from ctrlspeak.spark import RESULT_TYPES, result_schema, transcribe_dataframe, transcriber

pandas = pytest.importorskip("pandas", reason="pandas is not there")

MODEL = path_of("tdt")


def text_of(path: Any) -> str:
    with ctrlspeak.Model.open(MODEL, cache=False) as model:
        return model.transcribe(path).text


def test_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = []
    monkeypatch.setattr(_table, "_models", {})
    monkeypatch.setattr(_table, "open_shared", lambda *given: opened.append(given) or ctrlspeak.Model.open(given[0], **given[1]))
    hear = transcriber(MODEL, cache=False)
    frames = [
        pandas.DataFrame({"id": [7, 8], "path": [str(SHORT), "none.wav"]}, index=[3, 1]),
        pandas.DataFrame({"id": [], "path": []}),
        pandas.DataFrame({"id": [9, 10], "path": [f"file:{LONG}", None]}),
        pandas.DataFrame({"id": [11], "path": [f"file://{SHORT}"]}),
    ]
    first, empty, second, third = list(hear(iter(frames)))
    assert list(first.columns) == ["id", "path", *RESULT_TYPES] and list(empty.columns) == list(first.columns) and len(empty) == 0
    assert list(first.id) == [7, 8] and list(second.id) == [9, 10]
    short, long = text_of(SHORT), text_of(LONG)
    assert [list(frame.text) for frame in (first, second, third)] == [[short, None], [long, None], [short]]
    assert list(first.error_code) == [None, -3] and first.error[1].startswith("none.wav: ")  # by its index
    assert list(second.error_code) == [None, -1]
    assert " ".join(word["text"] for word in first.words[3]) == short
    assert list(frames[0].columns) == ["id", "path"]  # the caller's are as they were
    assert list(transcriber(MODEL, cache=False)(iter(frames[:1])))[0].equals(first)
    assert len(opened) == 1  # by two functions of the same model and options


def test_bytes_and_prefix() -> None:
    frame = pandas.DataFrame({"content": [SHORT.read_bytes(), b"", None], "text": ["said", "", ""]})
    (heard,) = transcriber(MODEL, cache=False, prefix="asr_")(iter([frame]))
    assert list(heard.columns) == ["text", *("asr_" + name for name in RESULT_TYPES)]
    assert list(heard.asr_text) == [text_of(SHORT), None, None] and list(heard.asr_error_code) == [None, -6, -1]


def test_times_that_a_model_does_not_have_are_nothing() -> None:
    frame = pandas.DataFrame({"path": [str(SHORT)]})
    (heard,) = transcriber(path_of("canary-v2"), cache=False, language="de")(iter([frame]))
    assert heard.words[0] and {(word["start_seconds"], word["end_seconds"]) for word in heard.words[0]} == {(None, None)}


def test_what_cannot_be() -> None:
    with pytest.raises(TypeError, match="did you mean 'language'"):
        transcriber(MODEL, langauge="de")
    with pytest.raises(ctrlspeak.ArgumentError, match="expected one of bytes, content, path, audio"):
        next(transcriber(MODEL)(iter([pandas.DataFrame({"file": ["a.wav"]})])))
    with pytest.raises(ctrlspeak.ArgumentError, match="takes no language"):
        next(transcriber(MODEL, language="de")(iter([pandas.DataFrame({"path": ["a.wav"]})])))
    with pytest.raises(ctrlspeak.FileError, match="none.nemo: cannot open"):
        next(transcriber(DATA / "none.nemo")(iter([pandas.DataFrame({"path": ["a.wav"]})])))


@pytest.fixture
def spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not there")
    pytest.importorskip("pyarrow", reason="pyarrow is not there")
    if not (shutil.which("java") or os.environ.get("JAVA_HOME")):
        pytest.skip("no Java here, which Spark is made of")
    packages = [str(Path(ctrlspeak.__file__).parent.parent), os.environ.get("PYTHONPATH")]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(p for p in packages if p))
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    build = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false").config("spark.log.level", "ERROR")
    session = build.config("spark.sql.warehouse.dir", str(tmp_path / "warehouse")).getOrCreate()
    yield session
    session.stop()


def test_in_spark(spark: Any, tmp_path: Path) -> None:
    names = [f"{i}.wav" for i in range(6)]
    for i, name in enumerate(names):
        shutil.copy(LONG if i == 2 else SHORT, tmp_path / name)
    (tmp_path / "4.wav").write_bytes(b"nothing")
    files = spark.createDataFrame(
        [(i, f"file:{tmp_path / name}") for i, name in enumerate(names)], "id int, path string"
    ).repartitionByRange(3, "id")
    rows = transcribe_dataframe(files, MODEL, cache=False).collect()
    short, long = text_of(SHORT), text_of(LONG)
    assert [(row.id, row.text) for row in rows] == [(i, [short, short, long, short, None, short][i]) for i in range(6)]
    assert [row.error_code for row in rows] == [None] * 4 + [-6, None]
    assert " ".join(word.text for word in rows[0].words) == short and rows[0].words[0].end_seconds > 0
    read = spark.read.format("binaryFile").load(str(tmp_path / "*.wav"))
    assert "content" not in result_schema(read)
    rows = transcribe_dataframe(read, MODEL, cache=False).collect()
    assert sorted(row.text or "" for row in rows) == sorted([short] * 4 + [long, ""])
