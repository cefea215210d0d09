#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds a model of a released one's size with random weights, and NeMo's result for an 11 s clip beside it.

usage: big_model.py OUT.nemo [--audio DIR] [--kind ctc|rnnt|hybrid] [--durations 0,1,2,3,4] [--layers 24] [--width 1024] [--heads 8]
                    [--mels 128] [--vocab 8192] [--bias] [--seed 1]

The defaults are the shape of parakeet-tdt-0.6b-v3: 627 M parameters, 2.5 GB, never committed. Written next to OUT.nemo:
clip.wav (11 s), expected.json and tensors.bin as the golden test reads them, encoder.npy. Needs about 8 GB of memory.

Random weights say the same token for ever. Here the subsampling is scaled to unit variance, and the output layer of the
head is scaled and centred over the clip's frames, with a blank bias that leaves some tens of tokens and many blanks.
"""
import argparse
import os
import random
import tempfile

from make_models import model_class, train_tokenizer  # sets the environment before torch comes in
import numpy as np
import soundfile
import torch
from nemo.utils import logging
from omegaconf import OmegaConf, open_dict

import tensor_file
from make_expected import Expected
from variants import BASE, config


def words(n, rng):
    """Made-up words, enough of them for a vocabulary of thousands."""
    heads, tails = "b bl br c ch d dr f g gr h j k l m n p pl r s sh st t th tr v w z".split(), "a e i o u ai ea ou ar en in or ul".split()
    made = set()
    while len(made) < n:
        word = "".join(rng.choice(heads) + rng.choice(tails) for _ in range(rng.choice([1, 2, 2, 3, 3, 4]))) + rng.choice(["", "s", "n", "ng", "t"])
        made.add(word.capitalize() if rng.random() < 0.1 else word)
    return sorted(made)


def tokenizer(folder, vocab, rng):
    known = words(4 * vocab, rng)
    lines = [" ".join(rng.choices(known, k=12)) + rng.choice([".", "?", "!", ", it's", " - 7:30"]) for _ in range(2 * vocab)]
    return train_tokenizer(folder + "/spm", lines, dict(vocab=vocab))


def clip(folder, path):
    """long.wav, then short.wav, cut to 11 s."""
    parts = [soundfile.read(os.path.join(folder, name + ".wav"), dtype="int16")[0] for name in ("long", "short")]
    samples = np.concatenate(parts)[:176000]
    soundfile.write(path, samples, 16000, subtype="PCM_16")
    return samples.astype(np.float32) / 32768


@torch.inference_mode()
def settle_encoder(model, samples):
    """Scale the subsampling; what the encoder then gives for the clip (T, D)."""
    model.eval()
    model.preprocessor.featurizer.dither = 0.0
    mel, n = model.preprocessor(input_signal=torch.tensor(samples)[None], length=torch.tensor([len(samples)]))
    layer = model.encoder.pre_encode
    x, _ = layer(x=mel.transpose(1, 2), lengths=n)
    deviation = x[0].std(0) * (model.encoder.xscale or 1.0)
    layer.out.weight.div_(deviation[:, None])
    layer.out.bias.copy_((layer.out.bias - x[0].mean(0)) / deviation)
    encoded, n = model.encoder(audio_signal=mel, length=n)
    return encoded[0, :, : int(n[0])].T


@torch.inference_mode()
def settle(model, v, samples):
    """Scale subsampling and heads so that the output varies from frame to frame."""
    encoded = settle_encoder(model, samples)

    def centre(layer, logits, blank, spread):
        """Logits of mean 0 over the frames and the given deviation; blank best at about two frames of three."""
        factor = spread / logits.std(0).mean()
        layer.weight.mul_(factor)
        layer.bias.copy_((layer.bias - logits.mean(0)) * factor)
        logits = (logits - logits.mean(0)) * factor
        if blank is not None:
            others = torch.cat([logits[:, :blank], torch.full_like(logits[:, :1], -1e9)], 1).max(1).values
            layer.bias[blank] += torch.quantile(others - logits[:, blank], 0.66)

    if v["kind"] != "ctc":
        m = model.joint
        predicted = model.decoder.predict(None, None, add_sos=False, batch_size=1)[0]
        logits = m.joint_net(m.enc(encoded) + m.pred(predicted[0]))
        centre(m.joint_net[-1], logits, logits.shape[1] - len(v.get("durations", [])) - 1, 8.0)
    if v["kind"] != "rnnt":
        head = model.decoder if v["kind"] == "ctc" else model.ctc_decoder
        layer = head.decoder_layers[0]
        logits = (layer(encoded.T[None])[0]).T
        centre(layer, logits, logits.shape[1] - 1, 8.0)


def expected(path, wav):
    """NeMo's results for every head in the golden test's form."""
    folder = os.path.dirname(os.path.abspath(path))
    made = Expected(path, {"clip": ("clip.wav", 0, soundfile.info(wav).frames, wav)})
    for head in made.reference.heads:
        made.add("clip", head, keep=("mel", "subsampling", "layer_00", "encoder", "ctc_logprobs"), confidence="default")
    made.write(folder, os.path.basename(path))
    np.save(os.path.join(folder, "encoder.npy"), made.tensors["clip/encoder"])
    for case in made.cases:
        print(f"{case['head']}: {len(case['ids'])} tokens in {case['n_frames']} frames, closest scores {case['margin']:.2g} apart: {case['text'][:100]}")
    made.print_troubles()


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--audio", default=os.path.join(here, "../../tests/golden/data/audio"))
    parser.add_argument("--kind", default="rnnt")
    parser.add_argument("--durations", default="0,1,2,3,4")
    for name, default in dict(layers=24, width=1024, heads=8, mels=128, vocab=8192, seed=1).items():
        parser.add_argument("--" + name, type=int, default=default)
    parser.add_argument("--bias", action="store_true")
    a = parser.parse_args()
    logging.setLevel(logging.ERROR)
    torch.set_num_threads(1)
    torch.manual_seed(a.seed)
    v = dict(BASE, kind=a.kind, mels=a.mels, d=a.width, heads=a.heads, layers=a.layers, channels=256, ff=4, xscaling=False, use_bias=a.bias,
             pred=640, joint=640, lstm=2)
    if a.durations and a.kind != "ctc":
        v["durations"] = [int(d) for d in a.durations.split(",")]
    folder = os.path.dirname(os.path.abspath(a.out))
    os.makedirs(folder, exist_ok=True)
    wav = os.path.join(folder, "clip.wav")
    samples = clip(a.audio, wav)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        sections, data = config(v, tokenizer(scratch, a.vocab, random.Random(a.seed)))
        model = model_class(v)(cfg=OmegaConf.create(sections))
        settle(model, v, samples)
        with open_dict(model.cfg):
            for key, section in data.items():
                model.cfg[key] = section
        model.save_to(a.out)
    print(f"{a.out}: {os.path.getsize(a.out) / 1e9:.2f} GB, {sum(p.numel() for p in model.parameters()) / 1e6:.0f} M parameters", flush=True)
    del model
    expected(a.out, wav)


if __name__ == "__main__":
    main()
