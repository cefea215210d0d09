#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds a Canary model of a released one's size with random weights, and an 11 s clip beside it, for bench/canary.py.

usage: big_canary.py OUT.nemo 180m-flash|1b-flash [--audio DIR] [--tokens 40] [--seed 1]

Never committed (0.7 and 3.5 GB). Written next to OUT.nemo: clip.wav (11 s). Needs twice the model's size in memory.

Random weights end at once or never. Here the table of positions says what comes: at each it has the direction of one token's row of the
head, first of --tokens made-up ones, then of the end. So NeMo and ours give the same answer without any option, and each of its tokens has
a probability of about a half, as among a trained model's.
"""
import argparse
import os
import random
import sys
import tempfile

import make_canary_models as canary_models  # sets the environment before torch comes in
import soundfile
import torch
from big_model import clip, settle_encoder, tokenizer
from nemo.collections.asr import models as nemo_models
from nemo.utils import logging
from omegaconf import OmegaConf

from canary_variants import COMMON, LANGUAGES, canary2_special, canary_config

PROMPT_TOKENS = 9  # of canary2 without context, by an aggregate tokenizer
SPECIAL = canary2_special(LANGUAGES, 900)
SHAPE = dict(COMMON, mels=128, heads=8, channels=256, ff=4, dlayers=4, width=1024, dheads=8, inner=4096, max_seq=1024, delta=-1,
             special=SPECIAL + [f"<|spltoken{i}|>" for i in range(1, 1151 - len(SPECIAL))])
SHAPES = {"180m-flash": dict(SHAPE, layers=17, d=512), "1b-flash": dict(SHAPE, layers=32, d=1024)}


def vocabulary(v, folder, rng):
    """1152 special tokens and 1024 of each language."""
    return canary_models.aggregate(folder, v["special"], {language: tokenizer(f"{folder}/{language}", 1024, rng) for language in LANGUAGES})


@torch.inference_mode()
def write_answer(model, tokens, rng):
    positions, rows = model.transf_decoder.embedding.position_embedding.pos_enc, model.log_softmax.mlp.layer0.weight
    first, most = model.tokenizer.token_id_offset["en"], model.tokenizer.tokenizers_dict["en"].vocab_size
    wanted = [first + rng.randrange(1, most) for _ in range(tokens)]
    positions[PROMPT_TOKENS - 1 :] = 20 * rows[model.tokenizer.eos_id]
    positions[PROMPT_TOKENS - 1 :][:tokens] = 20 * rows[wanted]
    return wanted


@torch.inference_mode()
def answer(path, wav):
    """Token ids of NeMo's answer, read from the archive again."""
    model = nemo_models.ASRModel.restore_from(path, map_location="cpu").eval()
    return model.transcribe([wav], batch_size=1, verbose=False)[0].y_sequence.tolist()


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("shape", choices=SHAPES)
    parser.add_argument("--audio", default=os.path.join(here, "../../tests/golden/data/audio"))
    parser.add_argument("--tokens", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    a = parser.parse_args()
    logging.setLevel(logging.ERROR)
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    v, folder = SHAPES[a.shape], os.path.dirname(os.path.abspath(a.out))
    os.makedirs(folder, exist_ok=True)
    wav = os.path.join(folder, "clip.wav")
    samples = clip(a.audio, wav)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        model = nemo_models.EncDecMultiTaskModel(cfg=OmegaConf.create(canary_config(v, vocabulary(v, scratch, random.Random(a.seed)))))
        settle_encoder(model, samples)
        wanted = write_answer(model, a.tokens, random.Random(a.seed))
        canary_models.save(model, a.out)
    print(f"{a.out}: {os.path.getsize(a.out) / 1e9:.2f} GB, {sum(p.numel() for p in model.parameters()) / 1e6:.1f} M parameters, "
          f"{model.tokenizer.vocab_size} tokens; {soundfile.info(wav).duration} s", flush=True)
    del model
    ids = answer(a.out, wav)
    print(f"NeMo's answer: {len(ids)} tokens, {'as' if ids == wanted else 'NOT as'} wanted")
    return ids != wanted


if __name__ == "__main__":
    sys.exit(main())
