# SPDX-License-Identifier: MIT
"""Models, results, options, files and arrays."""

from __future__ import annotations

import copy
import json
import math
import pickle
import re
import shutil
import threading
from pathlib import Path
from typing import Any

import ctrlspeak
import numpy as np
import pytest
from conftest import LONG, ROOT, SHORT, path_of
from ctrlspeak import _header, _library
from ctrlspeak._options import NAMES, Options


def test_version_is_the_librarys_and_the_projects() -> None:
    assert ctrlspeak.__version__ == _library.text(_library.lib().cs_version())
    assert f"version: '{ctrlspeak.__version__}'" in (ROOT / "meson.build").read_text()


def test_info_tells_what_the_model_is(model: Any, canary: Any) -> None:
    info = model.info
    assert (info.family, info.heads, info.precision, info.sample_rate_hz) == ("tdt", ("tdt",), "f32", 16000)
    assert canary.info.family == "aed" and "de" in canary.info.languages and canary.info.prompt_format == "canary2"
    assert len(model.tensors()) > 50 and all(tensor.shape for tensor in model.tensors() if tensor.dtype == "f32")
    assert "tdt" in repr(model) and model.encode("we") and model.encode("") == []


def test_the_examples_of_the_page(tmp_path: Path, monkeypatch: Any, capsys: Any) -> None:
    page = (ROOT / "bindings" / "python" / "README.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    shutil.copy(path_of("tdt"), "parakeet-tdt-0.6b-v3.nemo")
    shutil.copy(LONG, "talk.flac")
    names: dict[str, Any] = {}
    for example in re.findall(r"```python\n(.*?)```", page, re.S):
        exec(example, names)
        if "results" in names and "seen" not in names:
            said = capsys.readouterr().out
            assert "audio[1]: none.flac: cannot open: No such file or directory\n1 -3\n" in said
    assert names["seen"][-1] == 1.0 and Path("talk.srt").read_text() == names["result"].to_srt()


def test_a_result_has_text_words_segments_tokens(model: Any) -> None:
    result = model.transcribe(LONG)
    assert str(result) == result.text and result.text.startswith("The harbour was quiet")
    assert "10.41 s, 22 words" in repr(result)
    assert len(result.words) == 22 and len(result.segments) == 4
    for word in result.words:
        tokens = result.tokens[word.first_token : word.first_token + word.n_tokens]
        assert "".join(token.piece for token in tokens).replace("\u2581", "").strip().startswith(word.text[:1])
        assert 0 <= word.start_seconds <= word.end_seconds <= result.duration_seconds + 0.1
    assert sum(segment.n_words for segment in result.segments) == 22
    assert result.head == "tdt" and result.precision == "f32" and result.has_times and result.warning is None
    assert result.mel_ms > 0 and result.encoder_ms > 0


def test_results_are_plain_data(model: Any, canary: Any) -> None:
    for result in (canary.transcribe(LONG), model.transcribe(LONG)):
        assert pickle.loads(pickle.dumps(result)) == result == copy.deepcopy(result)
    assert result != model.transcribe(SHORT)
    with pytest.raises(AttributeError):
        result.text = "another"


def test_writers(model: Any) -> None:
    result = pickle.loads(pickle.dumps(model.transcribe(LONG)))
    assert result.to_txt() == result.text + "\n"
    said = json.loads(result.to_json(file="long.wav"))
    assert said["text"] == result.text and said["file"] == "long.wav" and said["model"] == "model"
    assert [word["word"] for word in said["words"]] == [word.text for word in result.words]
    assert json.loads(result.to_jsonl(timestamps="none"))["words"] == []
    assert result.to_srt().startswith("1\n00:00:00,080 --> 00:00:04,960\n")
    assert max(map(len, result.to_vtt(max_line_chars=20).splitlines()[4:])) <= 30 and result.to_vtt().startswith("WEBVTT")
    assert len(result.to_ctm(file="long", channel=2).splitlines()) == 22 and result.to_ctm(file="long", channel=2).startswith("long 2 ")
    assert len(result.to_tsv().splitlines()) >= 4
    with pytest.raises(ctrlspeak.ArgumentError, match="format.*docx.*txt, json"):
        result.write("docx")
    with pytest.raises(ctrlspeak.ArgumentError, match="max_lines"):
        result.to_srt(max_lines=0)


def test_canary_options_and_alternatives(canary: Any) -> None:
    result = canary.transcribe(LONG, language="en", target_language="en", timestamps=True, search="beam", beams=3, n_best=2)
    assert (result.head, result.language, result.target_language, result.has_times) == ("aed", "en", "en", True)
    assert len(result.alternatives) == 2 and result.alternatives[0].text == result.text and len(result.alternatives[0].ids) > 20
    plain = canary.transcribe(LONG, punctuation=True)
    assert not plain.has_times and all(math.isnan(token.start_seconds) for token in plain.tokens) and plain.alternatives == []
    assert plain == canary.transcribe(LONG, punctuation=True)  # NaN or not
    with pytest.raises(ctrlspeak.ArgumentError, match="times"):
        plain.to_srt()
    with pytest.raises(ctrlspeak.ArgumentError, match='"xx".*de'):
        canary.transcribe(LONG, language="xx")


def test_options_are_all_of_the_headers() -> None:
    fields = {name for name, _ in _header.cs_transcribe_options._fields_}
    fields -= {"struct_size", "progress", "progress_user", "tensor_user", "stage_user"}
    fields = {"att_context" if name.startswith("att_") else name for name in fields}
    assert fields == set(NAMES) == set(Options.__annotations__)


def test_options_reach_the_library(model: Any, pcm: Any) -> None:
    stages: list[str] = []
    shapes: dict[str, tuple[int, ...]] = {}
    result = model.transcribe(
        pcm,
        stage=lambda name, ms: stages.append(name),
        tensor=lambda name, data: shapes.update({name: data.shape}),
        confidence="max_prob",
        confidence_aggregate="mean",
        confidence_alpha=0.5,
        max_symbols=10,
        threads=1,
        head="tdt",
        natural_ctc_times=False,
    )
    assert {"mel", "decode", "words"} <= set(stages) and shapes["mel"][0] == model.info.n_mels
    assert shapes["encoder"] == (result.n_frames, model.info.d_model)
    assert result.text == model.transcribe(pcm).text and result.words[3].confidence != model.transcribe(pcm).words[3].confidence
    with ctrlspeak.Model.open(path_of("rnnt-stream"), cache=False) as stream:
        contexts = [tuple(map(int, pair)) for pair in re.findall(r"\[(\d+),(\d+)\]", stream.info.attention)]
        assert stream.transcribe(pcm, att_context=contexts[0]) == stream.transcribe(pcm)
        with pytest.raises(ctrlspeak.ArgumentError, match=r"attention context \[1, 2\]"):
            stream.transcribe(pcm, att_context=(1, 2))


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("head", "rnn", 'head: "rnn", expected one of auto, ctc'),
        ("head", 3, "head: a int"),
        ("beams", 1.5, "beams: a float, expected an int"),
        ("beams", 2**40, "beams: 1099511627776, expected"),
        ("punctuation", "yes", "punctuation: a str, expected True, False or None"),
        ("language", b"en", "language: a bytes, expected a str"),
        ("context", "a\0b", "context: holds a NUL"),
        ("length_penalty", "x", "length_penalty: a str, expected a number"),
        ("att_context", 5, "att_context: expected"),
        ("stage", 5, "stage: a int, expected something to call"),
        ("confidence_alpha", -1, "confidence alpha is -1"),
        ("progress", 5, "progress: a int"),
        ("sample_rate", 0, "sample_rate: 0, expected 1 to"),
        ("channel", "left", 'channel: "left"'),
        ("raw", 5, "raw: a int"),
        ("errors", "ignore", "errors: 'ignore', expected"),
    ],
)
def test_options_that_cannot_be_are_named(model: Any, pcm: Any, option: str, value: Any, says: str) -> None:
    with pytest.raises(ctrlspeak.ArgumentError, match=re.escape(says)):
        model.transcribe(pcm, **{option: value})


