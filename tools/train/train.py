#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""train.py: from the bank of clips to a checkpoint. Resumable: the same command goes on from DIR/run/last.pt.

usage: train.py --work DIR --steps N [--ranks 2] [--seconds 40] [--audio ../shared/audio]

Steps, not the clock, drive the schedule: 3 % bootstrap with frame labels, then TDT + CTC at a flat rate to 60 %, then a cosine. The
stages of the mix (compose.py) are parts of the run too. DIR/run/steps, if it exists, overrides N while training runs, for machines
whose speed cannot be foreseen: written before 60 % are done, it brings the end forward and nothing else. Two ranks are two
processes of one thread each that average their weights every ten steps. Development figures are printed from the dev half
of bench/wer_sets.py (theo), and nothing else is looked at.
"""
import argparse
import math
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../../bench"))


def rate(step, args):
    """Linear warm-up, flat to 60 %, cosine to 1 %."""
    if step < args.warmup:
        return args.lr * (step + 1) / args.warmup
    p = (step - 0.6 * args.steps) / (0.4 * args.steps)
    return args.lr if p < 0 else args.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1, p))))


def collate(batch):
    import numpy as np
    import torch
    n = max(len(mel) for mel, _, _ in batch)
    x = np.zeros((len(batch), 80, n), dtype=np.float32)
    u = max(len(ids) for _, ids, _ in batch)
    y = np.zeros((len(batch), u), dtype=np.int64)
    for i, (mel, ids, _) in enumerate(batch):
        x[i, :, :len(mel)] = mel.T
        y[i, :len(ids)] = ids
    lens = torch.tensor([len(mel) for mel, _, _ in batch])
    return torch.from_numpy(x), lens, torch.from_numpy(y), torch.tensor([len(ids) for _, ids, _ in batch])


def frame_labels(batch, t, blank, enc_len):
    """The middle half of each single word carries its token, the rest blank; -100 where words are not single."""
    import torch
    out = torch.full((len(batch), t), -100, dtype=torch.long)
    for i, (_, ids, spans) in enumerate(batch):
        if len(spans) == len(ids):
            out[i, :int(enc_len[i])] = blank
            for first, last, token in spans:
                out[i, first // 8:max(first // 8 + 1, last // 8)] = token
    return out


def losses(model, batch, bootstrap, args):
    import torch
    from model import DURATIONS
    from tdt_loss import tdt_loss
    x, lens, y, y_len = collate(batch)
    enc, enc_len = model.encoder(audio_signal=x, length=lens)
    ctc = model.ctc_decoder(encoder_output=enc)                        # [B, T, V + 1] log-probabilities
    blank = ctc.shape[-1] - 1
    ctc_loss = torch.nn.functional.ctc_loss(ctc.transpose(0, 1), y, enc_len, y_len, blank=blank, reduction="none",
                                            zero_infinity=True).sum() / y_len.sum()
    if bootstrap:
        labels = frame_labels(batch, ctc.shape[1], blank, enc_len)
        weight = torch.ones(blank + 1)
        weight[blank] = 0.4
        ce = torch.nn.functional.nll_loss(ctc.flatten(0, 1), labels.flatten(), weight=weight, ignore_index=-100)
        return 3 * ce + 0.2 * ctc_loss, ce.item(), ctc_loss.item()
    pred, _, _ = model.decoder(targets=y, target_length=y_len)
    joint = model.joint.joint(enc.transpose(1, 2), pred.transpose(1, 2))
    tdt = tdt_loss(joint, y, enc_len.long(), y_len, DURATIONS).sum() / y_len.sum()
    return 0.7 * tdt + args.ctc * ctc_loss, tdt.item(), ctc_loss.item()


def dev_features(model, audio, limit):
    import random
    import torch
    import wer_sets
    sets = wer_sets.fsdd(audio)
    out = {}
    for name, clips in sets.items():
        if isinstance(clips, str):
            print(name, "skipped:", clips)
            continue
        dev = [c for c in clips if c[2] == "dev"]
        if name.startswith("fsdd"):
            dev = random.Random(3).sample(dev, limit)
        rows = []
        for _, text, _, x in dev:
            with torch.no_grad():
                m, n = model.preprocessor.featurizer(torch.tensor(x, dtype=torch.float32)[None], torch.tensor([len(x)]))
            rows.append((m[0, :, :int(n[0])].T.numpy(), text.split()))
        out[name] = sorted(rows, key=lambda r: len(r[0]))
    return out


def evaluate(model, sets):
    """Word error rate in per cent of both heads, greedy."""
    import torch
    from wer_sets import edits
    model.eval()
    line = []
    for name, rows in sets.items():
        errors, words = [0, 0], 0
        for i in range(0, len(rows), 16):
            part = rows[i:i + 16]
            x, lens, _, _ = collate([(mel, [0], None) for mel, _ in part])
            with torch.no_grad():
                enc, enc_len = model.encoder(audio_signal=x, length=lens)
                best = model.ctc_decoder(encoder_output=enc).argmax(-1)
                tdt = model.decoding.rnnt_decoder_predictions_tensor(encoder_output=enc, encoded_lengths=enc_len)
            for k, (_, ref) in enumerate(part):
                ids = torch.unique_consecutive(best[k, :int(enc_len[k])]).tolist()
                ctc = model.tokenizer.ids_to_text([t for t in ids if t != model.tokenizer.vocab_size]).split()
                errors[0] += edits(ref, tdt[k].text.split())
                errors[1] += edits(ref, ctc)
                words += len(ref)
        line.append(f"{name} {100 * errors[0] / words:.1f}/{100 * errors[1] / words:.1f}")
    return "  ".join(line)


def average(model, ranks):
    """Weights and running statistics become their mean over the ranks."""
    import torch
    import torch.distributed as dist
    state = [v for v in model.state_dict().values() if v.is_floating_point()]
    flat = torch.cat([v.flatten() for v in state])
    dist.all_reduce(flat)
    flat /= ranks
    at = 0
    for v in state:
        v.copy_(flat[at:at + v.numel()].view_as(v))
        at += v.numel()


def worker(rank, args):
    import torch
    import torch.distributed as dist
    from compose import BOOTSTRAP, Composer, stage_of
    from model import build
    torch.set_num_threads(1)
    if args.ranks > 1:
        dist.init_process_group("gloo", init_method=f"file://{os.path.abspath(args.work)}/run/rendezvous-{args.stamp}", rank=rank,
                                world_size=args.ranks)
    torch.manual_seed(7)
    model = build(os.path.join(args.work, "tokenizer"))
    model.preprocessor.featurizer.dither = 0.0
    model.encoder.sync_max_audio_length = False         # one rank evaluates alone; it must not wait for the other
    params = [p for p in model.parameters() if p.requires_grad]
    decay = [p for p in params if p.dim() > 1]
    opt = torch.optim.AdamW([{"params": decay, "weight_decay": 1e-3}, {"params": [p for p in params if p.dim() < 2], "weight_decay": 0}],
                            lr=args.lr, betas=(0.9, 0.98), foreach=True)
    step, heard, last = 0, 0.0, os.path.join(args.work, "run/last.pt")
    total = os.path.join(args.work, "run/steps")
    ema = {k: v.detach().clone() for k, v in model.state_dict().items()}
    if os.path.exists(last):
        saved = torch.load(last, map_location="cpu")
        model.load_state_dict(saved["model"])
        opt.load_state_dict(saved["opt"])
        ema, step, heard = saved["ema"], saved["step"], saved["heard"]
    if rank == 0:
        print(f"{sum(p.numel() for p in params) / 1e6:.2f} M parameters; from step {step}", flush=True)
        dev = dev_features(model, args.audio, args.dev)
    torch.manual_seed(1000 * step + rank)
    composer = Composer(args.work, model.tokenizer, 1000 * step + rank)
    start, cpu, shown = time.time(), time.process_time(), step
    stage = -1
    while step < args.steps:
        bootstrap = step < BOOTSTRAP * args.steps
        if stage_of(step / args.steps) > stage:
            stage = stage_of(step / args.steps)
            batches = composer.batches(args.seconds, stage)
        model.train()
        batch = next(batches)
        heard += args.ranks * sum(len(i[0]) for i in batch) / 360000
        loss, main, ctc = losses(model, batch, bootstrap, args)
        opt.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(params, 1.0)
        for g in opt.param_groups:
            g["lr"] = rate(step, args)
        if torch.isfinite(norm):
            opt.step()
        step += 1
        if step % 20 == 0 and os.path.exists(total):
            args.steps = max(step, int(open(total).read()))
        if step % args.sync == 0:
            with torch.no_grad():
                if args.ranks > 1:
                    average(model, args.ranks)
                keep = min(0.995 if step < 0.6 * args.steps else 0.998, step / (step + 20)) ** args.sync
                for k, v in model.state_dict().items():
                    ema[k].mul_(keep).add_(v, alpha=1 - keep) if v.is_floating_point() else ema[k].copy_(v)
        if rank == 0 and step % 25 == 0:
            print(f"step {step} loss {main:.3f} ctc {ctc:.3f} norm {norm:.2f} heard {heard:.2f} h  {(time.time() - start) / (step - shown):.2f} "
                  f"s a step, {(time.process_time() - cpu) / (step - shown):.2f} CPU s", flush=True)
        if step % args.every == 0 or step == args.steps:
            if rank == 0:
                torch.save({"model": model.state_dict(), "opt": opt.state_dict(), "ema": ema, "step": step, "heard": heard}, last + ".part")
                os.replace(last + ".part", last)
                if step % (args.every * args.dev_every) == 0 or step == args.steps:
                    own = {k: v.clone() for k, v in model.state_dict().items()}
                    model.load_state_dict(ema)
                    print(f"dev {step} (TDT/CTC) " + evaluate(model, dev), flush=True)
                    model.load_state_dict(own)


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--work", required=True)
    ap.add_argument("--audio", default=os.path.join(HERE, "../../../shared/audio"))
    ap.add_argument("--steps", type=int, default=16000)
    ap.add_argument("--ranks", type=int, default=2)
    ap.add_argument("--seconds", type=float, default=40, help="audio in a batch of one rank")
    ap.add_argument("--lr", type=float, default=1.5e-3)
    ap.add_argument("--warmup", type=int, default=100)
    ap.add_argument("--ctc", type=float, default=0.3)
    ap.add_argument("--sync", type=int, default=10, help="steps between averages; divides --every")
    ap.add_argument("--every", type=int, default=100)
    ap.add_argument("--dev-every", type=int, default=5, help="in checkpoints")
    ap.add_argument("--dev", type=int, default=100, help="FSDD clips of each kind")
    args = ap.parse_args()
    args.stamp = f"{time.time():.0f}"
    os.makedirs(os.path.join(args.work, "run"), exist_ok=True)
    if args.ranks == 1:
        return worker(0, args)
    import torch.multiprocessing as mp
    mp.spawn(worker, args=(args,), nprocs=args.ranks)


if __name__ == "__main__":
    main()
