#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs NeMo and ctrlspeak on any model and recordings, and compares everything.

usage: check_model.py MODEL.nemo AUDIO... [--build DIR] [--measures] [--keep DIR]

For every head and every attention context of the model NeMo's results and stages are written in the golden tests' form
and compared by DIR/tests/golden/test-golden: stages, ids, frames, durations, times, text, score, confidences. Then
DIR/ctrlspeak transcribes the same files, and its JSON is compared too. Exit status 0: all equal.

AUDIO   any file that libsndfile reads; averaged to mono and resampled to 16 kHz first when it is something else
--measures   all confidence measures and aggregations, not the default alone
--keep DIR   leave the results there (expected.json, tensors.bin, the recordings, a link to the model)
"""
import argparse
import itertools
import json
import os
import subprocess
import sys
import tempfile

import make_expected  # sets the environment before torch comes in
import numpy as np
import soundfile
from scipy.signal import resample_poly


def recording(path, folder, i):
    """A 16 kHz, 16 bit, mono copy, its samples equal to the file's where it is that already."""
    exact = soundfile.info(path).subtype == "PCM_16"
    samples, rate = soundfile.read(path, dtype="int16" if exact else "float64", always_2d=True)
    if not exact or rate != 16000 or samples.shape[1] != 1:
        mono = samples.astype(np.float64).mean(axis=1) * (1 if exact else 32768)
        mono = mono if rate == 16000 else resample_poly(mono, 16000, rate)
        samples = np.clip(np.round(mono), -32768, 32767).astype(np.int16)
    name = f"clip{i}.wav"
    soundfile.write(os.path.join(folder, name), samples.reshape(-1), 16000, subtype="PCM_16")
    return name, len(samples)


def differences(case, met):
    """What of the program's JSON differs from NeMo's case."""
    wanted = dict(text=case["text"], ids=case["ids"], frames=case["frames"], durations=case["durations"])
    tokens = met["tokens"]
    ours = dict(text=met["text"], ids=[t["id"] for t in tokens], frames=[t["frame"] for t in tokens], durations=[t["duration"] for t in tokens])
    if "words" in case:
        for kind in ("word", "segment"):
            wanted[kind + "s"] = [w[0] for w in case[kind + "s"]]
            ours[kind + "s"] = [w.get(kind, w.get("text")) for w in met[kind + "s"]]
            spans = [(w[3], w[4]) for w in case[kind + "s"]]
            mine = [(w["start"], w["end"]) for w in met[kind + "s"]]
            wanted[kind + " times"] = True
            ours[kind + " times"] = len(spans) == len(mine) and all(abs(a - b) < 2e-3 for s, m in zip(spans, mine) for a, b in zip(s, m))
    return [f"{key}: {ours[key]!r}, expected {wanted[key]!r}" for key in wanted if ours[key] != wanted[key]]


def check_program(program, model, folder, cases):
    failed = 0
    for case in cases:
        if "context" in case or "nemo_error" in case:
            continue
        command = [program, "transcribe", "--model", model, "--head", case["head"], "--format", "json", os.path.join(folder, case["audio"])]
        done = subprocess.run(command, capture_output=True, text=True)
        found = [done.stderr.strip()] if done.returncode else differences(case, json.loads(done.stdout))
        print(f"{'not ok' if found else 'ok'} - program, {case['name']} {case['head']}")
        for line in found:
            print("#  ", line)
        failed += bool(found)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("audio", nargs="+")
    parser.add_argument("--build", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build"))
    parser.add_argument("--measures", action="store_true")
    parser.add_argument("--keep")
    a = parser.parse_args()
    model = os.path.abspath(a.model)
    with tempfile.TemporaryDirectory() as scratch:
        folder = a.keep or scratch
        os.makedirs(folder, exist_ok=True)
        clips = {}
        for i, path in enumerate(a.audio):
            name, n = recording(path, folder, i)
            clips[f"clip{i}"] = (name, 0, n, os.path.join(folder, name))
        expected = make_expected.Expected(model, clips)
        for context in itertools.chain([None], expected.other_contexts()):
            for head in expected.reference.heads:
                for clip in clips:
                    expected.add(clip, head, context=context, keep=("all",), confidence="all" if a.measures else "default")
        link = os.path.join(folder, "model.nemo")
        if not os.path.lexists(link):
            os.symlink(model, link)
        expected.write(folder)
        expected.print_troubles()
        del expected.reference
        failed = subprocess.run([os.path.join(a.build, "tests/golden/test-golden"), folder, "cases"]).returncode != 0
        program = os.path.join(a.build, "ctrlspeak")
        if os.path.exists(program):
            failed += check_program(program, model, folder, expected.cases)
        else:
            print("# the program is not built:", program)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
