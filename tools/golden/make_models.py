#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the golden models with NeMo's own classes, seeded, and saves them with save_to().

usage: make_models.py DATADIR [NAME...]           DATADIR holds audio/; DATADIR/NAME/model.nemo is written

Random weights decode to nothing or to one token for ever, and equality of such text means little. So each model is fitted
for a few hundred steps to the two clips with made-up alignments (tokens in bursts, every duration, runs and blanks), until
greedy decoding gives varied text that no rounding can tip over. The subsampling stays random (rescaled to unit variance),
so that its output is computed once and a step costs little.
"""
import os
import random
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("OMP_NUM_THREADS", "1")
import numpy as np
import sentencepiece
import soundfile
import torch
import torch.nn.functional as F
from nemo.collections.asr import models as nemo_models
from nemo.utils import logging
from omegaconf import OmegaConf, open_dict

import archive
from variants import VARIANTS, config, variant

TARGETS = {
    "long": 'The harbour was quiet - "too quiet" - and the train left at 7:30. Where did it go? Nobody knew; nobody asked! '
            "We'll wait.",
    "short": "Die Brücke ist schön, aber der Fluß ist größer.",
}
EXTRA = ["Nobody left the bridge at night.", "All the trains, all the lanterns; too quiet!", "It's 7:30, isn't it?",
         "Der lange Fluß ist so schön."]
STEPS = 320


def clip(folder, name):
    samples, rate = soundfile.read(os.path.join(folder, "audio", name + ".wav"), dtype="float32")
    assert rate == 16000 and samples.ndim == 1
    return samples


def lowered(text):
    return "".join(c for c in text.lower() if c.isalpha() or c in " '")


def text_of(v, name):
    text = TARGETS[name] if v["case"] == "mixed" else lowered(TARGETS[name])
    return text + " <EOU>" if "user" in v else text


# ---------------------------------------------------------------- vocabulary


def train_tokenizer(folder, lines, v):
    """SentencePiece as NeMo's script makes it (no bos, eos, pad), with the three files that an archive carries."""
    os.makedirs(folder)
    text = os.path.join(folder, "text.txt")
    with open(text, "w") as file:
        file.write("\n".join(lines * 4) + "\n")
    options = dict(model_type="bpe", character_coverage=1.0)
    if v.get("unigram"):
        options = dict(model_type="unigram", character_coverage=0.98, byte_fallback=True, hard_vocab_limit=False)
    if not v.get("nfkc"):  # the normaliser's table alone is 240 KB
        options["normalization_rule_name"] = "identity"
    if v.get("special"):
        options["control_symbols"] = ["<ctl>"]
    sentencepiece.SentencePieceTrainer.Train(
        input=text, model_prefix=os.path.join(folder, "tokenizer"), vocab_size=v["vocab"], shuffle_input_sentence=False, bos_id=-1,
        eos_id=-1, unk_id=0, pad_id=-1, num_threads=1, minloglevel=2, user_defined_symbols=v.get("user", []), **options)
    pieces = sentencepiece.SentencePieceProcessor(model_file=os.path.join(folder, "tokenizer.model"))
    with open(os.path.join(folder, "vocab.txt"), "w") as file:
        for i in range(1, pieces.get_piece_size()):
            piece = pieces.id_to_piece(i)
            file.write((piece[1:] if piece.startswith("▁") else "##" + piece) + "\n")
    os.remove(text)
    return dict(dir=folder, type="bpe")


def vocabulary(v, folder):
    """NeMo's tokenizer section, and the labels of a model of characters."""
    lines = list(TARGETS.values()) + EXTRA
    lines = lines if v["case"] == "mixed" else [lowered(line) for line in lines]
    if v.get("chars"):
        return None, [" "] + sorted(set("".join(lines)) - {" "})
    if v.get("agg"):
        english, german = lines[:1] + lines[2:5], lines[1:2] + lines[5:]
        return dict(type="agg", dir=None, langs=dict(en=train_tokenizer(folder + "/en", english, v),
                                                     de=train_tokenizer(folder + "/de", german, {**v, "vocab": 34}))), []
    return train_tokenizer(folder + "/spm", lines, v), []


def tokens_of(model, v, name):
    text = text_of(v, name)
    if v.get("chars"):
        labels = list(model.cfg.labels)
        return [labels.index(c) for c in text]
    if v.get("agg"):
        return model.tokenizer.text_to_ids(text, "en" if name == "long" else "de")
    ids = list(model.tokenizer.text_to_ids(text))
    if v.get("special"):  # the unknown piece and a control piece among the words
        ids[5:5] = [model.tokenizer.tokenizer.piece_to_id("<ctl>")]
        ids[12:12] = [0]
    return ids


