# SPDX-License-Identifier: MIT
"""ctrlspeak.nemo beside NeMo: shapes of results as recorded (tools/golden/make_shapes.py), inputs, arguments, refusals."""

from __future__ import annotations

import dataclasses
import io
import json
import pickle
import re
import threading
import wave
from pathlib import Path
from typing import Any

import ctrlspeak
import numpy as np
import pytest
from conftest import DATA, LONG, ROOT, SHORT, path_of
from ctrlspeak.nemo import ASRModel, Config, EncDecMultiTaskModel, Hypothesis, MultiTaskTranscriptionConfig, NotSupported, TranscribeConfig

SHAPES = json.loads((Path(__file__).parent / "data" / "nemo_shapes.json").read_text())
QUIET: dict[str, Any] = {"verbose": False}


def open_model(name: str) -> Any:
    return ASRModel.restore_from(path_of(name), cache=False)


@pytest.fixture(scope="module")
def tdt() -> Any:
    with open_model("tdt") as model:
        yield model


@pytest.fixture
def hybrid() -> Any:
    with open_model("tdt-ctc") as model:
        yield model


@pytest.fixture
def canary() -> Any:
    with open_model("canary-v2") as model:
        yield model


def texts(found: Any) -> list[str]:
    return [h.text for h in found]


# ------------------------------------------------------------ shapes


