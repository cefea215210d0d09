#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What each precision does to the encoder's output, layer by layer, beside f32: a Markdown table for docs/SPEED.md.

    python bench/quality.py --model BIG.nemo [--clip talk.wav] [--precision bf16,int8] [--every 6]

Needs Python with numpy. The program writes its stages (`transcribe --dump`); here they are compared. A precision that the
program does not have is said and left out. Token differences of a trained model: bench/wer.py --precision.
"""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from wer_sets import edits

ROOT = Path(__file__).resolve().parent.parent


def stages(arguments, precision, folder):
    """Token ids, and the folder with the stages; None: the program has no such precision."""
    run = subprocess.run([arguments.program, "transcribe", "-m", arguments.model, "--precision", precision, "--dump", str(folder),
                          arguments.clip], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if run.returncode and "precision" in run.stderr:
        return None
    if run.returncode:
        sys.exit(f"quality.py: the program failed: {run.stderr.strip()}")
    return [t["id"] for t in json.loads((folder / "tokens.json").read_text())["tokens"]]


def gap(a, b):
    """Cosine, largest difference, largest value of a."""
    a, b = a.astype(np.float64).ravel(), b.astype(np.float64).ravel()
    return float(a @ b / np.sqrt((a @ a) * (b @ b))), float(np.abs(a - b).max()), float(np.abs(a).max())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build" / "ctrlspeak"))
    parser.add_argument("--model", required=True)
    parser.add_argument("--clip", default=str(ROOT / "samples" / "recording.wav"))
    parser.add_argument("--precision", default="bf16,int8")
    parser.add_argument("--every", type=int, default=1, help="show every N-th layer and the last")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch) / "f32"
        tokens = {"f32": stages(arguments, "f32", base)}
        names = ["subsampling"] + sorted(p.stem for p in base.glob("layer_*.npy"))
        names = [n for i, n in enumerate(names) if i < 2 or (i - 1) % arguments.every == 0 or n == names[-1]]
        found = []
        for precision in arguments.precision.split(","):
            tokens[precision] = stages(arguments, precision, Path(scratch) / precision)
            if tokens[precision] is None:
                print(f"{precision}: this program does not have it\n")
            else:
                found.append(precision)
        print("| after | " + " | ".join(f"{p}: cosine with f32 | {p}: worst error, of the largest value" for p in found) + " |")
        print("|---|" + "---|---|" * len(found))
        for name in names:
            cells = []
            for precision in found:
                cosine, worst, largest = gap(*(np.load(Path(scratch) / p / f"{name}.npy") for p in ("f32", precision)))
                cells += [f"{cosine:.6f}", f"{worst:.3g} of {largest:.1f}"]
            print(f"| {name.replace('layer_', 'layer ').replace('subsampling', 'sub-sampling')} | " + " | ".join(cells) + " |")
        print()
        for precision in found:
            print(f"{precision}: {edits(tokens['f32'], tokens[precision])} of {len(tokens['f32'])} tokens are others")


if __name__ == "__main__":
    main()