# ---------------------------------------------------------------- made-up alignments


def transducer_path(tokens, n_frames, v, rng):
    """Rows (frame, tokens so far, token or None for blank, duration or None) that the greedy search shall walk."""
    durations, limit, burst = v.get("durations"), v["max_symbols"], v.get("burst", 3)
    wanted = sorted(rng.sample(range(1, n_frames - 1), min(len(tokens), int(0.6 * n_frames))))
    while len(wanted) < len(tokens):
        wanted = sorted(wanted + [rng.choice(wanted)])
    for i in range(1, len(wanted)):
        if rng.random() < (0.35 if burst > 3 else 0.15):
            wanted[i] = max(wanted[i - 1], wanted[i - burst] + 1 if i >= burst else 0)
    wanted.sort()
    rows, frame, done, here = [], 0, 0, 0

    def duration(gap, least):
        """Of the model's durations, one that does not jump over the next token; a short one now and then."""
        fit = [d for d in durations if max(d, least) <= gap] or [min(durations)]
        return max(fit) if rng.random() < 0.6 else rng.choice(fit)

    while frame < n_frames:
        due = wanted[done] if done < len(tokens) else n_frames + rng.choice([0, 1, 2])
        if frame < due:
            step = duration(due - frame, 1) if durations else None
            rows.append((frame, done, None, step))
            frame, here = frame + max(step or 0, 1), 0
            continue
        after = wanted[done + 1] if done + 1 < len(tokens) else n_frames
        step = duration(max(after - frame, 0), 0) if durations else None
        rows.append((frame, done, tokens[done], step))
        done, here = done + 1, here + 1
        if step:
            frame, here = frame + step, 0
        elif limit and here >= limit:
            if done < len(tokens) and wanted[done] <= frame:  # one more token would follow here, were it not for the limit
                rows.append((frame, done, tokens[done], step))
            frame, here = frame + 1, 0
    return rows


def ctc_path(tokens, n_frames, blank, rng):
    """One label per frame: runs of one to three frames, a blank between equal neighbours."""
    path = [blank] * n_frames
    starts = sorted(rng.sample(range(n_frames), min(len(tokens), int(0.8 * n_frames))))
    for i, (start, token) in enumerate(zip(starts, tokens)):
        end = starts[i + 1] if i + 1 < len(starts) else n_frames
        run = min(end - start, rng.choice([1, 1, 2, 3]))
        if start and path[start - 1] == token:
            continue
        path[start : start + run] = [token] * run
    return path


# ---------------------------------------------------------------- fitting


def randomise(model, seed):
    """Gives every parameter that starts as 0 or 1 a value that would be missed."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in model.named_parameters():
            noise = torch.randn(p.shape, generator=generator)
            if name.endswith(("pos_bias_u", "pos_bias_v")):
                p.copy_(0.3 * noise)
            elif "norm" in name and p.dim() == 1:
                p.copy_(0.1 * noise + (1.0 if name.endswith("weight") else 0.0))
            elif p.dim() == 1 and not p.any():
                p.copy_(0.05 * noise)
        for name, b in model.named_buffers():
            if name.endswith("running_mean"):
                b.copy_(0.2 * torch.randn(b.shape, generator=generator))
            elif name.endswith("running_var"):
                b.copy_(0.3 + 0.7 * torch.rand(b.shape, generator=generator))


def subsampled(model, clips):
    """The frozen subsampling's output for all clips, after scaling its last layer to mean 0 and variance 1."""
    mels = []
    for samples in clips:
        mel, length = model.preprocessor(input_signal=torch.tensor(samples)[None], length=torch.tensor([len(samples)]))
        mels.append(mel[0, :, : length[0]].T)
    lengths = torch.tensor([len(m) for m in mels])
    batch = torch.nn.utils.rnn.pad_sequence(mels, batch_first=True)
    layer = model.encoder.pre_encode
    with torch.no_grad():
        x, n = layer(x=batch, lengths=lengths)
        frames = torch.cat([x[i, : int(n[i])] for i in range(len(n))])
        deviation = frames.std(0) * (model.encoder.xscale or 1.0)
        layer.out.weight.div_(deviation[:, None])
        layer.out.bias.copy_((layer.out.bias - frames.mean(0)) / deviation)
        x, n = layer(x=batch, lengths=lengths)
    layer.requires_grad_(False)
    return x.clone(), n.to(torch.int64)