def test_unknown_options_are_named(model: Any, pcm: Any) -> None:
    with pytest.raises(TypeError, match="'langage', did you mean 'language'"):
        model.transcribe(pcm, langage="en")


def test_arrays_of_every_kind(model: Any, pcm: Any) -> None:
    expected = model.transcribe(pcm)
    int16 = np.round(pcm * 32768).astype(np.int16)
    assert np.array_equal(int16 / np.float32(32768), pcm)  # the file is 16 bits
    same = [pcm.astype(np.float64), int16, int16.astype(np.int32) * 65536, pcm.astype(">f4"), np.repeat(pcm, 2)[::2], LONG.read_bytes()]
    same += [bytearray(LONG.read_bytes()), memoryview(LONG.read_bytes()), LONG, str(LONG)]
    assert model.transcribe(same) == [expected] * len(same)
    for near in (pcm.astype(np.float16), (pcm * 127).astype(np.int8), (pcm * 127 + 128).astype(np.uint8)):
        assert model.transcribe(near).duration_seconds == expected.duration_seconds
    frozen = pcm.copy()
    frozen.flags.writeable = False
    assert model.transcribe(frozen) == expected

    class Wave:
        def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
            return pcm

    assert model.transcribe(Wave()) == expected


def test_float32_is_not_copied(pcm: Any) -> None:
    from ctrlspeak.audio import Intake, mono

    assert np.shares_memory(mono(pcm), pcm)
    assert Intake(16000, None, None, None).hear(pcm).address == pcm.ctypes.data


