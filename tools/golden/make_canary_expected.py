#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes NeMo's results for the golden Canary models: expected.json and tensors.bin beside each model.nemo.

usage: make_canary_expected.py DATADIR [NAME...]

What the files hold: tests/golden/README.md. As for the other models a case in which two scores are closer than MARGIN is left out.
"""
import itertools
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
import numpy as np
import soundfile
import torch

import canary_functions
import tensor_file
from canary_reference import CanaryReference, times
from canary_variants import CANARIES, LANGUAGES
from reference import AGGREGATES, DEFAULT_MEASURE, MEASURES, plain

CUTS = {"cut1": 1, "cut3200": 3200, "cut15999": 15999, "cut16000": 16000, "cut20001": 20001}
CUT_START = 9000
MARGIN, BEAM_MARGIN = 1e-3, 1e-4  # a beam compares dozens of sums at each step: some are always near
PENALTIES = (0.0, 0.6, 1.0, 2.0)


class CanaryExpected:
    def __init__(self, path, clips):
        self.reference = CanaryReference(path)
        self.clips = clips  # name -> (recording, first sample, samples, repeats, path)
        self.tensors, self.cases, self.dropped, self.states = {}, [], [], {}

    def case(self, clip, **more):
        recording, start, n, repeat, _ = self.clips[clip]
        made = dict(audio=recording, start=start, samples=n)
        return dict(made, repeat=repeat, **more) if repeat > 1 else dict(made, **more)

    def keep(self, made, margin):
        if margin < (BEAM_MARGIN if made.get("beam", 1) > 1 else MARGIN):
            self.dropped.append(f"{made['name']}: two scores differ by {margin:.1e}")
        else:
            self.cases.append(dict(made, margin=plain(min(margin, 99.0))))

    def file(self, name, clip, timestamps=None, stages=False, **slots):
        """transcribe() on one file with the archive's own decoding."""
        r = self.reference
        full = r.slots(**slots)
        made = self.case(clip, name=name, head="aed", slots=full, timestamps=bool(timestamps))
        path = self.clips[clip][-1]
        try:
            found, given, watch = r.transcribe([path], full, timestamps)
        except Exception as error:
            self.cases.append(dict(made, nemo_error=f"{type(error).__name__}: {error}"[:200]))
            return
        h = found[0]
        states, mask, prompt = given[0]
        self.states.setdefault(clip, (states, mask))
        made.update(prompt=plain(prompt[0]), n_frames=int(mask[0].sum()), chunks=len(states), steps=len(watch.steps),
                    ids=[int(i) for i in h.y_sequence], text=h.text, score=plain(float(h.score)))
        if len(states) == 1:
            made["logprobs"] = self.logprobs(watch, made["ids"])
        made.update(times(h))
        self.keep(made, watch.gap() if len(states) == 1 else watch.margin)
        if stages:
            tensors, _ = r.stages(path, made["prompt"], made["ids"])
            some = ("encoder", "states") + (("scores",) if tensors["scores"].size < 20000 else ())  # of the longest, what fits
            self.tensors.update((f"{name}/{stage}", tensor) for stage, tensor in tensors.items() if stages == "all" or stage in some)

    @staticmethod
    def logprobs(watch, ids):
        rows = [s[0, -1] for s in watch.steps][: len(ids)]
        return [round(float(row[i]), 6) for row, i in zip(rows, ids)]

    def given(self, clip, slots):
        """Encoder states of a clip (of its one chunk), and the prompt's ids as a tensor."""
        if clip not in self.states:
            _, given, _ = self.reference.transcribe([self.clips[clip][-1]], self.reference.slots())
            self.states[clip] = given[0][:2]
        return (*self.states[clip], torch.tensor([self.reference.prompt(**self.reference.slots(**slots))]))

    def greedy(self, name, clip, confidence=None, **slots):
        """The strategy greedy, with confidences on demand; by measure, as expected.json of the other models."""
        r = self.reference
        options = {}
        delta = slots.pop("delta", None)
        states, mask, prompt = self.given(clip, slots)
        made = self.case(clip, name=name, head="aed", strategy="greedy", slots=r.slots(**slots), prompt=plain(prompt[0]))
        if delta is not None:
            options["max_generation_delta"] = made["delta"] = delta
        found, watch = r.search(states, mask, prompt, "greedy", **options)
        ids = [int(i) for i in found[0].y_sequence]
        made.update(steps=len(watch.steps), ids=ids, text=found[0].text, score=plain(float(found[0].score)))
        if confidence and ids:
            made["confidences"] = [self.confidence(states, mask, prompt, *m) for m in self.measures(confidence)]
        self.keep(made, watch.gap())

    @staticmethod
    def measures(which):
        wanted = [(*DEFAULT_MEASURE, "min")]
        if which == "all":
            wanted += [(*m, "min") for m in MEASURES[1:]]
            wanted += [(*m, a) for m in (DEFAULT_MEASURE, ("max_prob", 1.0)) for a in AGGREGATES[1:]]
        return wanted

    def confidence(self, states, mask, prompt, measure, alpha, aggregate):
        name, *entropy = measure.split("_") if measure != "max_prob" else [measure]
        method = dict(name="max_prob", alpha=alpha) if not entropy else dict(name="entropy", entropy_type=name, alpha=alpha, entropy_norm=entropy[0])

        def run(words):
            cfg = dict(preserve_frame_confidence=True, preserve_token_confidence=True, preserve_word_confidence=words, exclude_blank=True,
                       aggregation=aggregate, method_cfg=method)
            return self.reference.search(states, mask, prompt, "greedy", confidence=cfg)[0][0]

        try:
            h = run(True)
        except RuntimeError:
            h = run(False)
        short = lambda values: None if values is None else [round(float(v), 6) for v in values]
        return dict(measure=measure, alpha=alpha, aggregate=aggregate, tokens=short(h.token_confidence), words=short(h.word_confidence))

    def beam(self, name, clip, size, penalty, delta=None, **slots):
        r = self.reference
        states, mask, prompt = self.given(clip, slots)
        options = dict(beam_size=size, length_penalty=penalty)
        if delta is not None:
            options["max_generation_delta"] = delta
        made = self.case(clip, name=name, head="aed", strategy="beam", beam=size, length_penalty=penalty, slots=r.slots(**slots), prompt=plain(prompt[0]))
        if delta is not None:
            made["delta"] = delta
        best, watch = r.search(states, mask, prompt, return_best_hypothesis=True, **options)
        made.update(steps=len(watch.steps), ids=[int(i) for i in best[0].y_sequence], text=best[0].text)
        margin = watch.margin
        if size > 1:
            found, _ = r.search(states, mask, prompt, return_best_hypothesis=False, **options)
            made["nbest"] = [dict(ids=[int(i) for i in h.y_sequence], score=plain(float(h.score))) for h in found[0]]
            lengths = [prompt.shape[1] + sum(int(i) not in (r.eos, r.pad) for i in h.y_sequence) for h in found[0]]
            ranked = sorted(float(h.score) / ((6 + n) / 6) ** penalty for h, n in zip(found[0], lengths))
            margin = min([margin] + [b - a for a, b in zip(ranked, ranked[1:])])
        self.keep(made, margin)

    def batch(self, name, clips, rows, **options):
        """Several clips in one call, each with slots of its own."""
        r = self.reference
        slots = [r.slots(**row) for row in rows]
        found, given, watch = r.transcribe([self.clips[c][-1] for c in clips], slots, batch_size=len(clips), **options)
        same = []
        for clip, row, h in zip(clips, slots, found):
            alone, _, _ = r.transcribe([self.clips[clip][-1]], row, **options)
            same.append([int(i) for i in alone[0].y_sequence] == [int(i) for i in h.y_sequence])
        return dict(name=name, clips=[dict(self.case(c), slots=s) for c, s in zip(clips, slots)], **options, prompts=plain(given[0][2]),
                    n_frames=plain(given[0][1].sum(1)), ids=[[int(i) for i in h.y_sequence] for h in found], texts=[h.text for h in found],
                    same_as_alone=same, margin=plain(watch.margin))

    def write(self, folder, **sections):
        r = self.reference
        made = dict(nemo_class=r.class_name, nemo=nemo.__version__, heads=["aed"], format=r.model.prompt_format, eos=int(r.eos), pad=int(r.pad),
                    bos=int(r.model.tokenizer.bos_id), vocabulary=int(r.model.tokenizer.vocab_size), classes=int(r.model.transf_decoder.vocab_size),
                    languages=list(LANGUAGES))
        with open(os.path.join(folder, "expected.json"), "w") as out:
            out.write("{\n" + "".join(f"{json.dumps(k)}: {json.dumps(v)},\n" for k, v in made.items()))
            for name, rows in dict(cases=self.cases, **sections).items():
                out.write(f'"{name}": [\n' + ",\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows) + "\n],\n")
            out.write('"end": true\n}\n')
        tensor_file.write(os.path.join(folder, "tensors.bin"), self.tensors)


