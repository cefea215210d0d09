#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""wer.py: the word error rates of a model, measured with the program itself, as a table.

usage: wer.py [--program build/ctrlspeak] [--model models/ctrlspeak-small.nemo] [--precision f32,bf16,int8] [--head tdt,ctc]
              [--part all|dev|test] [--sets NAME,...] [--audio ../shared/audio] [--keep DIR]

Needs Python with numpy, and ffmpeg for the Asterisk prompts. Sets whose recordings are absent are named and counted as
skipped; a precision that the program does not have is too. Of a second precision it says in how many clips the tokens
are others than in the first. Words are compared in lower case. No clip of any set is in
training (tools/train/lists/held-out.txt, tests/bundled). The status is 1 where a figure is above its bar.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import wave

import numpy as np

import wer_sets

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BARS = {"fsdd-strings": 8.0, "fsdd-single": 15.0, "speech-commands-digits": 22.0}     # of the bundled model: TDT, f32, all


def write_clips(folder, clips):
    os.makedirs(folder, exist_ok=True)
    for name, _, _, x in clips:
        with wave.open(os.path.join(folder, name + ".wav"), "wb") as w:
            w.setnchannels(1), w.setsampwidth(2), w.setframerate(16000)
            w.writeframes(np.clip(np.round(x * 32768), -32768, 32767).astype("<i2").tobytes())


def transcribe(args, head, precision, folder):
    """The program's text and tokens of every clip of a folder, by name; None where it has no such precision."""
    run = subprocess.run([args.program, "transcribe", "-m", args.model, "--head", head, "--precision", precision, "-f", "jsonl",
                          folder], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if run.returncode:
        if "precision" in run.stderr:
            return None
        sys.exit(f"wer.py: the program failed: {run.stderr.strip()}")
    rows = [json.loads(line) for line in run.stdout.splitlines()]
    return {os.path.basename(r["file"])[:-4]: (r["text"], [t["id"] for t in r["tokens"]]) for r in rows}


def score(clips, heard, part):
    errors = words = wrong = count = 0
    for name, text, own_part, _ in clips:
        if part in ("all", own_part):
            ref, hyp = text.lower().split(), heard[name][0].lower().split()
            e = wer_sets.edits(ref, hyp)
            errors, words, wrong, count = errors + e, words + len(ref), wrong + (e > 0), count + 1
    return errors, words, wrong, count


def differ(clips, heard, first, part):
    """Clips whose tokens are others than in the first precision."""
    names = [name for name, _, own_part, _ in clips if part in ("all", own_part)]
    return sum(heard[n][1] != first[n][1] for n in names), len(names)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--program", default=os.path.join(ROOT, "build/ctrlspeak"))
    ap.add_argument("--model", default=os.path.join(ROOT, "models/ctrlspeak-small.nemo"))
    ap.add_argument("--precision", default="f32")
    ap.add_argument("--head", default="tdt,ctc")
    ap.add_argument("--part", default="all", choices=["all", "dev", "test"])
    ap.add_argument("--sets", default="")
    ap.add_argument("--audio", default=os.path.join(ROOT, "../shared/audio"))
    ap.add_argument("--keep", help="write the clips here and leave them")
    args = ap.parse_args()
    sets = wer_sets.all_sets(args.audio, os.path.join(ROOT, "tools/train/lists/held-out.txt"))
    columns = [(h, p) for p in args.precision.split(",") for h in args.head.split(",")]
    skipped, failed, gone = 0, False, set()
    print(f"| set | clips, words | {' | '.join(f'{h} {p}' for h, p in columns)} |")
    print("|---|---|" + "---|" * len(columns))
    with tempfile.TemporaryDirectory() as scratch:
        for name, clips in sets.items():
            if args.sets and name not in args.sets.split(","):
                continue
            if isinstance(clips, str):
                skipped += 1
                print(f"| {name} | skipped: {clips} |" + " |" * len(columns))
                continue
            if args.part != "all" and not any(c[2] == args.part for c in clips):
                continue
            folder = os.path.join(args.keep or scratch, name)
            write_clips(folder, clips)
            cells, first = [], {}
            for head, precision in columns:
                heard = None if precision in gone else transcribe(args, head, precision, folder)
                if heard is None:
                    gone.add(precision)
                    cells.append("not in this build")
                    continue
                errors, words, wrong, count = score(clips, heard, args.part)
                wer = 100 * errors / words
                cells.append(f"{wer:.1f} %" + (f" ({wrong} of {count} wrong)" if count < 20 else ""))
                if head in first:
                    others, count = differ(clips, heard, first[head], args.part)
                    cells[-1] += f", {others} of {count} clips differ"
                first.setdefault(head, heard)
                if args.part == "all" and (head, precision) == ("tdt", "f32") and wer > BARS.get(name, 1000):
                    failed = True
                    cells[-1] += f" ABOVE {BARS[name]:g}"
            print(f"| {name} | {count}, {words} | {' | '.join(cells)} |", flush=True)
    skipped += len(gone)
    print(f"\n{skipped} skipped" + ("; a figure is above its bar" if failed else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
