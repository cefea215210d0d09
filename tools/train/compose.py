# SPDX-License-Identifier: MIT
"""compose.py: training items made on the fly from the bank of features.py, no two alike.

An item is one or more clips of one voice, joined with gaps on a canvas of mel powers; then a channel, noise, silence around,
the log, NeMo's per-feature normalisation and SpecAugment. Where a clip is one word, its frames are known: they are the
labels of the first steps (train.py, bootstrap).
"""
import json
import os

import numpy as np

from grammar import DIGITS, LETTERS, SPEECH_COMMANDS

CORE = set(SPEECH_COMMANDS) - set(DIGITS)      # words that strangers are tested on and few real voices in training say
FLOOR = 2.0 ** -24
FEMALE = {"allison", "slt", "cmu_us_slt_arctic_hts"}
# The mix: from which part of the run on; how many of the single clips are cut close, with little around them and often true silence;
# how many items in a hundred come from where. First single words with frame labels, then everything, then more sentences.
SOURCES = ["fsdd", "digits", "core", "letters", "words", "commands", "strings", "sentences", "asterisk", "strangers"]
STAGES = [
    (0.00, 0.0, [45, 27, 0, 8, 20, 0, 0, 0, 0, 0]),
    (0.03, 0.2, [22, 8, 10, 7, 14, 8, 11, 6, 8, 6]),
    (0.15, 0.2, [18, 6, 9, 6, 10, 8, 12, 15, 10, 6]),
    (0.50, 0.5, [20, 6, 8, 6, 8, 7, 10, 17, 12, 6]),
]
BOOTSTRAP = STAGES[1][0]


def warp_matrices():
    """Mel bands moved along the frequency axis by 0.84 to 1.28: a shorter or longer vocal tract."""
    from librosa import mel_frequencies
    centre = mel_frequencies(n_mels=82, fmin=0, fmax=8000)[1:-1]
    out = {}
    for a in np.arange(0.84, 1.285, 0.02):
        src = np.interp(centre / a, centre, np.arange(80))
        low = np.clip(np.floor(src).astype(int), 0, 78)
        m = np.zeros((80, 80), dtype=np.float32)
        m[np.arange(80), low] = 1 - (src - low)
        m[np.arange(80), low + 1] += src - low
        out[round(float(a), 2)] = m
    return out, centre


def normalise(x):
    """NeMo's per_feature: unbiased deviation plus 1e-5."""
    return (x - x.mean(0)) / (x.std(0, ddof=1) + 1e-5)