# ---------------------------------------------------------------- prompts


def prompt_rows(r):
    """Slots to ids, or NeMo's refusal."""
    rows = []

    def add(role="user", **slots):
        row = dict(slots=slots) if role == "user" else dict(role=role, slots=slots)
        try:
            row["ids"] = r.prompt(role=role, **slots)
        except Exception as error:
            row["nemo_error"] = f"{type(error).__name__}: {error}".split("\n")[0][:160]
        rows.append(row)

    for source, target in itertools.product(LANGUAGES, LANGUAGES):
        add(**r.slots(source_lang=source, target_lang=target))
    booleans = ("yes", "Yes", "true", "True", "1", "no", "No", "false", "False", "0", "on", "YES", "")
    for slot in ("pnc",) + (("itn", "timestamp", "diarize") if r.two else ()):
        for value in booleans + (slot, "no" + slot, f"<|{slot}|>", f"<|no{slot}|>"):
            add(**r.slots(**{slot: value}))
    for language in ("<|de|>", "de-DE", "DE", "xx", "auto", "", "it"):
        add(**r.slots(source_lang=language))
        add(**r.slots(target_lang=language))
    if not r.two:
        for task in ("asr", "transcribe", "<|transcribe|>", "ast", "translate", "<|translate|>", "s2t_translation", "translation", ""):
            add(**r.slots(task=task, target_lang="de"))
        add(source_lang="en", target_lang="en", pnc="yes")
        add(source_lang="en", target_lang="en", pnc="yes", taskname="ast")
        return rows
    for emotion in ("undefined", "neutral", "happy", "sad", "angry"):
        add(**r.slots(emotion=f"<|emo:{emotion}|>"))
    add(**r.slots(emotion="happy"))
    for context, target in itertools.product(("Nobody knew.", " Nobody  knew. ", "Brücke, größer", "a > b", "¿Où?", "7:30", "<|en|>", "x\ny", " "), LANGUAGES[:2]):
        add(**r.slots(decodercontext=context, target_lang=target))
    add(role="user_partial", decodercontext="")
    if not r.aggregate:
        add(role="user_partial", decodercontext="Nobody knew.")
    add(source_lang="en", target_lang="en")
    return rows


