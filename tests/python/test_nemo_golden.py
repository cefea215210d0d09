# SPDX-License-Identifier: MIT
"""What NeMo gave for the small models of tests/golden comes out of ctrlspeak.nemo, field by field: every family, every case."""

from __future__ import annotations

import json
import math
import wave
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import DATA
from ctrlspeak.nemo import ASRModel

MODELS = sorted(path.parent.name for path in DATA.glob("*/model.nemo"))
PARAKEETS = [name for name in MODELS if not name.startswith("canary")]
CANARIES = [name for name in MODELS if name.startswith("canary")]


def expected(name: str) -> Any:
    return json.loads((DATA / name / "expected.json").read_text())


@lru_cache(maxsize=8)
def recording(path: Path) -> Any:
    with wave.open(str(path)) as file:
        assert file.getframerate() == 16000 and file.getnchannels() == 1
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


def clip(case: dict[str, Any], name: str, folder: Path) -> str:
    """The samples of a case as a file."""
    audio = case["audio"]
    samples = np.tile(recording(DATA / name / audio if "." in audio else DATA / "audio" / f"{audio}.wav"), case.get("repeat", 1))
    path = folder / f"{audio}-{case['start']}-{case['samples']}.wav"
    if not path.exists():
        with wave.open(str(path), "wb") as file:
            file.setparams((1, 2, 16000, 0, "NONE", ""))
            file.writeframes(samples[case["start"] : case["start"] + case["samples"]].tobytes())
    return str(path)


def open_model(name: str) -> Any:
    return ASRModel.restore_from(DATA / name / expected(name).get("file", "model.nemo"), cache=False)


def same_numbers(found: Any, wanted: Any, name: str, relative: float = 2e-3, absolute: float = 2e-3) -> None:
    assert found is not None and len(found) == len(wanted), name
    np.testing.assert_allclose(np.asarray(found, float), np.asarray(wanted, float), rtol=relative, atol=absolute, err_msg=name)


def same_entries(found: Any, wanted: Any, kind: str) -> None:
    """Words or segments: what, both frames, both times."""
    assert [(e[kind], e["start_offset"], e["end_offset"]) for e in found] == [(w[0], w[1], w[2]) for w in wanted]
    same_numbers([(e["start"], e["end"]) for e in found], [w[3:] for w in wanted], kind, 0, 1e-6)
    assert all(list(e) == [kind, "start_offset", "end_offset", "start", "end"] for e in found)


def confidence_cfg(measure: dict[str, Any]) -> dict[str, Any]:
    name, *entropy = measure["measure"].split("_") if measure["measure"] != "max_prob" else ["max_prob"]
    method = {"name": "max_prob"} if not entropy else {"name": "entropy", "entropy_type": name, "entropy_norm": entropy[0]}
    return {
        "preserve_word_confidence": True,
        "exclude_blank": True,
        "aggregation": measure["aggregate"],
        "method_cfg": {**method, "alpha": measure["alpha"]},
    }


def decode(model: Any, head: str, config: dict[str, Any] | None = None) -> None:
    if hasattr(model, "cur_decoder"):
        model.change_decoding_strategy(config, decoder_type="ctc" if head == "ctc" else "rnnt")
    else:
        model.change_decoding_strategy(config)


@pytest.mark.parametrize("name", PARAKEETS)
def test_parakeet(name: str, tmp_path: Path) -> None:
    n = 0
    with open_model(name) as model:
        for case in expected(name)["cases"]:
            config: dict[str, Any] = {}
            if case.get("max_symbols") is not None:
                limit = case["max_symbols"] or None
                config = {"greedy": {"max_symbols": limit, "use_cuda_graph_decoder": False}}
            decode(model, case["head"], config)
            if case.get("context"):
                model.change_attention_model(att_context_size=case["context"])
            (h,) = model.transcribe([clip(case, name, tmp_path)], timestamps=True, verbose=False)
            model._attention = None
            if "nemo_error" in case:
                continue
            n += 1
            check_parakeet(h, case)
            for measure in case.get("confidences", ()):
                decode(model, case["head"], {**config, "confidence_cfg": confidence_cfg(measure)})
                (sure,) = model.transcribe([clip(case, name, tmp_path)], return_hypotheses=True, verbose=False)
                check_confidences(sure, measure, case)
    assert n >= 10


