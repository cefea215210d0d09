#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""wer_nemo.py: the program's tokens against NeMo's transcribe() of the same files, clip by clip.

usage: wer_nemo.py CLIPS [--program build/ctrlspeak] [--model models/ctrlspeak-small.nemo] [--head tdt,ctc]

CLIPS is the folder that wer.py --keep wrote. Needs a Python with NeMo (tools/train/requirements.txt).
"""
import argparse
import glob
import json
import os
import subprocess
import sys

import torch

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def ours(args, head, folder):
    out = subprocess.run([args.program, "transcribe", "-m", args.model, "--head", head, "-f", "jsonl", folder], check=True,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    rows = [json.loads(line) for line in out.splitlines()]
    return {r["file"]: (r["text"], [t["id"] for t in r["tokens"]]) for r in rows}


def theirs(model, head, files):
    with torch.no_grad():
        hyps = model.transcribe(files, batch_size=1, return_hypotheses=True, verbose=False)
    hyps = hyps[0] if isinstance(hyps, tuple) else hyps
    blank = model.tokenizer.vocab_size
    for path, h in zip(files, hyps):
        ids = torch.as_tensor(h.y_sequence)
        if head == "ctc":                              # one label a frame
            ids = ids.argmax(-1) if ids.dim() == 2 else ids
            ids = torch.unique_consecutive(ids)
        yield path, h.text, [int(i) for i in ids if int(i) != blank]


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("clips")
    ap.add_argument("--program", default=os.path.join(ROOT, "build/ctrlspeak"))
    ap.add_argument("--model", default=os.path.join(ROOT, "models/ctrlspeak-small.nemo"))
    ap.add_argument("--head", default="tdt,ctc")
    args = ap.parse_args()
    torch.set_num_threads(1)
    from nemo.collections.asr.models import ASRModel
    model = ASRModel.restore_from(args.model, map_location="cpu")
    differ = 0
    for head in args.head.split(","):
        model.change_decoding_strategy(decoder_type="ctc" if head == "ctc" else "rnnt", verbose=False)
        for folder in sorted(glob.glob(os.path.join(args.clips, "*", ""))):
            files = sorted(glob.glob(folder + "*.wav"))
            mine = ours(args, head, folder)
            wrong = [(p, mine[p], (text, ids)) for p, text, ids in theirs(model, head, files) if mine[p] != (text, ids)]
            print(f"{os.path.basename(folder[:-1])} {head}: {len(files) - len(wrong)} of {len(files)} equal", flush=True)
            for path, a, b in wrong[:5]:
                print(f"  {path}\n    ours {a}\n    NeMo {b}")
            differ += len(wrong)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