def default_rows(r):
    """What NeMo fills in where a call with arrays names nothing, and the prompt that comes of it."""
    rows = []
    for turn in r.model.prompt.get_default_dialog_slots():
        row = dict(role=turn["role"], slots=turn["slots"])
        try:
            row["ids"] = r.prompt(**turn["slots"])
        except Exception as error:
            row["nemo_error"] = f"{type(error).__name__}: {error}".split("\n")[0][:160]
        rows.append(row)
    return rows


# ---------------------------------------------------------------- cases


def golden_clips(folder, scratch):
    made, audio = {}, {}
    for name in ("long", "short", "silence"):
        path = os.path.join(folder, "audio", name + ".wav")
        audio[name], rate = soundfile.read(path, dtype="int16")
        made[name] = (name, 0, len(audio[name]), 1, path)

    def add(name, recording, start, n, repeat=1):
        path = os.path.join(scratch, name + ".wav")
        samples = np.tile(audio[recording], repeat)[start : start + n]
        soundfile.write(path, samples, rate, subtype="PCM_16")
        made[name] = (recording, start, n, repeat, path)

    add("cut0", "long", CUT_START, 0)
    for name, n in CUTS.items():
        add(name, "long", CUT_START, n)
    add("minute", "long", 0, 5 * len(audio["long"]), 5)
    add("forty", "long", 0, 40 * 16000, 5)
    add("under", "long", 0, 40 * 16000 - 1, 5)
    return made


