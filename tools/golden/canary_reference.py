# SPDX-License-Identifier: MIT
"""NeMo's own answers for one Canary model: transcribe() on files, the stages of the forward pass, and its searches.

Traps that this module steps around
  - transcribe() takes only source_lang, target_lang, task, pnc and timestamp from its arguments for files, and never
    prompt_defaults; every other slot has to stand in a manifest: so each call has a manifest of one line
  - after a call the decoder is in training mode: eval() before a forward pass of our own
  - with return_best_hypothesis false a model with an aligner fails in transcribe() (a list has no attribute id): n-best lists come
    from its decoding object, given the same encoder states and prompt
"""
import copy
import json
import os
import tempfile

import numpy as np
import soundfile
import torch
from nemo.collections.asr.models import ASRModel
from nemo.collections.asr.parts.submodules.multitask_decoding import MultiTaskDecoding, MultiTaskDecodingConfig
from nemo.utils import logging
from omegaconf import OmegaConf, open_dict

from reference import gap, plain

SLOTS = ("source_lang", "target_lang", "pnc")


class Watch:
    """Records every distribution that the head gives, and how close torch.topk and argmax came to another choice."""

    def __init__(self, model):
        self.model = model
        self.steps, self.margin = [], float("inf")

    def __enter__(self):
        self.hook = self.model.log_softmax.mlp.register_forward_hook(lambda _, __, out: self.steps.append(out.detach().clone()))
        self.topk = topk = torch.topk

        def watched(scores, k, dim=-1, **more):
            size = scores.shape[dim]
            if size > k:
                best = topk(scores, k + 1, dim=dim).values.movedim(dim, -1)
                steps = best[..., :-1] - best[..., 1:]
                steps = steps[best[..., :-1] > -1000]  # below lie the continuations of what has ended
                if steps.numel():
                    self.margin = min(self.margin, float(steps.min()))
            return topk(scores, k, dim=dim, **more)

        torch.topk = watched
        return self

    def __exit__(self, *_):
        torch.topk = self.topk
        self.hook.remove()

    def gap(self):
        """Of a search with one beam: the smallest distance of the best two tokens."""
        return min([gap(s.reshape(-1, s.shape[-1])) for s in self.steps] or [float("inf")])