def test_sample_rate_channel_raw(model: Any, pcm: Any) -> None:
    expected = model.transcribe(pcm)
    slow = ctrlspeak.read_audio(LONG, rate=8000)
    assert slow.rate_hz == 8000 and slow.source_rate_hz == 16000 and abs(slow.samples.size * 2 - pcm.size) <= 2
    result = model.transcribe(slow.samples, sample_rate=8000)
    assert abs(result.duration_seconds - expected.duration_seconds) < 0.01 and result.words
    int16 = np.round(pcm * 32768).astype("<i2")
    assert model.transcribe(int16.tobytes(), raw="s16le:16000:1") == expected
    stereo = np.stack([int16, np.zeros_like(int16)], axis=1).tobytes()
    assert model.transcribe(stereo, raw="s16le:16000:2", channel=0) == expected
    assert model.transcribe(stereo, raw="s16le:16000:2", channel=1).text != expected.text
    each = ctrlspeak.read_audio(stereo, raw="s16le:16000:2", channel="each").samples
    assert each.shape == (2, pcm.size) and np.array_equal(each[0], pcm) and not each[1].any()
    with pytest.raises(ctrlspeak.ArgumentError, match="channel: .*each"):
        model.transcribe(stereo, raw="s16le:16000:2", channel="each")


def test_a_file_that_broke_off_is_told(model: Any, tmp_path: Path) -> None:
    cut = tmp_path / "cut.wav"
    cut.write_bytes(LONG.read_bytes()[:100044])
    result = model.transcribe(cut)
    assert result.duration_seconds == 3.125 and result.warning


def test_sessions(model: Any, pcm: Any) -> None:
    expected = model.transcribe(pcm)
    with model.session() as session:
        assert session.transcribe(pcm) == expected and session.transcribe([pcm, pcm]) == [expected] * 2
        session.cancel()  # none runs: the next one
        with pytest.raises(ctrlspeak.Cancelled) as cancelled:
            session.transcribe(pcm)
        assert cancelled.value.code == -7
        assert session.transcribe(pcm) == expected
    session.close()
    session.cancel()
    with pytest.raises(ctrlspeak.ArgumentError, match="the session is closed"):
        session.transcribe(pcm)