def described(value: Any) -> Any:
    """As make_shapes.py; an array is what NeMo has as a tensor."""
    if isinstance(value, np.ndarray):
        return f"tensor {value.dtype} {value.ndim}"
    if isinstance(value, dict):
        return {key: described(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [described(value[0])] if value else []
    return None if value is None else type(value).__name__


def numbers_alike(shape: Any) -> Any:
    """numpy's and torch's numbers as Python's."""
    if isinstance(shape, dict):
        return {key: numbers_alike(part) for key, part in shape.items()}
    if isinstance(shape, list):
        return [numbers_alike(part) for part in shape]
    return {
        "int64": "int",
        "float64": "float",
        "tensor int64 0": "int",
        "tensor float32 0": "float",
    }.get(shape, shape)


def test_fields_are_nemos() -> None:
    assert [f.name for f in dataclasses.fields(Hypothesis)][: len(SHAPES["fields"])] == SHAPES["fields"]


def ask(model: Any, call: str, config: dict[str, Any]) -> Any:
    if call.startswith("confidence"):
        with_words = {"confidence_cfg": {"preserve_word_confidence": True}}
        if hasattr(model, "cur_decoder"):
            model.change_decoding_strategy({**config, **with_words}, decoder_type=model.cur_decoder)
        else:
            model.change_decoding_strategy({**config, **with_words})
    one, two = [str(SHORT)], [str(SHORT)] * 2
    return {
        "plain": lambda: model.transcribe(one, **QUIET),
        "single": lambda: model.transcribe(str(SHORT), **QUIET),
        "two": lambda: model.transcribe(two, **QUIET),
        "hypotheses": lambda: model.transcribe(one, return_hypotheses=True, **QUIET),
        "timestamps": lambda: model.transcribe(one, timestamps=True, **QUIET),
        "no timestamps": lambda: model.transcribe(one, timestamps=False, return_hypotheses=True, **QUIET),
        "confidence": lambda: model.transcribe(one, return_hypotheses=True, **QUIET),
        "confidence, timestamps": lambda: model.transcribe(one, timestamps=True, **QUIET),
    }[call]()


# What we have not (docs/FROM-NEMO.md), and what NeMo has as an empty tensor.
DIFFERS = {"dec_state", "token_duration", "langs", "result"}


@pytest.mark.parametrize("key", [key for key in SHAPES if key != "fields"])
def test_shapes_are_nemos(key: str) -> None:
    name, _, head = key.partition(" ")
    for call, wanted in SHAPES[key].items():
        with open_model(name) as model:
            if head:
                model.change_decoding_strategy(decoder_type="ctc")
            config = {"strategy": "greedy"} if name.startswith("canary") else {}
            if "error" in wanted:
                if call == "no timestamps":  # asks for nothing that canary-1b cannot do
                    assert len(ask(model, call, config)) == 1
                else:
                    with pytest.raises(ctrlspeak.Error):
                        ask(model, call, config)
                continue
            found = ask(model, call, config)
        assert type(found).__name__ == wanted["type"] and len(found) == wanted["n"]
        ours = {f.name: described(getattr(found[0], f.name)) for f in dataclasses.fields(found[0])}
        shape = numbers_alike(wanted["first"])
        label = f"{key}, {call}"
        for field in shape:
            if field in DIFFERS:
                continue
            if field == "timestamp" and call == "no timestamps":  # NeMo's flash: a dict of nothing
                assert isinstance(found[0].timestamp, (list, np.ndarray)), label
            elif field == "timestamp" and isinstance(shape[field], dict):
                check_entries(ours[field], shape[field], label)
            elif field == "word_confidence":
                assert ours[field] == ["float"], label
            elif field == "token_confidence":
                assert ours[field] == ["float"], label
            else:
                assert ours[field] == shape[field], f"{label}: {field}"
        extra = {field for field in ours if ours[field] is not None and field not in shape} - DIFFERS
        assert extra <= ({"frame_confidence", "token_confidence", "word_confidence"} if call == "confidence, timestamps" else set()), label
        for mine, theirs in zip(found[0].timestamp["char"] if "chars" in wanted else [], wanted.get("chars", [])):
            assert [mine["char"], mine["start_offset"], mine["end_offset"]] == theirs, label
        assert "chars" not in wanted or len(found[0].timestamp["char"]) == len(wanted["chars"])


def check_entries(found: Any, wanted: Any, label: str) -> None:
    assert list(found) == list(sorted(wanted, key=("timestep", "char", "word", "segment").index)), label
    for kind, entries in wanted.items():
        if entries and isinstance(entries[0], dict):  # start and end are always there
            assert {**entries[0], "start": "float", "end": "float"} == found[kind][0], f"{label}: {kind}"


# ------------------------------------------------------------ inputs


class Tensor:
    """As torch's, with a gradient and on a device of its own."""

    def __init__(self, samples: Any, steps: tuple[str, ...] = ()) -> None:
        self.samples, self.steps = samples, steps

    def detach(self) -> Tensor:
        return Tensor(self.samples, (*self.steps, "detach"))

    def cpu(self) -> Tensor:
        return Tensor(self.samples, (*self.steps, "cpu"))

    def numpy(self) -> Any:
        assert self.steps == ("detach", "cpu")
        return self.samples


def test_inputs_of_every_kind(tdt: Any, pcm: Any, tmp_path: Path) -> None:
    manifest = tmp_path / "two.json"
    manifest.write_text("".join(json.dumps({"audio_filepath": str(p), "duration": 1e5, "text": ""}) + "\n\n" for p in (LONG, SHORT)))
    long, short = texts(tdt.transcribe([str(LONG), str(SHORT)], **QUIET))
    assert long != short and long and short
    line = {"audio_filepath": str(SHORT)}
    mixed = [
        pcm,
        SHORT,
        Tensor(pcm),
        line,
        LONG.read_bytes(),
        str(manifest),
        pcm.astype(np.float64),
        np.round(pcm * 32768).astype(np.int16),
    ]
    assert texts(tdt.transcribe(mixed, **QUIET)) == [long, short, long, short, long, long, short, long, long]
    assert texts(tdt.transcribe(str(manifest), **QUIET)) == [long, short]
    assert texts(tdt.transcribe([str(manifest)], **QUIET)) == [long, short]
    assert texts(tdt.transcribe(tuple([pcm] * 2), **QUIET)) == [long, long]
    assert texts(tdt.transcribe(pcm, **QUIET)) == [long]


@pytest.mark.parametrize("batch_size", (1, 2, 7, 100))
def test_order(tdt: Any, pcm: Any, batch_size: int) -> None:
    cuts = [pcm[: 16000 * (1 + 3 * i % 7)] for i in range(11)]
    alone = [tdt.transcribe(cut, timestamps=True, **QUIET)[0] for cut in cuts]
    together = tdt.transcribe(cuts, batch_size=batch_size, timestamps=True, **QUIET)
    assert [h.text for h in together] == [h.text for h in alone] and [h.timestamp for h in together] == [h.timestamp for h in alone]
    batches = list(tdt.transcribe_generator(cuts, TranscribeConfig(batch_size=batch_size, timestamps=True, verbose=False)))
    assert [len(batch) for batch in batches[:-1]] == [batch_size] * (len(batches) - 1)
    assert [h.timestamp for batch in batches for h in batch] == [h.timestamp for h in alone]


def test_log_probabilities_in_order(hybrid: Any, pcm: Any) -> None:
    hybrid.change_decoding_strategy(decoder_type="ctc")
    cuts = [pcm[:32000], np.array([np.nan], np.float32), pcm, pcm[:0], pcm[16000:48000]]
    found = hybrid.transcribe(cuts, return_hypotheses=True, errors="return", **QUIET)
    for i in (0, 2, 3, 4):
        (alone,) = hybrid.transcribe([cuts[i]], return_hypotheses=True, **QUIET)
        assert np.array_equal(found[i].y_sequence, alone.y_sequence) and found[i].alignments is found[i].y_sequence
        assert found[i].y_sequence.shape == (found[i].length, hybrid.info.vocab_size + 1)
    assert found[1].error is not None and found[2].length > found[0].length > found[3].length == 0


def test_parts_of_files(tdt: Any, pcm: Any, tmp_path: Path) -> None:
    (part,) = tdt.transcribe([{"audio_filepath": str(LONG), "offset": 2.0, "duration": 3.0}], timestamps=True, **QUIET)
    (same,) = tdt.transcribe(pcm[32000:80000], timestamps=True, **QUIET)
    assert part.text == same.text and part.timestamp == same.timestamp
    (beyond,) = tdt.transcribe([{"audio_filepath": str(LONG), "offset": 1e6}], **QUIET)
    assert beyond.text == ""


def test_paths_beside_the_manifest(tdt: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "wavs").mkdir()
    (tmp_path / "wavs" / "a.wav").write_bytes(SHORT.read_bytes())
    (tmp_path / "m.jsonl").write_text(json.dumps({"audio_filepath": "wavs/a.wav", "duration": None}))
    (short,) = texts(tdt.transcribe(str(SHORT), **QUIET))
    assert texts(tdt.transcribe(str(tmp_path / "m.jsonl"), **QUIET)) == [short]
    monkeypatch.chdir(tmp_path / "wavs")
    (tmp_path / "m.jsonl").write_text(json.dumps({"audio_filepath": "a.wav"}))
    assert texts(tdt.transcribe("../m.jsonl", **QUIET)) == [short]


def test_channels(tdt: Any, pcm: Any, tmp_path: Path) -> None:
    ints = np.round(pcm * 32768).astype(np.int16)
    with wave.open(str(tmp_path / "two.wav"), "wb") as file:
        file.setparams((2, 2, 16000, 0, "NONE", ""))
        file.writeframes(np.stack([ints, np.zeros_like(ints)], 1).tobytes())
    path = str(tmp_path / "two.wav")
    (long,) = texts(tdt.transcribe(pcm, **QUIET))
    assert texts(tdt.transcribe([path], channel_selector=0, **QUIET)) == [long]
    assert texts(tdt.transcribe([path], channel_selector=1, **QUIET)) != [long]
    (half,) = tdt.transcribe(pcm / 2, **QUIET)
    for selector in (None, "average"):
        assert texts(tdt.transcribe([path], channel_selector=selector, **QUIET)) == [half.text]
    lines = [{"audio_filepath": path, "side": side} for side in (1, 0)]
    silent, loud = texts(tdt.transcribe(lines, channel_selector="side", **QUIET))
    assert loud == long and silent != long
    with pytest.raises(ctrlspeak.BatchError, match=r"audio\[0\]: .*side"):
        tdt.transcribe([{"audio_filepath": path}, lines[1]], channel_selector="side", **QUIET)
    with pytest.raises(NotSupported, match="channel_selector"):
        tdt.transcribe([path], channel_selector=[0, 1], **QUIET)


def test_bad_lines_keep_their_places(tdt: Any, tmp_path: Path) -> None:
    good = json.dumps({"audio_filepath": str(SHORT)})
    bad = ["{", "[1]", "{}", json.dumps({"audio_filepath": "none.wav"}), json.dumps({"audio_filepath": str(SHORT), "offset": "x"})]
    (tmp_path / "m.json").write_text("\n".join([good, *bad, good]))
    found = tdt.transcribe(str(tmp_path / "m.json"), errors="return", **QUIET)
    assert len(found) == 7 and found[0].text == found[6].text != "" and found[0].error is None
    for i, says in enumerate(("line 2: no JSON", "line 3: a list", "line 4: expected a path", "none.wav", "line 6: offset is 'x'"), 1):
        assert found[i].text == "" and found[i].error.position == i and found[i].error.argument == "audio"
        assert says in str(found[i].error), str(found[i].error)
    with pytest.raises(ctrlspeak.BatchError, match="and 4 more failed, of 7 recordings") as raised:
        tdt.transcribe(str(tmp_path / "m.json"), **QUIET)
    assert raised.value.results[6].text == found[6].text and len(raised.value.errors) == 5
    batches = []
    with pytest.raises(ctrlspeak.BatchError, match="of 7"):
        for batch in tdt.transcribe_generator(str(tmp_path / "m.json"), TranscribeConfig(verbose=False)):
            batches.append(batch)
    assert [h.text for batch in batches for h in batch] == texts(found)


def test_inputs_that_are_none(tdt: Any, tmp_path: Path) -> None:
    class DataLoader:
        dataset, batch_size = None, 4

    with pytest.raises(ValueError, match="Input `audio` is empty"):
        tdt.transcribe([], **QUIET)
    with pytest.raises(ValueError, match=r"a int, expected a path"):
        tdt.transcribe(5, **QUIET)
    with pytest.raises(ctrlspeak.FileError, match="is a directory"):
        tdt.transcribe(str(tmp_path), **QUIET)
    with pytest.raises(ctrlspeak.FileError, match="expected a manifest"):
        tdt.transcribe(str(tmp_path / "none.json"), **QUIET)
    with pytest.raises(NotSupported, match="audio: .*DataLoader"):
        tdt.transcribe(DataLoader(), **QUIET)
    with pytest.raises(ctrlspeak.BatchError, match=r"audio\[1\]: .*NoneType"):
        tdt.transcribe([str(SHORT), None], **QUIET)


# ------------------------------------------------------------ arguments


def test_options_belong_to_the_call(hybrid: Any, pcm: Any) -> None:
    hybrid.transcribe(pcm, timestamps=True, **QUIET)
    (h,) = hybrid.transcribe(pcm, **QUIET)
    assert h.timestamp == [] and h.token_duration is None
    (h,) = hybrid.transcribe(pcm, return_hypotheses=True, timestamps=False, **QUIET)
    assert h.timestamp.tolist() == [t.frame for t in h.result.tokens]


def test_override_config(tdt: Any, pcm: Any) -> None:
    class Foreign:  # NeMo's own class has these and more
        _internal, return_hypotheses, batch_size, verbose, timestamps, augmentor, use_lhotse = None, True, 2, False, None, None, True

    for config in (TranscribeConfig(return_hypotheses=True, verbose=False), Foreign()):
        (h,) = tdt.transcribe(pcm, return_hypotheses=False, override_config=config)
        assert isinstance(h.timestamp, np.ndarray)
        (h,) = tdt.transcribe(pcm, override_config=config, timestamps=True)
        assert h.timestamp["word"]
    with pytest.raises(ctrlspeak.ArgumentError, match="override_config"):
        tdt.transcribe(pcm, override_config={"batch_size": 1})
    assert config.return_hypotheses and config.timestamps is None


REFUSED: dict[str, Any] = {
    "self_attention_model": lambda m, _: m.change_attention_model("abs_pos"),
    "augmentor": lambda m, a: m.transcribe(a, augmentor={"white_noise": {}}),
    "partial_hypothesis": lambda m, a: m.transcribe(a, partial_hypothesis=[1]),
    "decoding_cfg.strategy": lambda m, _: m.change_decoding_strategy({"strategy": "maes"}),
    "decoding_cfg.preserve_alignments": lambda m, _: m.change_decoding_strategy({"preserve_alignments": True}),
    "decoding_cfg.temperature": lambda m, _: m.change_decoding_strategy({"temperature": 0.5}),
    "decoding_cfg.confidence_cfg.exclude_blank": lambda m, _: m.change_decoding_strategy({"confidence_cfg": {"exclude_blank": False}}),
    "decoding_cfg.greedy.ngram_lm_model": lambda m, _: m.change_decoding_strategy({"greedy": {"ngram_lm_model": "lm.nemo"}}),
    "decoding_cfg.greedy.boosting_tree.key_phrases_list": lambda m, _: m.change_decoding_strategy(
        {"greedy": {"boosting_tree": {"key_phrases_list": ["a"], "context_score": 1.0}}}
    ),
    "decoding_cfg.new_thing": lambda m, _: m.change_decoding_strategy({"new_thing": True}),
    "device": lambda m, _: m.cuda(),
    "dtype": lambda m, _: m.to("cpu", "float16"),
    "mode": lambda m, _: m.train(),
    "map_location": lambda _m, _: ASRModel.restore_from(path_of("tdt"), map_location="cuda:0"),
    "return_config": lambda _m, _: ASRModel.restore_from(path_of("tdt"), return_config=True),
    "override_config_path": lambda _m, _: ASRModel.restore_from(path_of("tdt"), override_config_path="x.yaml"),
    "trainer": lambda _m, _: ASRModel.restore_from(path_of("tdt"), trainer=object()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(tdt: Any, pcm: Any, name: str) -> None:
    with pytest.raises(NotImplementedError, match=re.escape(name)) as raised:
        REFUSED[name](tdt, pcm)
    assert isinstance(raised.value, NotSupported) and raised.value.argument == name
    assert tdt.transcribe(pcm, **QUIET)[0].text  # as before


WRONG: dict[str, Any] = {
    "batch_size": lambda m, a: m.transcribe(a, batch_size=0),
    "errors": lambda m, a: m.transcribe(a, errors="ignore"),
    "decoding_cfg": lambda m, _: m.change_decoding_strategy(5),
    "decoding_cfg.rnnt_timestamp_type": lambda m, _: m.change_decoding_strategy({"rnnt_timestamp_type": "line"}),
    "decoding_cfg.confidence_cfg.method_cfg.alpha": lambda m, _: m.change_decoding_strategy(
        {"confidence_cfg": {"method_cfg": {"alpha": -1}}}
    ),
    "decoding_cfg.greedy.max_symbols": lambda m, _: m.change_decoding_strategy({"greedy": {"max_symbols": "many"}}),
    "decoding_cfg.segment_gap_threshold": lambda m, _: m.change_decoding_strategy({"segment_gap_threshold": 1.5}),
    "channel_selector": lambda m, a: m.transcribe(a, channel_selector=-1),
    "model_name": lambda _m, _: ASRModel.from_pretrained(""),
    "restore_path": lambda _m, _: EncDecMultiTaskModel.restore_from(path_of("tdt")),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong(tdt: Any, pcm: Any, name: str) -> None:
    with pytest.raises(ctrlspeak.ArgumentError) as raised:
        WRONG[name](tdt, pcm)
    assert raised.value.argument == name and not isinstance(raised.value, NotImplementedError)


def test_decoding_configurations(tdt: Any, pcm: Any) -> None:
    @dataclasses.dataclass
    class Section:
        max_symbols_per_step: int = 1
        loop_labels: bool = True

    @dataclasses.dataclass
    class Whole:
        strategy: str = "greedy_batch"
        greedy: Section = dataclasses.field(default_factory=Section)
        compute_timestamps: bool = True
        preserve_alignments: bool = True

    (free,) = tdt.transcribe(pcm, **QUIET)
    try:
        tdt.change_decoding_strategy(Whole())
        (few,) = tdt.transcribe(pcm, return_hypotheses=True, **QUIET)
        assert few.timestamp["word"] and len(few.y_sequence) < len(free.y_sequence)
        config = tdt.cfg.decoding
        assert isinstance(config, Whole)
        tdt.change_decoding_strategy(Config(rnnt_timestamp_type="word", compute_hypothesis_token_set=True))
        (h,) = tdt.transcribe(pcm, timestamps=True, **QUIET)
        assert list(h.timestamp) == ["timestep", "word"] and h.tokens == [t.piece for t in h.result.tokens] and h.words == h.text.split()
    finally:
        tdt.change_decoding_strategy(None)
    assert tdt.transcribe(pcm, **QUIET)[0].text == free.text
    decoding = tdt.cfg.decoding
    decoding.confidence_cfg.preserve_word_confidence = True
    decoding.greedy.max_symbols = 3
    assert decoding.no_such_key is None and tdt.cfg.preprocessor.sample_rate == 16000 and tdt.cfg.preprocessor.window_stride == 0.01
    tdt.change_decoding_strategy(decoding)
    long, short = tdt.transcribe([pcm, SHORT], return_hypotheses=True, **QUIET)
    tdt.change_decoding_strategy(None)
    assert len(short.word_confidence) == len(short.words) and len(short.token_confidence) == len(short.y_sequence)
    assert len(long.word_confidence) == len(long.result.words) != len(long.words)  # which NeMo cannot pair


def test_segments(tdt: Any, pcm: Any) -> None:
    (h,) = tdt.transcribe(pcm, timestamps=True, **QUIET)
    try:
        tdt.change_decoding_strategy({"segment_seperators": [".", "!", "?"]})
        (same,) = tdt.transcribe(pcm, timestamps=True, **QUIET)
        assert same.timestamp["segment"] == h.timestamp["segment"] and len(h.timestamp["segment"]) > 1
        tdt.change_decoding_strategy({"segment_seperators": ["!"]})
        (less,) = tdt.transcribe(pcm, timestamps=True, **QUIET)
        assert 0 < len(less.timestamp["segment"]) < len(h.timestamp["segment"])
        tdt.change_decoding_strategy({"segment_gap_threshold": 4})
        (gaps,) = tdt.transcribe(pcm, timestamps=True, **QUIET)
    finally:
        tdt.change_decoding_strategy(None)
    words, segments = gaps.timestamp["word"], gaps.timestamp["segment"]
    assert " ".join(s["segment"] for s in segments) == " ".join(w["word"] for w in words)
    starts = {w["start_offset"] for a, w in zip(words, words[1:]) if w["start_offset"] - a["end_offset"] >= 4}
    assert starts and starts <= {s["start_offset"] for s in segments}


def test_heads(hybrid: Any, pcm: Any) -> None:
    assert hybrid.cur_decoder == "rnnt" and hybrid.transcribe(pcm, **QUIET)[0].result.head == "tdt"
    hybrid.change_decoding_strategy(decoder_type="ctc")
    assert hybrid.cur_decoder == "ctc" and hybrid.transcribe(pcm, **QUIET)[0].result.head == "ctc"
    with pytest.raises(NotSupported):
        hybrid.change_decoding_strategy({"strategy": "beam"})
    assert hybrid.cur_decoder == "ctc"
    with pytest.raises(ctrlspeak.ArgumentError, match="decoder_type"):
        hybrid.change_decoding_strategy(decoder_type="aed")
    hybrid.change_decoding_strategy(decoder_type="rnnt")
    assert hybrid.transcribe(pcm, **QUIET)[0].result.head == "tdt"


def test_attention(pcm: Any) -> None:
    with open_model("rnnt-stream") as model:
        (first,) = model.transcribe(pcm, return_hypotheses=True, **QUIET)
        model.encoder.set_default_att_context_size([14, 0])
        (other,) = model.transcribe(pcm, return_hypotheses=True, **QUIET)
        assert other.score != first.score
        with pytest.raises(ctrlspeak.ArgumentError, match=r"no attention context \[5, 5\]"):
            model.change_attention_model(att_context_size=[5, 5])
        assert model.transcribe(pcm, return_hypotheses=True, **QUIET)[0].score == other.score
        with pytest.raises(NotImplementedError, match="rel_pos or None"):
            model.change_attention_model("rel_pos_local_attn", [128, 128])
        model.change_attention_model(self_attention_model="rel_pos")
        assert model.transcribe(pcm, return_hypotheses=True, **QUIET)[0].score == first.score
        model.change_subsampling_conv_chunking_factor(1)
    with open_model("tdt-ctc") as model:
        (full,) = model.transcribe(pcm, return_hypotheses=True, **QUIET)
        model.change_attention_model("rel_pos_local_attn", [6, 6])
        assert model.transcribe(pcm, return_hypotheses=True, **QUIET)[0].score != full.score
        with pytest.raises(ctrlspeak.ArgumentError, match="at least one frame"):
            model.change_attention_model("rel_pos_local_attn", [0, 0])
        model.change_attention_model("rel_pos")
        assert model.transcribe(pcm, return_hypotheses=True, **QUIET)[0].score == full.score


def test_habits(tdt: Any) -> None:
    assert tdt.eval().to("cpu").cpu().train(False) is tdt and not tdt.training
    tdt.freeze()
    assert not hasattr(tdt, "half")
    with pytest.raises(AttributeError, match="'change_vocabulary' here: docs/FROM-NEMO.md"):
        tdt.change_vocabulary([])
    assert tdt.device == "cpu" and "EncDecRNNTBPEModel" in repr(tdt)


def test_pickled(hybrid: Any, pcm: Any) -> None:
    """To another process: the model is opened there, with what was set here."""
    hybrid.change_decoding_strategy({"confidence_cfg": {"preserve_word_confidence": True}}, decoder_type="ctc")
    with pickle.loads(pickle.dumps(hybrid)) as again:
        found, same = (model.transcribe(pcm, return_hypotheses=True, **QUIET)[0] for model in (hybrid, again))
    assert found.word_confidence == same.word_confidence != [] and same.result.head == "ctc"
    kept = pickle.loads(pickle.dumps(found))
    assert kept.text == found.text and np.array_equal(kept.y_sequence, found.y_sequence)


def test_from_pretrained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    folder = tmp_path / "ctrlspeak" / "models"
    folder.mkdir(parents=True)
    (folder / "small.nemo").symlink_to(path_of("tdt"))
    for name in ("small", "nvidia/small", "small.nemo"):
        with ASRModel.from_pretrained(model_name=name, map_location="cpu", cache=False) as model:
            assert model.info.family == "tdt"
    with pytest.raises(ctrlspeak.FileError, match=r"no model 'nvidia/large': expected .*/ctrlspeak/models/large\.nemo"):
        ASRModel.from_pretrained("nvidia/large")


# ------------------------------------------------------------ Canary


def test_slots(canary: Any) -> None:
    (german,) = texts(canary.transcribe(str(SHORT), source_lang="de", target_lang="de", **QUIET))
    (english,) = texts(canary.transcribe(str(SHORT), source_lang="de", target_lang="en", **QUIET))
    assert german.startswith("Die") and english != german
    assert texts(canary.transcribe(str(SHORT), source_lang="de", **QUIET)) == [english]  # as NeMo
    slots = {"source_lang": "de", "target_lang": "<|de|>", "pnc": True, "task": "asr"}
    for form in (slots, {"role": "user", "slots": slots}, {"turns": [{"role": "user", "slots": slots}]}):
        assert texts(canary.transcribe(str(SHORT), **form, **QUIET)) == [german]
    config = MultiTaskTranscriptionConfig(prompt=[{"role": "user", "slots": slots}], verbose=False)
    assert texts(canary.transcribe(str(SHORT), override_config=config)) == [german]
    for name, value in {"pnc": "perhaps", "task": "sing", "mood": "yes"}.items():
        with pytest.raises(ctrlspeak.ArgumentError) as raised:
            canary.transcribe(str(SHORT), **{name: value}, **QUIET)
        assert raised.value.argument == name
    with pytest.raises(ctrlspeak.ArgumentError, match="xx"):
        canary.transcribe(str(SHORT), source_lang="xx", target_lang="xx", **QUIET)
    with pytest.raises(NotSupported, match="role"):
        canary.transcribe(str(SHORT), role="user_partial", slots={}, **QUIET)


def test_a_line_that_asks_for_nonsense(canary: Any) -> None:
    lines = [{"audio_filepath": str(SHORT), **more} for more in ({}, {"source_lang": "xx"}, {"pnc": "perhaps"}, {"timestamp": "yes"}, {})]
    found = canary.transcribe(lines, errors="return", **QUIET)
    assert found[0].text == found[4].text == found[3].text != "" and found[0].timestamp == [] and found[3].timestamp["word"]
    for i, says in ((1, "xx"), (2, "pnc: 'perhaps'")):
        assert found[i].error.position == i and found[i].error.argument == "audio" and says in str(found[i].error)


def test_chunks(canary: Any, pcm: Any) -> None:
    minute = np.tile(pcm, 6)
    both = canary.transcribe([minute, minute], **QUIET)
    assert [h.result.n_chunks for h in both] == [2, 2]
    config = MultiTaskTranscriptionConfig(enable_chunking=False, verbose=False)
    assert canary.transcribe(minute, override_config=config)[0].result.n_chunks == 1
    with open_model("canary-flash") as flash:
        assert flash.transcribe(minute, **QUIET)[0].result.n_chunks == 1
        assert flash.transcribe(minute, chunking=True, **QUIET)[0].result.n_chunks == 2


def test_lines_of_a_beam(canary: Any) -> None:
    canary.change_decoding_strategy({"strategy": "beam", "beam": {"beam_size": 3, "length_penalty": 1.0, "return_best_hypothesis": False}})
    (lines,) = canary.transcribe(str(SHORT), source_lang="de", target_lang="de", **QUIET)
    assert len(lines) == 3 and all(isinstance(h, Hypothesis) for h in lines) and lines[0].text.startswith("Die")
    with pytest.raises(NotSupported, match="strategy"):
        canary.change_decoding_strategy({"strategy": "sample"})
    for section in ({"search_type": "lm"}, {"ngram_lm_model": "lm.nemo"}, {"boosting_tree": {"key_phrases_list": ["a"]}}):
        with pytest.raises(NotSupported, match=f"beam.{next(iter(section))}"):
            canary.change_decoding_strategy({"strategy": "beam", "beam": section})
    canary.change_decoding_strategy({"compute_timestamps": True})
    assert canary.transcribe(str(SHORT), **QUIET)[0].timestamp["word"]


# ------------------------------------------------------------ progress


def test_progress_is_one_over_all_lines(canary: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [{"audio_filepath": str(SHORT), "source_lang": lang, "target_lang": "en"} for lang in ("de", "en", "fr")]
    told: list[tuple[float, float]] = []
    canary.transcribe(lines, progress=lambda done, total: told.append((done, total)))
    assert told and [t[0] for t in told] == sorted(t[0] for t in told) and told[-1][0] == pytest.approx(3 * 42888 / 16000, rel=0.2)
    err, out = io.StringIO(), io.StringIO()
    monkeypatch.setattr("sys.stderr", err)
    monkeypatch.setattr("sys.stdout", out)
    canary.transcribe(lines)
    assert err.getvalue() == out.getvalue() == ""


def test_threads(tdt: Any, pcm: Any) -> None:
    """Different options at once on one model."""
    (plain,), (timed,) = tdt.transcribe(pcm, **QUIET), tdt.transcribe(pcm, timestamps=True, **QUIET)
    found: dict[int, Any] = {}

    def work(i: int) -> None:
        found[i] = tdt.transcribe(pcm, timestamps=True if i % 2 else None, **QUIET)[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(6):
        assert found[i].text == plain.text and found[i].timestamp == (timed.timestamp if i % 2 else [])


def test_the_page_runs(python: Any, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "FROM-NEMO.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.S)
    (tmp_path / "model.nemo").symlink_to(path_of("tdt"))
    (tmp_path / "one.wav").symlink_to(LONG)
    (tmp_path / "two.wav").symlink_to(SHORT)
    ran = python(example, cwd=tmp_path)
    assert len(ran.stdout.splitlines()) == 2 and "'word': 'The'" in ran.stdout and ran.stderr == ""
    assert len([line for line in example.splitlines() if line.strip()]) <= 5


def test_founding_program(python: Any) -> None:
    """In a worker thread of a program whose stderr has no descriptor, with a bar asked for."""
    ran = python("""
        import sys, threading
        from ctrlspeak.nemo import ASRModel

        class Screen:
            closed, written = False, []
            def write(self, text): self.written.append(text)
            def flush(self): pass
            def isatty(self): return True
            def fileno(self): return -1

        model = ASRModel.restore_from(MODEL, cache=False)
        sys.stderr = Screen()
        found = []
        def work(): found.extend(model.transcribe([LONG, SHORT], timestamps=True, verbose=True, num_workers=4))
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        assert len(found) == 2 and all(h.timestamp["word"] for h in found)
        assert Screen.written == [] and "multiprocessing" not in sys.modules and threading.active_count() == 1
    """)
    assert ran.stdout == ran.stderr == ""


def test_import_is_light(python: Any) -> None:
    python("""
        import sys
        import ctrlspeak.nemo as nemo_asr
        assert nemo_asr.models.ASRModel is nemo_asr.ASRModel
        assert not {"multiprocessing", "torch", "yaml", "tqdm"} & set(sys.modules)
    """)


def test_data_is_whole() -> None:
    assert {key.partition(" ")[0] for key in SHAPES if key != "fields"} <= {p.name for p in DATA.iterdir()}
