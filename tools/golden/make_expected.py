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
MARGIN = 1e-3
BANDED = {"ctc", "tdt-ctc"}  # full attention that is switched to a band, too: their layers have biases, without which NeMo forgets some


class Expected:
    """The cases of one model. clips: name -> (recording, first sample, samples, path of a WAV file of just that)."""

    def __init__(self, path, clips):
        self.name = os.path.basename(os.path.dirname(path))
        self.reference = Reference(path)
        self.clips = clips
        self.tensors, self.frames, self.cases, self.dropped = {}, {}, [], []

    def stages(self, clip, context, keep):
        """Number of encoder frames; the stages named in keep, or all of them, go to the tensor file."""
        key = clip + ("" if context is None else "@" + ",".join(map(str, context)))
        if key not in self.frames:
            stages, self.frames[key] = self.reference.stages(self.clips[clip][3])
            self.tensors.update((f"{key}/{s}", t) for s, t in stages.items() if s in keep or "all" in keep)
        return self.frames[key]

    def confidences(self, path, head, which):
        wanted = [(*DEFAULT_MEASURE, "min")]
        if which == "all":
            wanted += [(*m, "min") for m in MEASURES[1:]]
            wanted += [(*m, a) for m in (DEFAULT_MEASURE, ("max_prob", 1.0)) for a in AGGREGATES[1:]]
        return [self.reference.confidence(path, head, *w) for w in wanted]

    def add(self, clip, head, context=None, max_symbols=-1, keep=(), confidence=None):
        recording, start, n, path = self.clips[clip]
        case = dict(name=clip, audio=recording, start=start, samples=n, head=head)
        if context is not None:
            case["context"] = context
        if max_symbols >= 0:
            case["max_symbols"] = max_symbols
        label = f"{clip} {head} {context} {max_symbols}"
        if n == 0:  # NeMo fails on no samples; an empty text is the answer
            self.cases.append(dict(case, text="", ids=[], frames=[], durations=[], chars=[], words=[], segments=[], score=0.0))
            return
        try:
            found = dict(n_frames=self.stages(clip, context, keep))
            with Limit(60):
                found.update(self.reference.case(path, head, max_symbols))
            if found["margin"] < MARGIN:
                self.dropped.append(f"{label}: two scores differ by {found['margin']:.1e}")
                return
            if confidence and found["ids"]:
                found["confidences"] = self.confidences(path, head, confidence)
            self.cases.append({**case, **found})
        except TimeoutError as error:
            self.dropped.append(f"{label}: {error}")
        except Exception as error:  # NeMo itself fails: nothing to compare with, but ours must not
            self.cases.append(dict(case, nemo_error=f"{type(error).__name__}: {error}"[:200]))

    def other_contexts(self):
        """The attention contexts that a model may be switched to, the first of which is its default; each is switched on in turn."""
        encoder = self.reference.model.encoder
        if encoder.self_attention_model == "rel_pos" and self.name in BANDED:
            for context in ([6, 6], [20, 20]):
                encoder.change_attention_model("rel_pos_local_attn", context)
                yield context
            encoder.change_attention_model("rel_pos", [-1, -1])
            return
        if encoder.att_context_style == "chunked_limited_with_rc":  # left, chunk, right: free; no limit at first
            contexts = [[-1, -1, -1], [70, 7, 7], [70, 2, 4], [6, 1, 0], [3, 5, 1]]
        else:
            contexts = [list(c) for c in encoder.att_context_size_all]
        for context in contexts[1:]:
            encoder.set_default_att_context_size(context)
            yield context
        encoder.set_default_att_context_size(contexts[0])

    def write(self, folder, file=None):
        made = dict(nemo_class=self.reference.class_name, nemo=nemo.__version__, heads=self.reference.heads)
        if file:
            made["file"] = file
        with open(os.path.join(folder, "expected.json"), "w") as out:
            out.write("{\n" + "".join(f"{json.dumps(k)}: {json.dumps(v)},\n" for k, v in made.items()) + '"cases": [\n')
            out.write(",\n".join(json.dumps(c, ensure_ascii=False, separators=(",", ":")) for c in self.cases) + "\n]}\n")
        tensor_file.write(os.path.join(folder, "tensors.bin"), self.tensors)

    def print_troubles(self):
        for line in self.dropped:
            print("  left out:", line)
        for case in self.cases:
            if "nemo_error" in case:
                print("  NeMo fails:", case["name"], case["head"], case["nemo_error"])


def golden_clips(folder, scratch):
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


def golden_cases(expected):
    confidence = {"short": "all", "long": "default", "cut20001": "default"}
    keep = {"long": ("encoder",), "cut5555": ("all",), "cut20001": ("all",)}
    for head in expected.reference.heads:
        for clip in expected.clips:
            expected.add(clip, head, keep=keep.get(clip, ()), confidence=confidence.get(clip))
        if head != "ctc":
            for limit in (1, 2, 5, 0):
                expected.add("long", head, max_symbols=limit)
    for context in expected.other_contexts():
        for head in expected.reference.heads:
            for clip in ("long", "short", "cut20001"):
                expected.add(clip, head, context=context, keep=("encoder",) if clip != "short" else ())


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    folder = arguments[0]
    for name in arguments[1:] or sorted(n for n in os.listdir(folder) if os.path.exists(os.path.join(folder, n, "model.nemo")) and not n.startswith("canary")):
        begun = time.time()
        with tempfile.TemporaryDirectory() as scratch:
            expected = Expected(os.path.join(folder, name, "model.nemo"), golden_clips(folder, scratch))
            golden_cases(expected)
            expected.write(os.path.join(folder, name))
        texts = [(c["head"], len(c["ids"]), c["text"]) for c in expected.cases if c["name"] == "long" and "ids" in c][:1]
        print(f"{name}: {len(expected.cases)} cases in {time.time() - begun:.0f} s; long: {texts}", flush=True)
        expected.print_troubles()


if __name__ == "__main__":
    main(sys.argv[1:])
