# SPDX-License-Identifier: MIT
"""NeMo's own answers for one model: transcribe() on files with batch size 1, and the stages of the forward pass.

Traps that this module steps around
  - an array shorter than one second is padded to one second, a file is not: only files are transcribed
  - in batches the end times of TDT tokens are wrong: one file at a time
  - transcribe() leaves encoder and heads in training mode: eval() before every forward pass of our own
  - timestamps=True changes the decoding configuration for good: it is set anew before every run
  - no samples at all is an IndexError in NeMo: the expected result is empty text
"""
import copy
import json
import os
import signal
import tempfile

import numpy as np
import soundfile
import torch
from nemo.collections.asr.models import ASRModel
from nemo.utils import logging
from omegaconf import open_dict

DEFAULT_MEASURE = ("tsallis_exp", 0.33)
MEASURES = [DEFAULT_MEASURE] + [
    (name, alpha)
    for name in ("max_prob", "gibbs_lin", "gibbs_exp", "tsallis_lin", "tsallis_exp", "renyi_lin", "renyi_exp")
    for alpha in (1.0, 0.5)
]
AGGREGATES = ("min", "mean", "max", "prod")


def plain(value):
    """JSON's own types; floats to 9 digits."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu().tolist()
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, (float, np.floating)):
        return float(f"{float(value):.9g}")
    if isinstance(value, np.integer):
        return int(value)
    return value


def gap(scores):
    best = torch.topk(scores, 2, dim=-1).values
    return float((best[..., 0] - best[..., 1]).min()) if best.numel() else float("inf")


class Reference:
    def __init__(self, path):
        logging.setLevel(logging.ERROR)
        torch.set_num_threads(1)
        self.model = m = ASRModel.restore_from(path, map_location="cpu").eval()
        m.preprocessor.featurizer.dither = 0.0
        m.preprocessor.featurizer.pad_to = 0
        self.class_name = type(m).__name__
        self.hybrid = "Hybrid" in self.class_name
        self.transducer = None
        if not self.class_name.startswith("EncDecCTC"):
            durations = m.cfg.decoding.get("durations") or m.cfg.model_defaults.get("tdt_durations") or []
            self.n_durations = len(durations)
            self.transducer = "tdt" if durations else "rnnt"
        self.heads = ([self.transducer] if self.transducer else []) + (["ctc"] if self.hybrid or not self.transducer else [])
        self.decodings = {h: copy.deepcopy(m.cfg.aux_ctc.decoding if h == "ctc" and self.hybrid else m.cfg.decoding) for h in self.heads}

    # ------------------------------------------------------------ decoding

    def decode(self, path, head, change=None, timestamps=None):
        """One file to one Hypothesis, after change(decoding configuration)."""
        cfg = copy.deepcopy(self.decodings[head])
        if change:
            with open_dict(cfg):
                change(cfg)
        extra = dict(decoder_type="ctc" if head == "ctc" else "rnnt") if self.hybrid else {}
        self.model.change_decoding_strategy(cfg, verbose=False, **extra)
        result = self.model.transcribe([self.source(path)], batch_size=1, return_hypotheses=True, timestamps=timestamps, num_workers=0, verbose=False)
        return result[0]

    def source(self, path):
        """The path itself, or for an aggregate tokenizer, which wants a language with each file, a manifest of one line."""
        langs = self.model.cfg.get("tokenizer", {}).get("langs")
        if not langs:
            return path
        manifest = os.path.join(tempfile.gettempdir(), os.path.basename(path) + f".{os.getpid()}.json")
        with open(manifest, "w") as file:
            json.dump(dict(audio_filepath=os.path.abspath(path), duration=soundfile.info(path).duration, text="", lang=next(iter(langs))), file)
        return manifest

    def max_symbols(self, limit):
        """A limit, or none at all: null alone means 10 wherever CUDA graphs are allowed, on machines without CUDA too."""

        def change(cfg):
            cfg.greedy.update(max_symbols=limit, max_symbols_per_step=limit)
            if limit is None:
                cfg.greedy.use_cuda_graph_decoder = False

        return change

    def case(self, path, head, max_symbols=-1):
        """Everything about one file except confidences; None when two scores are so close that rounding may decide."""
        change = None if max_symbols < 0 else self.max_symbols(max_symbols or None)
        logits = []
        hook = None
        if head != "ctc":
            hook = self.model.joint.joint_net.register_forward_hook(lambda _, __, out: logits.append(out.detach().reshape(-1, out.shape[-1])))
        try:
            h = self.decode(path, head, change)
        finally:
            if hook:
                hook.remove()
        made = dict(text=h.text, score=plain(float(h.score)))
        if head == "ctc":
            margin = self.ctc_tokens(h, made)
        else:
            margin = self.transducer_tokens(h, made, logits)
        made["margin"] = plain(min(margin, 99.0))
        if isinstance(getattr(h, "langs", None), str):
            made["language"] = h.langs
        try:
            timed = self.decode(path, head, change, timestamps=True)
            if head == "tdt":  # kept only with timestamps
                made["durations"] = plain(timed.token_duration)
            self.times(timed, made)
        except TypeError as error:  # NeMo has no times for aggregate tokenizers
            made["times_error"] = str(error)
        return made

    def ctc_tokens(self, h, made):
        """NeMo keeps the log-probabilities; ids and runs are the collapsed argmax."""
        scores = h.y_sequence
        best = scores.argmax(-1).tolist()
        blank = scores.shape[1] - 1
        starts = [t for t, k in enumerate(best) if k != blank and (t == 0 or best[t - 1] != k)]
        made["ids"] = [best[t] for t in starts]
        made["frames"] = starts
        ends = []
        for t in starts:
            end = t
            while end < len(best) and best[end] == best[t]:
                end += 1
            ends.append(end)
        made["durations"] = [end - t for t, end in zip(starts, ends)]
        return gap(scores)

    def transducer_tokens(self, h, made, logits):
        made["ids"] = plain(h.y_sequence)
        made["frames"] = plain(h.timestamp)
        made["durations"] = [1] * len(made["ids"])
        if not logits:
            return float("inf")
        n_classes = logits[0].shape[1] - self.n_durations
        rows = torch.cat(logits)
        tokens = rows[:, :n_classes]
        emitted = tokens.argmax(-1) != n_classes - 1
        if int(emitted.sum()) == len(made["ids"]):
            chosen = tokens[emitted].log_softmax(-1).max(-1).values
            made["logprobs"] = [round(v, 6) for v in chosen.tolist()]
        margin = gap(tokens)
        return min(margin, gap(rows[:, n_classes:])) if self.n_durations else margin

    @staticmethod
    def times(h, made):
        stamps = h.timestamp
        chars = []
        for entry in stamps["char"]:
            texts = entry["char"] if isinstance(entry["char"], list) else [entry["char"]]
            chars += [[entry[k] for k in ("start_offset", "end_offset", "start", "end")]] * len(texts)
        if len(chars) != len(made["ids"]) or len(made["durations"]) != len(made["ids"]):
            raise RuntimeError(f"{len(chars)} char entries, {len(made['durations'])} durations, {len(made['ids'])} tokens")
        made["chars"] = plain(chars)
        for kind in ("word", "segment"):
            made[kind + "s"] = plain([[e[k] for k in (kind, "start_offset", "end_offset", "start", "end")] for e in stamps[kind]])

    def confidence(self, path, head, measure, alpha, aggregate):
        """Token and word confidences; words is None where NeMo cannot match its groups with the words of the text."""
        name, *entropy = measure.split("_") if measure != "max_prob" else [measure]
        method = dict(name="max_prob", alpha=alpha) if not entropy else dict(
            name="entropy", entropy_type=name, alpha=alpha, entropy_norm=entropy[0])

        def change(words):
            def set_confidence(cfg):
                cfg.confidence_cfg = dict(preserve_frame_confidence=True, preserve_token_confidence=True, preserve_word_confidence=words,
                                          exclude_blank=True, aggregation=aggregate, method_cfg=method)
            return set_confidence

        try:
            h = self.decode(path, head, change(True))
        except (RuntimeError, TypeError):  # groups and words differ in number; models of characters cannot
            h = self.decode(path, head, change(False))
        short = lambda values: None if values is None else [round(float(v), 6) for v in values]
        return dict(measure=measure, alpha=alpha, aggregate=aggregate, tokens=short(h.token_confidence), words=short(h.word_confidence))

    # ------------------------------------------------------------ stages

    @torch.inference_mode()
    def stages(self, path):
        """The stages of the forward pass, valid frames only, and the number of encoder frames."""
        m = self.model.eval()
        samples, _ = soundfile.read(path, dtype="float32")
        caught = {}
        hooks = [m.encoder.pre_encode.register_forward_hook(lambda _, __, out: caught.__setitem__("subsampling", out[0]))]
        for k, layer in enumerate(m.encoder.layers):
            hooks.append(layer.register_forward_hook(lambda _, __, out, k=k: caught.__setitem__(f"layer_{k:02d}", out[0] if isinstance(out, tuple) else out)))
        try:
            mel, n_mel = m.preprocessor(input_signal=torch.tensor(samples)[None], length=torch.tensor([len(samples)]))
            encoded, n = m.encoder(audio_signal=mel, length=n_mel)
        finally:
            for hook in hooks:
                hook.remove()
        n = int(n[0])
        made = {"mel": mel[0, :, : int(n_mel[0])]}
        made.update((name, caught[name][0, :n]) for name in sorted(caught, key=lambda s: (s != "subsampling", s)))
        made["encoder"] = encoded[0, :, :n].T
        if "ctc" in self.heads:
            made["ctc_logprobs"] = (m.ctc_decoder if self.hybrid else m.decoder)(encoder_output=encoded)[0, :n]
        return {name: t.float().numpy() for name, t in made.items()}, n



class Limit:
    """Ends a search that never stops (no limit of symbols and a model that never says blank)."""

    def __init__(self, seconds):
        self.seconds = seconds

    def __enter__(self):
        def stop(*_):
            raise TimeoutError(f"not done in {self.seconds} s")
        signal.signal(signal.SIGALRM, stop)
        signal.alarm(self.seconds)

    def __exit__(self, *_):
        signal.alarm(0)