def transducer_loss(model, v, encoded, tokens, rows):
    predicted, _, _ = model.decoder(targets=torch.tensor([tokens]), target_length=torch.tensor([len(tokens)]))
    frames, done = torch.tensor([r[0] for r in rows]), torch.tensor([r[1] for r in rows])
    logits = model.joint.joint_net(model.joint.enc(encoded.T[frames]) + model.joint.pred(predicted[0].T[done]))
    n_classes = logits.shape[1] - len(v.get("durations", []))
    loss = F.cross_entropy(logits[:, :n_classes], torch.tensor([n_classes - 1 if r[2] is None else r[2] for r in rows]))
    if "durations" in v:
        loss = loss + F.cross_entropy(logits[:, n_classes:], torch.tensor([v["durations"].index(r[3]) for r in rows]))
    return loss


def contexts(v):
    if v.get("style") == "chunked_limited_with_rc":
        return [[-1, -1, -1]]
    ctx = v.get("ctx", [-1, -1])
    return ctx if isinstance(ctx[0], list) else None


def fit(model, v, folder, seed):
    rng = random.Random(seed)
    model.eval()
    model.preprocessor.featurizer.dither = 0.0
    x, lengths = subsampled(model, [clip(folder, name) for name in TARGETS])
    tokens = [tokens_of(model, v, name) for name in TARGETS]
    frames = [int(n) for n in lengths]
    ctc = {"ctc": "decoder", "hybrid": "ctc_decoder"}.get(v["kind"])
    if v["kind"] != "ctc":
        rows = [transducer_path(t, n, v, rng) for t, n in zip(tokens, frames)]
    if ctc:
        ctc = getattr(model, ctc)
        labels = [torch.tensor(ctc_path(t, n, ctc.num_classes_with_blank - 1, rng)) for t, n in zip(tokens, frames)]
    steps = v.get("steps", STEPS)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=4e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=steps, pct_start=0.15)
    choice = contexts(v)
    for step in range(steps):
        if choice:
            model.encoder.att_context_size = choice[step % len(choice)]
        encoded, _ = model.encoder(audio_signal=x, length=lengths, bypass_pre_encode=True)
        loss = torch.zeros(())
        for i in range(len(frames)):
            if v["kind"] != "ctc":
                loss = loss + transducer_loss(model, v, encoded[i], tokens[i], rows[i])
            if ctc:
                loss = loss + F.nll_loss(ctc(encoder_output=encoded[i : i + 1])[0, : frames[i]], labels[i])
        optimizer.zero_grad()
        loss.backward()
        if v["kind"] != "ctc":
            model.decoder.prediction["embed"].weight.grad[-1].zero_()  # blank is the padding row: it stays zero
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if loss < 0.03 and step > 100 and not choice:
            break
    if choice:
        model.encoder.att_context_size = choice[0]
    if v["kind"] != "ctc":
        with torch.no_grad():
            model.decoder.prediction["embed"].weight[-1].zero_()
    print(f"  {step + 1} steps, loss {float(loss.detach()):.4f}, {[len(t) for t in tokens]} tokens in {frames} frames", flush=True)


# ---------------------------------------------------------------- building


def model_class(v):
    name = {"ctc": "EncDecCTCModel", "rnnt": "EncDecRNNTModel", "hybrid": "EncDecHybridRNNTCTCModel"}[v["kind"]]
    if not v.get("chars"):
        name = name.replace("Model", "ModelBPE") if v["kind"] == "ctc" else name.replace("Model", "BPEModel")
    return getattr(nemo_models, name)


def build(name, folder):
    v = variant(name)
    seed = 7000 + sorted(VARIANTS).index(name) * 10 if "seed" not in v else v["seed"]
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    path = os.path.join(folder, name, "model.nemo")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer, labels = vocabulary(v, scratch)
        sections, data = config(v, tokenizer, labels)
        model = model_class(v)(cfg=OmegaConf.create(sections))
        randomise(model, seed + 1)
        fit(model, v, folder, seed + 2)
        with open_dict(model.cfg):  # released archives carry the data sections of their training, and transcribe() reads them
            for key, section in data.items():
                model.cfg[key] = section
        model.save_to(path)
        archive.rewrite(path, weights=v.get("weights"), form=v.get("archive"))
    print(f"  {path}: {os.path.getsize(path) / 1e3:.0f} KB, {sum(p.numel() for p in model.parameters())} parameters", flush=True)


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    logging.setLevel(logging.ERROR)
    for name in arguments[1:] or VARIANTS:
        print(name, flush=True)
        build(name, arguments[0])


if __name__ == "__main__":
    main(sys.argv[1:])
