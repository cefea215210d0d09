#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""features.py: every clip as mel powers, computed once with NeMo's own preprocessor.

usage: features.py --work DIR

Writes DIR/bank.npy (frames, 80; float16 of log(power + 1e-10)), DIR/bank.json (start, frames, text, kind, voice of each clip)
and DIR/noise.npy (mel powers of white noise). Powers before the log, because sounds add up in them: train.py joins
clips, adds noise and bends the frequency axis on these arrays, and only then takes NeMo's log(power + 2^-24) and
normalises. What cannot be done there is done here: other sampling speeds (a longer or shorter vocal tract) and rooms.
"""
import argparse
import json
import os
from fractions import Fraction
from functools import cache
from multiprocessing import get_context

import numpy as np
import torch
from scipy.signal import fftconvolve, resample_poly

from real import read_wav

COPIES = {"fsdd": 6, "strangers": 8, "asterisk": 4, "words": 1, "commands": 1, "strings": 1, "sentences": 1}
SPREAD = {"fsdd": (0.86, 1.2), "strangers": (0.88, 1.14), "asterisk": (0.92, 1.09), "words": (0.88, 1.15), "commands": (0.9, 1.12),
          "strings": (0.9, 1.12), "sentences": (0.9, 1.12)}


@cache
def featurizer():
    """NeMo's features up to the mel power: no log, no normalisation, no dither."""
    from nemo.collections.asr.parts.preprocessing.features import FilterbankFeatures
    return FilterbankFeatures(sample_rate=16000, n_window_size=400, n_window_stride=160, window="hann", normalize=None, n_fft=512,
                              preemph=0.97, nfilt=80, dither=0.0, pad_to=0, log=False, frame_splicing=1).eval()


def mel_power(fb, x):
    with torch.no_grad():
        y, n = fb(torch.tensor(x, dtype=torch.float32)[None], torch.tensor([len(x)]))
    return y[0, :, :int(n[0])].T.numpy()


def trim(x, margin=320):
    """Cuts what is 40 dB below the loudest 20 ms."""
    frames = np.abs(x[:len(x) // 320 * 320]).reshape(-1, 320).max(1)
    if not len(frames) or frames.max() <= 0:
        return x
    loud = np.flatnonzero(frames > frames.max() * 0.01)
    return x[max(0, loud[0] * 320 - margin):(loud[-1] + 1) * 320 + margin]


def room(x, rng):
    """Exponentially decaying noise as an impulse response, 80 to 400 ms to -60 dB."""
    n = int(rng.uniform(0.08, 0.4) * 16000)
    tail = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / n)
    tail *= rng.uniform(0.2, 1.0) / np.sqrt((tail ** 2).sum())
    tail[0] += 1.0
    y = fftconvolve(x, tail)[:len(x) + n // 2]
    return y * np.sqrt((x ** 2).mean() / max(1e-12, (y ** 2).mean()))


def copies(job):
    """The log powers of every copy of one clip; seeded by its place in the list, whichever process does it."""
    n, clip = job
    rng, kind, out = np.random.default_rng((5, n)), clip["kind"], []
    x, rate = read_wav(clip["file"])
    for copy in range(COPIES[kind]):
        plain = kind in ("fsdd", "asterisk", "strangers") and copy == 0
        speed = 1.0 if plain else rng.uniform(*SPREAD[kind])
        ratio = Fraction(16000 / rate / speed).limit_denominator(100)
        y = x if ratio == 1 else resample_poly(x, ratio.numerator, ratio.denominator)
        if len(y) < 1600:
            continue
        if kind in ("fsdd", "strangers"):                 # a clip of one second is mostly the room, one of a digit is cut already
            y = trim(y) if not plain and rng.random() < 0.5 else y
        elif kind != "asterisk":
            y = trim(y)
        if not plain and rng.random() < 0.35:
            y = room(y, rng)
        y = y * (0.1 / max(1e-4, np.sqrt((y ** 2).mean())))
        out.append(np.log(mel_power(featurizer(), np.pad(y, (160, 160))) + 1e-10).astype(np.float16))
    return out


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--work", required=True)
    ap.add_argument("--jobs", type=int, default=2)
    args = ap.parse_args()
    torch.set_num_threads(1)
    clips = [json.loads(l) for l in open(os.path.join(args.work, "real/index.jsonl"))]
    for l in open(os.path.join(args.work, "synth/index.jsonl")):
        job = json.loads(l)
        job["file"] = os.path.join(args.work, "synth", job["id"] + ".wav")
        clips.append(job)
    featurizer()                                          # before the processes part, so that each has it
    rows, meta, at = [], [], 0
    with get_context("fork").Pool(args.jobs) as pool:
        for clip, made in zip(clips, pool.imap(copies, enumerate(clips), chunksize=64)):
            for power in made:
                rows.append(power)
                meta.append({"start": at, "frames": len(power), "text": clip["text"], "kind": clip["kind"], "voice": clip["voice"]})
                at += len(power)
    np.save(os.path.join(args.work, "bank.npy"), np.concatenate(rows))
    json.dump(meta, open(os.path.join(args.work, "bank.json"), "w"))
    noise = mel_power(featurizer(), np.random.default_rng(5).standard_normal(16000 * 120) * 0.1)
    np.save(os.path.join(args.work, "noise.npy"), noise.astype(np.float32))
    print(f"{len(meta)} clips, {at / 360000:.2f} h")


if __name__ == "__main__":
    main()