def check_parakeet(h: Any, case: dict[str, Any]) -> None:
    label = f"{case['name']} {case['head']}"
    assert h.text == case["text"], label
    assert math.isclose(h.score, case["score"], rel_tol=2e-3, abs_tol=2e-3), label
    assert h.length == case.get("n_frames", h.length)  # NeMo cannot hear no samples at all
    assert h.langs == (case.get("language") or None)
    assert h.timestamp["timestep"] == case["frames"]
    if case["head"] == "ctc":
        best = h.y_sequence.argmax(-1)
        blank = h.y_sequence.shape[1] - 1
        runs = [int(k) for t, k in enumerate(best) if k != blank and (t == 0 or best[t - 1] != k)]
        assert h.y_sequence.shape[0] == h.length and runs == case["ids"]
    else:
        assert h.y_sequence.tolist() == case["ids"]
    if case["head"] == "tdt":
        assert h.token_duration == case["durations"]
    if "times_error" in case:
        return
    chars = h.timestamp["char"]
    assert [[e["start_offset"], e["end_offset"]] for e in chars] == [c[:2] for c in case["chars"]], label
    same_numbers([(e["start"], e["end"]) for e in chars], [c[2:] for c in case["chars"]], label, 0, 1e-6)
    same_entries(h.timestamp["word"], case["words"], "word")
    same_entries(h.timestamp["segment"], case["segments"], "segment")


def check_confidences(h: Any, measure: dict[str, Any], case: dict[str, Any]) -> None:
    label = f"{case['name']} {measure['measure']} {measure['alpha']} {measure['aggregate']}"
    same_numbers(h.token_confidence, measure["tokens"], label)
    if measure["words"] is not None:
        same_numbers(h.word_confidence, measure["words"], label)
    if case["head"] == "ctc":  # the frames of the tokens' runs, from which the tokens' own come
        assert len(h.frame_confidence) == case["n_frames"]
        fold = {"min": min, "max": max, "mean": lambda x: sum(x) / len(x), "prod": math.prod}[measure["aggregate"]]
        runs = [h.frame_confidence[t : t + d] for t, d in zip(case["frames"], case["durations"])]
        same_numbers([fold(run) for run in runs], measure["tokens"], label)
    elif measure["aggregate"] == "min":
        same_numbers(h.non_blank_frame_confidence, measure["tokens"], label)


def _delta_of(name: str) -> int | None:
    """Of greedy searches the record has it in the name alone: long-greedy-10, short-greedy-limit."""
    end = name.partition("-greedy")[2]
    return 0 if end == "-limit" else int(end[1:]) if end else None


def decoding_of(case: dict[str, Any]) -> Any:
    strategy = case.get("strategy")
    if strategy is None:
        return None
    section: dict[str, Any] = {}
    delta = case.get("delta", _delta_of(case["name"]) if strategy == "greedy" else None)
    if delta is not None:
        section["max_generation_delta"] = delta
    if strategy == "beam":
        section.update(beam_size=case["beam"], length_penalty=case["length_penalty"])
        if "nbest" in case:
            section["return_best_hypothesis"] = False
    return {"strategy": strategy, strategy: section}


def is_done_otherwise(case: dict[str, Any], name: str) -> bool:
    """No samples at all: NeMo hears a second of silence, here there is no text. timestamps=True with a slot that says no: NeMo without an
    aligner looks for time tokens that it has not asked for."""
    if case["samples"] == 0:
        return True
    return case.get("timestamps", False) and case["slots"].get("timestamp") == "no" and name != "canary-v2"


