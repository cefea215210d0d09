#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""synth.py: speaks the lists with flite, festival and a little espeak-ng. Resumable: clips that exist are kept.

usage: synth.py --work DIR [--lists lists] [--jobs 2] [--limit N]

Writes DIR/synth/NNNNN.wav and DIR/synth/index.jsonl. The plan (who says what, how fast, how high) is seeded and does not
depend on the number of jobs. Training prompts of two words and more are spoken by synthetic voices too. espeak-ng's formant speech is far from real and is kept to some ten per cent, for variety.
"""
import argparse
import json
import os
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor

from grammar import DIGITS, SPEECH_COMMANDS

HERE = os.path.dirname(os.path.abspath(__file__))
FLITE = ["slt", "rms", "awb", "kal16"]
FESTIVAL = ["cmu_us_slt_arctic_hts", "kal_diphone", "ked_diphone"]
ACCENTS = ["en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd"]
VARIANTS = ["m1", "m2", "m3", "m4", "m5", "m7", "f1", "f2", "f3", "f4", "f5"]
SAY = {"A": "ay", "I": "eye", "O": "oh"}          # a bare "A" would be read as the article
F0 = {"slt": 170, "rms": 105, "awb": 125, "kal16": 105}


def spoken(text):
    return " ".join(SAY.get(w, w) if not (w == "I" and len(text.split()) > 3) else "I" for w in text.split())


def flite_job(rng, voice):
    return {"engine": "flite", "voice": voice, "stretch": round(rng.uniform(0.7, 1.35), 2),
            "f0": round(F0[voice] * rng.uniform(0.75, 1.5))}


def festival_job(rng, voice):
    return {"engine": "festival", "voice": voice, "stretch": round(rng.uniform(0.8, 1.25), 2)}


def espeak_job(rng):
    return {"engine": "espeak", "voice": rng.choice(ACCENTS) + "+" + rng.choice(VARIANTS), "rate": rng.randint(115, 190),
            "pitch": rng.randint(25, 75)}


def plan(lists, seed=11):
    rng = random.Random(seed)
    jobs = []
    read = lambda name: open(os.path.join(lists, name + ".txt")).read().splitlines()

    def add(kind, text, job):
        jobs.append(dict(job, kind=kind, text=text))

    def any_voice(kind, text, flite, festival):
        """One voice by chance; what is left of the two shares is espeak-ng's."""
        r = rng.random()
        add(kind, text, flite_job(rng, rng.choice(FLITE)) if r < flite else
            festival_job(rng, rng.choice(FESTIVAL)) if r < flite + festival else espeak_job(rng))

    def all_voices(kind, text, times, espeak):
        for _ in range(times):
            for v in FLITE:
                add(kind, text, flite_job(rng, v))
        for _ in range((times + 1) // 2):
            for v in FESTIVAL:
                add(kind, text, festival_job(rng, v))
        for _ in range(espeak):
            add(kind, text, espeak_job(rng))

    for text in read("words"):
        often = text in DIGITS or len(text) == 1
        all_voices("words", text, 5 if often else 4 if text in SPEECH_COMMANDS else 2, 10 if often else 4)
    for text in read("commands"):
        if len(text.split()) > 1:
            all_voices("commands", text, 4 if text.split()[0] in ("front", "rear", "side") else 1, 1)
    for text in read("strings"):
        any_voice("strings", text, 1, 0)
        any_voice("strings", text, 0.25, 0.6)
    for text in read("sentences"):
        any_voice("sentences", text, 0.72, 0.22)
    prompts = {l.split("\t")[1] for l in read("train-real") if l.startswith("asterisk/")}
    for text in sorted(p for p in prompts if 1 < len(p.split()) < 17):
        for _ in range(2):
            any_voice("sentences", text, 0.75, 0.25)
    for i, job in enumerate(jobs):
        job["id"] = f"{i:05d}"
    return jobs


def speak_flite(job, path):
    subprocess.run(["flite", "-voice", job["voice"], "--setf", f"duration_stretch={job['stretch']}",
                    "--setf", f"int_f0_target_mean={job['f0']}", "-t", spoken(job["text"]), path],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def speak_espeak(job, path):
    subprocess.run(["espeak-ng", "-v", job["voice"], "-s", str(job["rate"]), "-p", str(job["pitch"]), "-w", path,
                    spoken(job["text"])], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def speak_festival(jobs, folder):
    """A batch in one process: starting festival costs more than speaking."""
    script = []
    for j in jobs:
        script.append(f"(voice_{j['voice']}) (Parameter.set 'Duration_Stretch {j['stretch']})"
                      f" (set! u (Utterance Text \"{spoken(j['text'])}\")) (utt.synth u)"
                      f" (utt.save.wave u \"{folder}/{j['id']}.tmp\" 'riff)")
    path = os.path.join(folder, f"batch-{jobs[0]['id']}.scm")
    with open(path, "w") as f:
        f.write("\n".join(script) + "\n")
    subprocess.run(["festival", "-b", path], check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.remove(path)
    for j in jobs:
        tmp = os.path.join(folder, j["id"] + ".tmp")
        if os.path.exists(tmp):
            os.rename(tmp, tmp[:-4] + ".wav")


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--work", required=True)
    ap.add_argument("--lists", default=os.path.join(HERE, "lists"))
    ap.add_argument("--jobs", type=int, default=2)
    ap.add_argument("--limit", type=int, help="only the first N clips: a try-out")
    args = ap.parse_args()
    folder = os.path.join(os.path.abspath(args.work), "synth")
    os.makedirs(folder, exist_ok=True)
    jobs = plan(args.lists)[:args.limit]
    missing = [j for j in jobs if not os.path.exists(os.path.join(folder, j["id"] + ".wav"))]

    def one(job):
        path = os.path.join(folder, job["id"] + ".wav")
        (speak_flite if job["engine"] == "flite" else speak_espeak)(job, path + ".part")
        os.rename(path + ".part", path)

    singles = [j for j in missing if j["engine"] != "festival"]
    festival = sorted((j for j in missing if j["engine"] == "festival"), key=lambda j: (j["voice"], j["id"]))
    with ThreadPoolExecutor(args.jobs) as pool:
        work = [pool.submit(speak_festival, festival[i:i + 150], folder) for i in range(0, len(festival), 150)]
        work += [pool.submit(one, j) for j in singles]
        for w in work:
            w.result()
    done = [j for j in jobs if os.path.exists(os.path.join(folder, j["id"] + ".wav"))]
    with open(os.path.join(folder, "index.jsonl"), "w") as f:
        for j in done:
            f.write(json.dumps(j) + "\n")
    print(f"{len(done)} of {len(jobs)} clips in {folder}")


if __name__ == "__main__":
    main()