class Composer:
    def __init__(self, work, tokenizer, seed, longest=900):
        self.rng = np.random.default_rng(seed)
        self.bank = np.load(os.path.join(work, "bank.npy"), mmap_mode="r")
        self.noise = np.load(os.path.join(work, "noise.npy"))
        self.meta = json.load(open(os.path.join(work, "bank.json")))
        self.encode = tokenizer.text_to_ids
        self.ids = {}
        self.longest = longest
        self.warps, self.centre = warp_matrices()
        self.pools = {name: [] for name in SOURCES}
        self.by_voice = {name: {} for name in ("fsdd", "digits", "core", "letters", "words")}
        for i, m in enumerate(self.meta):
            if m["frames"] > longest - 20:
                continue
            kinds = [m["kind"]]
            if m["kind"] in ("words", "asterisk"):
                kinds += [name for name, texts in (("digits", DIGITS), ("core", CORE), ("letters", LETTERS)) if m["text"] in texts]
            for kind in kinds:
                self.pools[kind].append(i)
                if kind in self.by_voice:
                    self.by_voice[kind].setdefault(m["voice"], []).append(i)
        self.voices = {k: sorted(v) for k, v in self.by_voice.items()}
        # words spoken by a synthesiser voice of many clips may be joined; espeak's variants have too few and stay alone
        self.weights = {k: np.array([len(self.by_voice[k][v]) for v in self.voices[k]], float) for k in self.voices}
        for k in self.weights:
            self.weights[k] /= self.weights[k].sum()
        self.weights["fsdd"][:] = 1 / len(self.weights["fsdd"])

    def tokens(self, text):
        if text not in self.ids:
            self.ids[text] = self.encode(text)
        return self.ids[text]

    def choose(self, part, shares):
        """Which clips make the next item, in this part of the run."""
        rng = self.rng
        source = SOURCES[rng.choice(len(SOURCES), p=shares)]
        if source in self.by_voice:
            voice = self.voices[source][rng.choice(len(self.voices[source]), p=self.weights[source])]
            pool = self.by_voice[source][voice]
            single = 0.6 if source == "fsdd" and part >= 0.5 else 0.35
            most = {"fsdd": 7, "digits": 7, "letters": 6}.get(source, 4)
            n = 1 if rng.random() < single or len(pool) < 30 else int(rng.integers(2, most + 1))
            picks = [pool[rng.integers(len(pool))] for _ in range(n)]
            if n > 1 and source in ("fsdd", "digits") and rng.random() < 0.25:      # the same digit twice in a row
                i = rng.integers(n - 1)
                same = [j for j in pool if self.meta[j]["text"] == self.meta[picks[i]]["text"]]
                picks[i + 1] = same[rng.integers(len(same))]
            return picks
        pool = self.pools[source]
        if source == "strangers":                     # a few words of each of many people: mostly alone, as a user says them
            first = pool[rng.integers(len(pool))]
            same = [i for i in pool if self.meta[i]["voice"] == self.meta[first]["voice"]]
            return [first] + [same[rng.integers(len(same))] for _ in range(int(rng.integers(0, 3)) if rng.random() < 0.3 else 0)]
        picks = [pool[rng.integers(len(pool))]]
        while source == "asterisk" and rng.random() < 0.35 and sum(self.meta[i]["frames"] for i in picks) < 200:
            picks.append(pool[rng.integers(len(pool))])
        return picks

    def item(self, part, close_share, shares):
        """(mel [N, 80] normalised, token ids, [(first frame, last frame, id)] of single words)"""
        rng = self.rng
        while True:
            picks = self.choose(part, shares)
            warp = None
            if rng.random() < 0.65:
                low, high = (0.84, 1.1) if self.meta[picks[0]]["voice"] in FEMALE else (0.92, 1.28)
                a = rng.uniform(low, high)
                warp = self.warps[min(self.warps, key=lambda b: abs(a - b))]
            tempo = rng.uniform(0.8, 1.3) if rng.random() < 0.5 else 1.0
            tight = rng.random() < 0.2
            lead = int(rng.integers(0, 80)) if rng.random() < 0.75 else int(rng.integers(0, 12))
            close = len(picks) == 1 and rng.random() < close_share
            if close:
                lead = int(rng.integers(5, 14))
            at, parts, ids, spans = lead, [], [], []
            for i in picks:
                m = self.meta[i]
                clip = np.exp(self.bank[m["start"]:m["start"] + m["frames"]].astype(np.float32))
                if tempo != 1.0:
                    pos = np.linspace(0, len(clip) - 1, max(8, int(len(clip) * tempo)))
                    lo = np.minimum(pos.astype(int), len(clip) - 2)
                    clip = clip[lo] + (pos - lo)[:, None].astype(np.float32) * (clip[lo + 1] - clip[lo])
                parts.append((at, clip * 10 ** rng.uniform(-0.3, 0.3)))
                toks = self.tokens(m["text"])
                if len(toks) == 1:
                    spans.append((at + len(clip) // 4, at + (3 * len(clip) + 3) // 4, toks[0]))
                ids += toks
                at += len(clip) + (int(rng.integers(0, 5)) if tight else int(rng.integers(2, 31)))
            end = parts[-1][0] + len(parts[-1][1])
            total = end + (int(rng.integers(0, 80)) if rng.random() < 0.75 else int(rng.integers(0, 12)))
            if close:
                total = end + int(rng.integers(5, 14))
            frames = (total + 7) // 8
            needed = len(ids) + sum(a == b for a, b in zip(ids, ids[1:]))
            if total <= self.longest and frames > needed:
                break
        power = np.zeros((total, 80), dtype=np.float32)
        for start, clip in parts:
            power[start:start + len(clip)] += clip
        if warp is not None:
            power = power @ warp.T
        return self.channel(power, 0.4 if close else 0.75), ids, spans

    def curve(self, depth):
        """A smooth random frequency response as a power gain for each band; depth in dB."""
        rng, x = self.rng, np.linspace(0, np.pi, 80)
        db = sum(rng.normal() * depth / k * np.cos(k * x + rng.uniform(0, 6.3)) for k in (1, 2, 3))
        return (10 ** (db / 10)).astype(np.float32)

    def channel(self, power, noisy):
        rng = self.rng
        active = power.sum(1)
        level = power[active > active.max() * 0.02].mean(0)
        if rng.random() < 0.6:
            eq = self.curve(5)
            power, level = power * eq, level * eq
        power = power * 10 ** rng.uniform(-3, 0.5)
        level = power[active > active.max() * 0.02].mean()
        cut = np.ones(80, dtype=np.float32)
        if rng.random() < 0.35:                       # the telephone's band; the recordings of digits have no other
            edge = rng.uniform(3000, 4000)
            cut *= 10 ** (-np.clip((self.centre - edge) / 300, 0, 1) * rng.uniform(3, 8))
        if rng.random() < 0.3:
            cut *= 10 ** (-np.clip((rng.uniform(150, 350) - self.centre) / 150, 0, 1) * rng.uniform(1, 4))
        if rng.random() < noisy:
            noise = self.noise[(s := rng.integers(len(self.noise) - len(power))):s + len(power)]
            noise = noise * self.curve(8) if rng.random() < 0.8 else noise
            if rng.random() < 0.3:                    # noise that comes and goes
                beat = np.interp(np.arange(len(power)), np.linspace(0, len(power), 6), rng.uniform(-1, 1, 6))
                noise = noise * (10 ** beat)[:, None].astype(np.float32)
            noise = noise * (level / noise.mean() * 10 ** (-rng.uniform(3, 40) / 10))
            power = power + noise
            if rng.random() < 0.5:
                power = power * cut
            else:
                power = (power - noise) * cut + noise
        else:
            power = power * cut
        if rng.random() < 0.12:                       # a click of a mouse or of the tongue
            i = rng.integers(len(power))
            power[i:i + rng.integers(1, 4)] += level * self.curve(6) * 10 ** rng.uniform(-1, 1)
        mel = normalise(np.log(np.maximum(power, 0) + FLOOR)).astype(np.float32)
        for _ in range(2):
            if rng.random() < 0.7:
                w = rng.integers(2, 16)
                f = rng.integers(0, 80 - w)
                mel[:, f:f + w] = 0
            if rng.random() < 0.5:
                w = int(rng.integers(0, max(1, len(mel) // 20) + 1))
                t = rng.integers(0, len(mel) - w)
                mel[t:t + w] = 0
        return mel

    def batches(self, seconds, stage, window=256):
        """Batches of items of like length, some `seconds` of audio each, padding included."""
        part, close_share, shares = STAGES[stage]
        shares = np.array(shares) / sum(shares)
        while True:
            items = sorted((self.item(part, close_share, shares) for _ in range(window)), key=lambda i: len(i[0]))
            batch, out = [], []
            for item in items:
                if batch and (len(batch) + 1) * len(item[0]) > seconds * 100:
                    out.append(batch)
                    batch = []
                batch.append(item)
            out.append(batch)
            for i in self.rng.permutation(len(out)):
                yield out[i]


def stage_of(part):
    """Which row of STAGES holds in this part of the run, 0 to 1."""
    return max(i for i, stage in enumerate(STAGES) if stage[0] <= part)