def test_cancel_from_another_thread(model: Any, minutes: Any, pcm: Any) -> None:
    with model.session() as session:
        threads = []

        def cancel(name: str, ms: float) -> None:  # a stage has ended: the call runs
            if not threads:
                threads.append(threading.Thread(target=session.cancel))
                threads[0].start()
                threads[0].join()

        with pytest.raises(ctrlspeak.Cancelled):
            session.transcribe(minutes, stage=cancel)
        assert threads and session.transcribe(pcm).words


def test_closing(pcm: Any) -> None:
    opened = ctrlspeak.Model.open(path_of("tdt"), cache=False)
    session = opened.session()
    opened.close()
    opened.close()
    assert session.transcribe(pcm).words  # a session is an owner
    with pytest.raises(ctrlspeak.ArgumentError, match="the model is closed"):
        opened.transcribe(pcm)
    session.close()


def test_a_model_that_is_pickled_is_opened_again(model: Any, pcm: Any) -> None:
    with pickle.loads(pickle.dumps(model)) as again:
        assert again.transcribe(pcm) == model.transcribe(pcm)


def test_opening_with_options(tmp_path: Path, pcm: Any) -> None:
    said: list[tuple[str, str, str]] = []
    options = {"precision": "int8", "threads": 1, "cpu": "c", "cache": tmp_path / "packed", "cache_min_bytes": 1}
    with ctrlspeak.Model.open(path_of("tdt"), **options, log=lambda *event: said.append(event)) as packed:
        assert (packed.info.precision, packed.info.threads, packed.info.cpu_path, packed.info.opened) == ("int8", 1, "c", "packed now")
        assert packed.transcribe(pcm).precision == "int8"
    with ctrlspeak.Model.open(path_of("tdt"), **options) as mapped:
        assert mapped.info.opened == "from the cache"
    assert all(level in _header.LOG_LEVEL and part and text for level, part, text in said)
    (tmp_path / "file").write_text("")
    options["cache"] = tmp_path / "file"
    with ctrlspeak.Model.open(path_of("tdt"), **options, log=lambda *event: said.append(event)):
        assert ("info", "cache", f"{tmp_path}/file: is no folder; packed weights are not kept") in said


def test_the_default_cache_is_the_commands(tmp_path: Path, monkeypatch: Any) -> None:
    from ctrlspeak.model import _cache_folder

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert _cache_folder(True) == bytes(tmp_path / "ctrlspeak" / "packed")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert _cache_folder(True) == b"/home/somebody/.cache/ctrlspeak/packed"
    assert _cache_folder(False) is None and _cache_folder("there") == b"there"


def test_models_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ctrlspeak.FileError, match="none.nemo") as missing:
        ctrlspeak.Model.open(tmp_path / "none.nemo")
    assert isinstance(missing.value, OSError) and missing.value.code == -3
    (tmp_path / "bad.nemo").write_bytes(b"no model")
    with pytest.raises(ctrlspeak.ModelError, match="bad.nemo"):
        ctrlspeak.Model.open(tmp_path / "bad.nemo")
    with pytest.raises(ctrlspeak.ArgumentError, match="path: a NoneType"):
        ctrlspeak.Model.open(None)  # type: ignore[arg-type]
    with pytest.raises(ctrlspeak.ArgumentError, match='precision: "int4", expected one of auto, f32'):
        ctrlspeak.Model.open(path_of("tdt"), precision="int4")
    with pytest.raises(ctrlspeak.ArgumentError, match="unknown CPU path"):
        ctrlspeak.Model.open(path_of("tdt"), cpu="6502")
