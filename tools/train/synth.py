#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""synth.py: speaks the lists with flite, festival and a little espeak-ng. Resumable: clips that exist are kept.

usage: synth.py --work DIR [--lists lists] [--jobs 2] [--limit N]

Writes DIR/synth/NNNNN.wav and DIR/synth/index.jsonl. The plan (who says what, how fast, how high) is seeded and does not
depend on the number of jobs. espeak-ng's formant speech is far from real and is kept to some ten per cent, for variety.
"""
import argparse
import json
import os
import random
import subprocess
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
FLITE = ["slt", "rms", "awb", "kal16"]
FESTIVAL = ["cmu_us_slt_arctic_hts", "kal_diphone", "ked_diphone"]
ACCENTS = ["en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-029", "en-gb-x-gbclan", "en-gb-x-gbcwmd"]
VARIANTS = ["m1", "m2", "m3", "m4", "m5", "m7", "f1", "f2", "f3", "f4", "f5"]
DIGITS = set("zero one two three four five six seven eight nine".split())
SAY = {"A": "ay", "I": "eye", "O": "oh"}          # a bare "A" would be read as the article
F0 = {"slt": 170, "rms": 105, "awb": 125, "kal16": 105}


def spoken(text):
    return " ".join(SAY.get(w, w) if not (w == "I" and len(text.split()) > 3) else "I" for w in text.split())


def flite_job(rng, voice):
    return {"engine": "flite", "voice": voice, "stretch": round(rng.uniform(0.75, 1.3), 2),
            "f0": round(F0[voice] * rng.uniform(0.8, 1.3))}


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

    for text in read("words"):
        for _ in range(4 if text in DIGITS else 2):
            for v in FLITE:
                add("words", text, flite_job(rng, v))
        for v in FESTIVAL:
            for _ in range(2 if text in DIGITS else 1):
                add("words", text, festival_job(rng, v))
        for _ in range(10 if text in DIGITS else 4):
            add("words", text, espeak_job(rng))
    for text in read("commands"):
        if len(text.split()) < 2:
            continue
        for v in FLITE:
            add("commands", text, flite_job(rng, v))
        for v in FESTIVAL:
            add("commands", text, festival_job(rng, v))
        add("commands", text, espeak_job(rng))
    for text in read("strings"):
        add("strings", text, flite_job(rng, rng.choice(FLITE)))
        r = rng.random()
        add("strings", text, festival_job(rng, rng.choice(FESTIVAL)) if r < 0.6 else
            espeak_job(rng) if r < 0.75 else flite_job(rng, rng.choice(FLITE)))
    for text in read("sentences"):
        r = rng.random()
        add("sentences", text, flite_job(rng, rng.choice(FLITE)) if r < 0.7 else
            festival_job(rng, rng.choice(FESTIVAL)) if r < 0.92 else espeak_job(rng))
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
