#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""save.py: writes the .nemo file through NeMo's own class, from the averaged weights of the last checkpoint.

usage: save.py --work DIR --out models/ctrlspeak-small.nemo
"""
import argparse
import hashlib
import os

import torch
from omegaconf import open_dict

from model import build


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--work", required=True)
    ap.add_argument("--out", required=True)
    args = ap.parse_args()
    model = build(os.path.join(args.work, "tokenizer"))
    saved = torch.load(os.path.join(args.work, "run/last.pt"), map_location="cpu")
    model.load_state_dict(saved["ema"])
    model.eval()
    model.preprocessor.featurizer.dither = 0.0
    model.cfg.tokenizer.dir = "tokenizer"              # where it was made is nobody's business; the archive has the files
    with open_dict(model.cfg):                         # NeMo's transcribe() of a file asks for this section
        model.cfg.validation_ds = dict(manifest_filepath=None, sample_rate=16000, batch_size=16, shuffle=False,
                                       use_start_end_token=False, defer_setup=True)
    model.save_to(args.out)
    data = open(args.out, "rb").read()
    print(f"{args.out}: step {saved['step']}, {saved['heard']:.1f} h heard, {len(data)} bytes, sha256 {hashlib.sha256(data).hexdigest()}")


if __name__ == "__main__":
    main()