@pytest.mark.parametrize("name", CANARIES)
def test_canary(name: str, tmp_path: Path) -> None:
    n = 0
    with open_model(name) as model:
        for case in expected(name)["cases"]:
            if "nemo_error" in case or is_done_otherwise(case, name):
                continue
            n += 1
            model.change_decoding_strategy(decoding_of(case))
            slots = {key: value for key, value in case["slots"].items() if key != "timestamp"}
            times = True if case.get("timestamps") else None
            (found,) = model.transcribe([clip(case, name, tmp_path)], timestamps=times, return_hypotheses=True, verbose=False, **slots)
            check_canary(found, case)
            for measure in case.get("confidences", ()):
                model.change_decoding_strategy({"strategy": "greedy", "confidence_cfg": confidence_cfg(measure)})
                (sure,) = model.transcribe([clip(case, name, tmp_path)], return_hypotheses=True, verbose=False, **slots)
                same_numbers(sure.token_confidence, measure["tokens"], case["name"], 0.02)
                same_numbers(sure.frame_confidence, measure["tokens"], case["name"], 0.02)
                if measure["words"] is not None:
                    same_numbers(sure.word_confidence, measure["words"], case["name"], 0.02)
    assert n >= 20


def check_canary(found: Any, case: dict[str, Any]) -> None:
    if "nbest" in case:
        lines = [line.y_sequence.tolist() for line in found]
        assert case["ids"] in lines and len(lines) == case["beam"]
        if case["audio"] != "silence":  # whose features are rounding noise
            assert lines == [line["ids"] for line in case["nbest"]], case["name"]
            scores = [line.score for line in found]
            same_numbers(scores, [line["score"] for line in case["nbest"]], case["name"])
        return
    assert found.text == case["text"], case["name"]
    assert found.y_sequence.tolist() == case["ids"], case["name"]
    if "score" in case:
        assert found.score == case["score"]
    if "n_frames" in case and case["chunks"] == 1:
        assert found.length == case["n_frames"]
    if "words" in case:
        same_entries(found.timestamp["word"], case["words"], "word")
        same_entries(found.timestamp["segment"], case["segments"], "segment")
    else:
        assert found.timestamp == []


@pytest.mark.parametrize("name", CANARIES)
def test_canary_of_manifests(name: str, tmp_path: Path) -> None:
    """All cases of a kind in one call, each line with its own slots: results in the order of the lines, as alone."""
    cases = [
        case
        for case in expected(name)["cases"]
        if "strategy" not in case and "nemo_error" not in case and not is_done_otherwise(case, name) and case["name"] != "long-times-off"
    ]
    manifest = tmp_path / "cases.json"
    with open(manifest, "w") as file:
        for case in cases:
            slots = {**case["slots"], "timestamp": "yes" if case["timestamps"] else "no"}
            if "task" in slots:
                slots["taskname"] = slots.pop("task")
                del slots["timestamp"]
            path = Path(clip(case, name, tmp_path)).name
            file.write(json.dumps({"audio_filepath": path, "duration": 100000, "text": "", **slots}) + "\n")
    with open_model(name) as model:
        found = model.transcribe(str(manifest), return_hypotheses=True, verbose=False)
    assert len(found) == len(cases) >= 10
    for h, case in zip(found, cases):
        check_canary(h, case)


@pytest.mark.parametrize("name", CANARIES)
def test_canary_batches(name: str, tmp_path: Path) -> None:
    """NeMo's own batches, where it gives each recording what it gives it alone."""
    n = 0
    with open_model(name) as model:
        for batch in expected(name)["batches"]:
            if not all(batch["same_as_alone"]) or "strategy" in batch or "beam" in batch["name"]:
                continue
            lines = [{"audio_filepath": clip(c, name, tmp_path), "duration": 100000, **c["slots"]} for c in batch["clips"]]
            found = model.transcribe(lines, batch_size=len(lines), verbose=False)
            assert [h.text for h in found] == batch["texts"]
            assert [h.y_sequence.tolist() for h in found] == batch["ids"]
            n += 1
    assert n >= 1
