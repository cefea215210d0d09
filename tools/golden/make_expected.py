#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes NeMo's results for the golden models: expected.json and tensors.bin beside each model.nemo.

usage: make_expected.py DATADIR [NAME...]

Cases per head: both clips and eleven cuts of the long one, then other attention contexts and limits of symbols. A case in
which two scores are closer than MARGIN is left out: there rounding may decide, and equality would test luck.
"""
import json
import os
import sys
import tempfile
import time
import warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("OMP_NUM_THREADS", "1")
warnings.filterwarnings("ignore")
import nemo
import soundfile

import tensor_file
from reference import AGGREGATES, DEFAULT_MEASURE, MEASURES, Limit, Reference

CUT_START = 9000
CUTS = (0, 1, 159, 160, 319, 320, 1600, 5555, 12345, 16000, 20001)
STAGES_OF = ("cut5555", "cut20001")
MARGIN = 1e-3


def clips(folder, scratch):
    """name -> (recording, first sample, samples, path of a WAV of just that)."""
    made = {}
    for name in ("long", "short"):
        path = os.path.join(folder, "audio", name + ".wav")
        made[name] = (name, 0, soundfile.info(path).frames, path)
    samples, rate = soundfile.read(os.path.join(folder, "audio", "long.wav"), dtype="int16")
    for n in CUTS:
        path = os.path.join(scratch, f"cut{n}.wav")
        soundfile.write(path, samples[CUT_START : CUT_START + n], rate, subtype="PCM_16")
        made[f"cut{n}"] = ("long", CUT_START, n, path)
    return made


def confidences(reference, path, head, everything):
    wanted = [(*DEFAULT_MEASURE, "min")]
    if everything:
        wanted += [(*m, "min") for m in MEASURES[1:]] + [(*m, a) for m in (DEFAULT_MEASURE, ("max_prob", 1.0)) for a in AGGREGATES[1:]]
    return [reference.confidence(path, head, *w) for w in wanted]


class Expected:
    def __init__(self, folder, name, scratch):
        self.reference = Reference(os.path.join(folder, name, "model.nemo"))
        self.clips = clips(folder, scratch)
        self.tensors, self.frames, self.cases, self.dropped = {}, {}, [], []

    def stages(self, clip, context=None, keep=()):
        """Number of encoder frames; the stages named in keep go to the tensor file."""
        key = clip + ("" if context is None else "@" + ",".join(map(str, context)))
        if key not in self.frames:
            stages, self.frames[key] = self.reference.stages(self.clips[clip][3])
            self.tensors.update((f"{key}/{s}", t) for s, t in stages.items() if s in keep or "all" in keep)
        return self.frames[key]

    def add(self, clip, head, context=None, max_symbols=-1, confidence=""):
        recording, start, n, path = self.clips[clip]
        case = dict(name=clip, audio=recording, start=start, samples=n, head=head)
        if context is not None:
            case["context"] = context
        if max_symbols >= 0:
            case["max_symbols"] = max_symbols
        try:
            if n == 0:
                case.update(text="", ids=[], frames=[], durations=[], chars=[], words=[], segments=[], score=0.0)
            else:
                keep = ("all",) if context is None and clip in STAGES_OF else ("encoder",) if clip in ("long", "cut20001") else ()
                case["n_frames"] = self.stages(clip, context, keep)
                with Limit(30):
                    case.update(self.reference.case(path, head, max_symbols))
                if case["margin"] < MARGIN:
                    raise TimeoutError(f"two scores differ by {case['margin']:.1e}")
                if confidence and case["ids"]:
                    case["confidences"] = confidences(self.reference, path, head, confidence == "all")
            self.cases.append(case)
        except TimeoutError as error:
            self.dropped.append(f"{clip} {head} {context} {max_symbols}: {error}")
        except Exception as error:  # NeMo itself fails: ours must still not
            self.cases.append(dict(name=clip, audio=recording, start=start, samples=n, head=head, nemo_error=f"{type(error).__name__}: {error}"[:200]))

    def all_cases(self):
        encoder = self.reference.model.encoder
        for head in self.reference.heads:
            for clip in self.clips:
                self.add(clip, head, confidence="all" if clip == "short" else "default" if clip in ("long", "cut20001") else "")
            if head != "ctc":
                for limit in (1, 2, 5, 0):
                    self.add("long", head, max_symbols=limit)
        if encoder.att_context_style == "chunked_limited" and len(encoder.att_context_size_all) > 1:
            first = list(encoder.att_context_size_all[0])
            for context in [list(c) for c in encoder.att_context_size_all][1:]:
                encoder.set_default_att_context_size(context)
                for head in self.reference.heads:
                    for clip in ("long", "short", "cut20001"):
                        self.add(clip, head, context=context)
            encoder.set_default_att_context_size(first)

    def write(self, folder, name):
        made = dict(model=name, nemo_class=self.reference.class_name, nemo=nemo.__version__, heads=self.reference.heads, cases=self.cases)
        with open(os.path.join(folder, name, "expected.json"), "w") as file:
            file.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in made.items() if k != "cases"))
            file.write(',\n"cases": [\n' + ",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in self.cases) + "\n]}\n")
        tensor_file.write(os.path.join(folder, name, "tensors.bin"), self.tensors)


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    folder = arguments[0]
    for name in arguments[1:] or sorted(n for n in os.listdir(folder) if os.path.exists(os.path.join(folder, n, "model.nemo"))):
        begun = time.time()
        with tempfile.TemporaryDirectory() as scratch:
            expected = Expected(folder, name, scratch)
            expected.all_cases()
            expected.write(folder, name)
        texts = [(c["head"], len(c["ids"]), c["text"]) for c in expected.cases if c["name"] == "long" and "ids" in c][:2]
        print(f"{name}: {len(expected.cases)} cases in {time.time() - begun:.0f} s; long: {texts}", flush=True)
        for line in expected.dropped:
            print("  dropped", line)
        for case in expected.cases:
            if "nemo_error" in case:
                print("  NeMo fails:", case["name"], case["head"], case["nemo_error"])


if __name__ == "__main__":
    main(sys.argv[1:])
