#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Write down what NeMo's transcribe() returns, as types and keys: make_shapes.py DATA_FOLDER OUT.json

For a model of each family and for each way to call it: every field of the Hypothesis that is not None with its Python type, its element's type and
its number of dimensions, the keys and types of timestamp's entries, and the entries of "char". ctrlspeak.nemo is compared with it (tests/python).
"""

import copy
import dataclasses
import json
import sys
from pathlib import Path

import torch
from nemo.collections.asr.models import ASRModel
from nemo.collections.asr.parts.utils.rnnt_utils import Hypothesis
from nemo.utils import logging
from omegaconf import OmegaConf, open_dict

MODELS = ("ctc", "rnnt", "tdt", "tdt-ctc", "canary", "canary-flash", "canary-v2")


def describe(value):
    """int, float, str, None, "ndarray float32 1", "[...]" of the first element, or a dict of these."""
    if torch.is_tensor(value):
        return f"tensor {str(value.dtype).removeprefix('torch.')} {value.dim()}"
    if isinstance(value, dict):
        return {key: describe(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [describe(value[0])] if value else []
    if value is None:
        return None
    return type(value).__name__


def shape(hypothesis):
    if isinstance(hypothesis, list):
        return [shape(part) for part in hypothesis]
    made = {field.name: describe(getattr(hypothesis, field.name)) for field in dataclasses.fields(hypothesis)}
    return {name: described for name, described in made.items() if described is not None}


def with_confidence(model):
    """Ask for confidences; the transducer's or the CTC decoder's configuration, whichever is current."""
    hybrid_ctc = getattr(model, "cur_decoder", None) == "ctc"
    decoding = copy.deepcopy(model.cfg.aux_ctc.decoding if hybrid_ctc else model.cfg.decoding)
    with open_dict(decoding):
        decoding.confidence_cfg = OmegaConf.create(
            {"preserve_frame_confidence": True, "preserve_token_confidence": True, "preserve_word_confidence": True}
        )
        if "strategy" in decoding and decoding.strategy == "beam" and not hasattr(model, "joint"):
            decoding.strategy = "greedy"
    if hybrid_ctc:
        model.change_decoding_strategy(decoding, decoder_type="ctc", verbose=False)
    else:
        model.change_decoding_strategy(decoding)


def calls(path, audio, head):
    """name, shape or error, type, number of results and char entries, for every way to call."""

    def fresh():
        model = ASRModel.restore_from(path, map_location="cpu").eval()
        if head == "ctc-of-hybrid":
            model.change_decoding_strategy(decoder_type="ctc", verbose=False)
        return model

    def attempt(name, call):
        try:
            results = call()
            stamps = getattr(results[0], "timestamp", None)
            chars = [[e["char"], int(e["start_offset"]), int(e["end_offset"])] for e in stamps.get("char", [])] if isinstance(stamps, dict) else []
            return name, [shape(result) for result in results][:1], type(results).__name__, len(results), {"chars": chars} if chars else {}
        except Exception as failure:
            return name, f"{type(failure).__name__}: {failure}"[:300], None, 0, {}

    model = fresh()
    quiet = {"verbose": False}
    yield attempt("plain", lambda: model.transcribe([audio], **quiet))
    yield attempt("single", lambda: model.transcribe(audio, **quiet))
    yield attempt("two", lambda: model.transcribe([audio, audio], **quiet))
    yield attempt("hypotheses", lambda: model.transcribe([audio], return_hypotheses=True, **quiet))
    yield attempt("timestamps", lambda: model.transcribe([audio], timestamps=True, **quiet))
    model = fresh()
    yield attempt("no timestamps", lambda: model.transcribe([audio], timestamps=False, return_hypotheses=True, **quiet))

    def confident(**arguments):
        model = fresh()
        with_confidence(model)
        return model.transcribe([audio], **arguments, **quiet)

    yield attempt("confidence", lambda: confident(return_hypotheses=True))
    yield attempt("confidence, timestamps", lambda: confident(timestamps=True))


def main():
    data, out = Path(sys.argv[1]), Path(sys.argv[2])
    logging.setLevel("ERROR")
    audio = str(data / "audio" / "short.wav")
    found = {"fields": [field.name for field in dataclasses.fields(Hypothesis)]}
    for name in MODELS:
        path = str(data / name / "model.nemo")
        for head in ("", "ctc-of-hybrid") if name == "tdt-ctc" else ("",):
            key = f"{name} ctc" if head else name
            found[key] = {}
            for call, answer, kind, n, chars in calls(path, audio, head):
                found[key][call] = {"error": answer} if kind is None else {"type": kind, "n": n, "first": answer[0], **chars}
    lines = [f'"fields": {json.dumps(found.pop("fields"))}']
    lines += [f"{json.dumps(key)}: {{\n" + ",\n".join(f"  {json.dumps(call)}: {json.dumps(made)}" for call, made in rows.items()) + "\n}" for key, rows in found.items()]
    out.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