def file_cases(e):
    r = e.reference
    two, aligner = r.two, r.model.timestamps_asr_model is not None
    ast = {} if two else dict(task="ast")
    for clip in ("long", "short", "silence", "cut0", *CUTS):
        e.file(clip, clip, stages={"cut3200": "all", "cut20001": "some", "long": "some"}.get(clip, False))
    e.file("short-de", "short", source_lang="de", target_lang="de")
    e.file("long-nopnc", "long", pnc="no")
    for language in ("de", "es", "fr"):
        e.file(f"long-{language}", "long", target_lang=language, **ast)
    for language in ("en", "es", "fr"):
        e.file(f"short-{language}", "short", source_lang="de", target_lang=language, **ast)
    if two:
        e.file("long-context", "long", decodercontext="Nobody knew.")
        e.file("long-itn", "long", itn="yes")
        e.file("short-diarize", "short", source_lang="de", target_lang="de", diarize="yes")
        e.file("short-happy", "short", source_lang="de", target_lang="de", emotion="<|emo:happy|>")
        e.file("long-much-context", "long", decodercontext="Nobody knew. " * 14)  # what is left of the positions limits the answer
        e.file("long-too-much-context", "long", decodercontext="Nobody knew. " * 60)
        for clip, language in (("long", "en"), ("short", "de"), ("cut3200", "en"), ("cut16000", "en"), ("silence", "en")):
            e.file(f"{clip}-times", clip, timestamps=True, source_lang=language, target_lang=language, timestamp="yes")
        e.file("long-times-off", "long", timestamps=True)  # the slot stands in the manifest, so the argument changes no prompt
    else:
        e.file("long-times", "long", timestamps=True)
    e.file("minute", "minute")
    if aligner:
        for clip in ("under", "forty"):
            e.file(clip, clip)
            e.file(f"{clip}-times", clip, timestamps=True)
        e.file("minute-times", "minute", timestamps=True)
        for clip in ("short", "cut3200"):
            e.tensors[f"{clip}/aligner"] = r.aligner_scores(e.clips[clip][-1])


def search_cases(e):
    ast = {} if e.reference.two else dict(task="ast")
    lost = dict(target_lang="fr", **ast)  # nobody taught this pair
    e.greedy("short-greedy", "short", confidence="all", source_lang="de", target_lang="de")
    e.greedy("long-greedy", "long", confidence="default")
    for clip in ("silence", "cut3200", "cut20001"):
        e.greedy(f"{clip}-greedy", clip, confidence="default")
    for delta in (0, 10, -1):
        e.greedy(f"long-greedy-{delta}", "long", delta=delta)
        e.beam(f"long-beam1-{delta}", "long", 1, 0.0, delta=delta)
        e.beam(f"cut3200-beam3-{delta}", "cut3200", 3, 0.6, delta=delta, **lost)
    german = dict(source_lang="de", target_lang="de")
    e.greedy("short-greedy-limit", "short", delta=0, **german)  # 34 frames are fewer than prompt and answer
    for size in (1, 3):
        e.beam(f"short-beam{size}-limit", "short", size, 1.0, delta=0, **german)
    for size, penalty in itertools.product((2, 3, 5), PENALTIES):
        e.beam(f"short-beam{size}-{penalty}", "short", size, penalty, source_lang="de", target_lang="de")
        e.beam(f"cut16000-beam{size}-{penalty}", "cut16000", size, penalty, source_lang="de", target_lang="es", **ast)
        e.beam(f"cut3200-beam{size}-{penalty}", "cut3200", size, penalty)
        e.beam(f"silence-beam{size}-{penalty}", "silence", size, penalty)
    for size in (2, 4):
        e.beam(f"long-beam{size}", "long", size, 1.0)
        e.beam(f"long-beam{size}-lost", "long", size, 1.0, **lost)


def batch_cases(e):
    german = dict(source_lang="de", target_lang="de")
    rows = [e.batch("three", ["short", "cut3200", "long"], [german, {}, {}]), e.batch("two", ["cut20001", "silence"], [{}, {}]),
            e.batch("three-beam3", ["short", "cut3200", "long"], [german, {}, {}], strategy="beam", beam_size=3, length_penalty=1.0)]
    if e.reference.two:
        rows.append(e.batch("contexts", ["long", "long"], [{}, dict(decodercontext="Nobody knew.")]))
    return rows


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    folder = arguments[0]
    for name in arguments[1:] or CANARIES:
        begun = time.time()
        with tempfile.TemporaryDirectory() as scratch:
            e = CanaryExpected(os.path.join(folder, name, "model.nemo"), golden_clips(folder, scratch))
            file_cases(e)
            search_cases(e)
            sections = dict(prompts=prompt_rows(e.reference), defaults=default_rows(e.reference), batches=batch_cases(e))
            if e.reference.model.timestamps_asr_model is not None:
                sections.update(canary_functions.aligner_sections(e.reference.model, e.tensors))
            e.write(os.path.join(folder, name), **sections)
        print(f"{name}: {len(e.cases)} cases, {len(sections['prompts'])} prompts in {time.time() - begun:.0f} s", flush=True)
        for line in e.dropped:
            print("  left out:", line)
        for case in e.cases:
            if "nemo_error" in case:
                print("  NeMo fails:", case["name"], case["nemo_error"])
    if not arguments[1:]:
        canary_functions.write(os.path.join(folder, "canary-functions"))


if __name__ == "__main__":
    main(sys.argv[1:])