class CanaryReference:
    def __init__(self, path):
        logging.setLevel(logging.ERROR)
        torch.set_num_threads(1)
        self.model = m = ASRModel.restore_from(path, map_location="cpu").eval()
        for part in (m, m.timestamps_asr_model):
            if part is not None:
                part.preprocessor.featurizer.dither = 0.0
                part.preprocessor.featurizer.pad_to = 0
        self.class_name = type(m).__name__
        self.config = copy.deepcopy(m.cfg.decoding)
        self.aggregate = hasattr(m.tokenizer, "langs")
        self.two = m.prompt_format == "canary2"
        self.eos, self.pad = m.tokenizer.eos_id, m.tokenizer.pad_id

    # ------------------------------------------------------------ prompts

    def slots(self, **given):
        """All slots of the model's format, with those that transcribe() gives by default."""
        base = dict(source_lang="en", target_lang="en", pnc="yes")
        if self.two:
            base.update(decodercontext="", emotion="<|emo:undefined|>", itn="no", timestamp="no", diarize="no")
        else:
            base["task"] = "asr"
        return {**base, **given}

    def prompt(self, role="user", **slots):
        turn = dict(role=role, slots=dict(slots, prompt_language="spl_tokens"))
        return plain(self.model.prompt.encode_dialog(turns=[turn])["context_ids"])

    # ------------------------------------------------------------ decoding

    def decoding(self, strategy="beam", **options):
        """NeMo's decoding object; options go into the section of the strategy, confidence to the whole."""
        base = OmegaConf.create(OmegaConf.to_container(OmegaConf.structured(MultiTaskDecodingConfig)))
        cfg = OmegaConf.merge(base, self.config)
        with open_dict(cfg):
            cfg.strategy = strategy
            cfg.greedy.max_generation_delta = cfg.beam.max_generation_delta  # the released archives set it for the beam only
            confidence = options.pop("confidence", None)
            if confidence:
                cfg.confidence_cfg = confidence
            for key, value in options.items():
                cfg["greedy" if strategy == "greedy" else "beam"][key] = value
        return MultiTaskDecoding(decoding_cfg=cfg, transformer_decoder=self.model.transf_decoder, log_softmax_module=self.model.log_softmax,
                                 tokenizer=self.model.tokenizer)

    def search(self, states, mask, prompt, strategy="beam", **options):
        """Hypotheses of one search, and what was watched meanwhile."""
        self.model.eval()
        with Watch(self.model) as watch:
            found = self.decoding(strategy, **options).decode_predictions_tensor(
                encoder_hidden_states=states, encoder_input_mask=mask, decoder_input_ids=prompt, return_hypotheses=True)
        self.model.eval()
        return found, watch

    # ------------------------------------------------------------ files

    def manifest(self, paths, slots):
        """A manifest with one line per path; slots is one dict for all or a list of one for each."""
        file = tempfile.NamedTemporaryFile("w", suffix=".json", delete=False)
        with file:
            for i, path in enumerate(paths):
                line = dict(slots[i] if isinstance(slots, list) else slots)
                if "task" in line:
                    line["taskname"] = line["task"]
                file.write(json.dumps(dict(line, audio_filepath=os.path.abspath(path), duration=soundfile.info(path).duration, text="")) + "\n")
        return file.name

    def transcribe(self, paths, slots, timestamps=None, batch_size=1, strategy=None, **options):
        """transcribe() itself: hypotheses, and what its decoder was given (states, mask, prompts), per batch."""
        given = []
        decoding = self.decoding(strategy or self.config.strategy, **options)
        inner = decoding.decode_predictions_tensor

        def caught(encoder_hidden_states, encoder_input_mask, decoder_input_ids, **more):
            given.append((encoder_hidden_states.clone(), encoder_input_mask.clone(), decoder_input_ids.clone()))
            return inner(encoder_hidden_states=encoder_hidden_states, encoder_input_mask=encoder_input_mask, decoder_input_ids=decoder_input_ids, **more)

        decoding.decode_predictions_tensor = caught
        kept, self.model.decoding = self.model.decoding, decoding
        path = self.manifest(paths, slots)
        try:
            with Watch(self.model) as watch:
                found = self.model.transcribe(path, batch_size=batch_size, return_hypotheses=True, num_workers=0, verbose=False, timestamps=timestamps)
        finally:
            self.model.decoding = kept
            os.remove(path)
            self.model.eval()
            if self.model.timestamps_asr_model is not None:
                self.model.timestamps_asr_model.eval()
        return found, given, watch

    def filed(self, path):
        """The samples of a file as NeMo's loader gives them: a second at least, the odd zero in front."""
        samples, _ = soundfile.read(path, dtype="float32")
        missing = max(0, 16000 - len(samples))
        return np.pad(samples, ((missing + 1) // 2, missing // 2))

    # ------------------------------------------------------------ stages

    @torch.inference_mode()
    def stages(self, path, prompt, answer):
        """The stages of the forward pass, valid frames only: of the encoder, and of the decoder over prompt and answer at once."""
        m = self.model.eval()
        caught = {}

        def keep(name):
            return lambda _, __, out: caught.__setitem__(name, out[0] if isinstance(out, tuple) else out)

        hooks = [m.encoder.pre_encode.register_forward_hook(keep("subsampling"))]
        hooks += [layer.register_forward_hook(keep(f"layer_{k:02d}")) for k, layer in enumerate(m.encoder.layers)]
        hooks += [m.transf_decoder._embedding.register_forward_hook(keep("embedding"))]
        hooks += [layer.register_forward_hook(keep(f"decoder_{k:02d}")) for k, layer in enumerate(m.transf_decoder._decoder.layers)]
        samples = torch.tensor(self.filed(path))[None]
        ids = torch.tensor([prompt + answer])
        try:
            mel, n_mel = m.preprocessor(input_signal=samples, length=torch.tensor([samples.shape[1]]))
            encoded, n = m.encoder(audio_signal=mel, length=n_mel)
            scores, _, states, _ = m.forward(input_signal=samples, input_signal_length=torch.tensor([samples.shape[1]]), transcript=ids,
                                             transcript_length=torch.tensor([ids.shape[1]]))
        finally:
            for hook in hooks:
                hook.remove()
        n = int(n[0])
        made = {"mel": mel[0, :, : int(n_mel[0])], "subsampling": caught["subsampling"][0, :n]}
        made.update((name, caught[name][0, :n]) for name in sorted(caught) if name.startswith("layer"))
        made["encoder"] = encoded[0, :, :n].T
        if not torch.equal(states[0, :n], made["encoder"]):
            made["states"] = states[0, :n]
        made["embedding"] = caught["embedding"][0]
        made.update((name, caught[name][0]) for name in sorted(caught) if name.startswith("decoder"))
        made["scores"] = scores[0, len(prompt) - 1 :]
        return {name: t.float().numpy() for name, t in made.items()}, n

    @torch.inference_mode()
    def aligner_scores(self, path):
        aligner = self.model.timestamps_asr_model.eval()
        samples = torch.tensor(self.filed(path))[None]
        mel, n_mel = aligner.preprocessor(input_signal=samples, length=torch.tensor([samples.shape[1]]))
        encoded, n = aligner.encoder(audio_signal=mel, length=n_mel)
        return aligner.decoder(encoder_output=encoded)[0, : int(n[0])].numpy()


def times(h):
    """words and segments as in expected.json; None where there are none."""
    made = {}
    stamps = h.timestamp if isinstance(h.timestamp, dict) else {}
    for kind in ("word", "segment"):
        if kind in stamps:
            made[kind + "s"] = plain([[e[k] for k in (kind, "start_offset", "end_offset", "start", "end")] for e in stamps[kind]])
    return made
