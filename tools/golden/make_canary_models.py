#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds the golden Canary models with NeMo's own classes, seeded, and saves them with save_to().

usage: make_canary_models.py DATADIR [NAME...]    DATADIR holds audio/; DATADIR/NAME/model.nemo is written

As in make_models.py the subsampling stays random and the rest is fitted, here to a score of sequences (clip, prompt, answer),
until the decoder ends by itself and follows its prompt: transcription, translation, no punctuation, times, context. What nobody
showed it, it makes up, and often runs into a limit of length: that is wanted too.
"""
import os
import random
import sys
import tarfile
import tempfile

import make_models as common  # sets the environment before torch comes in
import archive
import numpy as np
import sentencepiece
import torch
import torch.nn.functional as F
from nemo.collections.asr import models as nemo_models
from nemo.utils import logging
from omegaconf import OmegaConf, open_dict

from canary_variants import CANARIES, LANGUAGES, aligner_config, canary, canary_config

TEXTS = {
    "en": ["The harbour was quiet, too quiet, and the train left at 7:30. Where did it go? Nobody knew; nobody asked! We'll wait.",
           "The bridge is fine, but the river is bigger.", "Nobody left the bridge at night."],
    "de": ["Die Brücke ist schön, aber der Fluß ist größer.", "Der Hafen war still. Wohin fuhr der Zug? Keiner fragte!"],
    "es": ["El puerto estaba muy tranquilo. ¿Adónde fue?", "El puente es bonito."],
    "fr": ["Le port était calme. Où est-il allé ?", "Le pont est beau, mais le fleuve est grand."],
}
SIZES = {"en": 90, "de": 60, "es": 40, "fr": 44}
CHUNKS = ["The harbour was quiet. Nobody knew. The train left. Nobody asked! Where did it go? We'll wait at the bridge.",
          "We'll wait at the bridge. The river is bigger, the bridge is fine. Nobody left the harbour at night."]
STEPS = 420


def clips_of(folder):
    """name -> samples at 16 kHz: what the decoder is fitted to. Each is padded to a second at least, as NeMo pads files."""
    long, short = (common.clip(folder, name) for name in ("long", "short"))
    many = np.tile(long, 5)
    step, most = 29 * 16000, 30 * 16000  # how NeMo cuts 52 s: 30 s, 1 s of overlap
    last = np.concatenate([many[step:], np.zeros(max(0, step + most - len(many)), np.float32)])
    made = dict(long=long, short=short, silence=common.clip(folder, "silence"), cut3200=long[9000:12200], cut16000=long[9000:25000],
                chunk0=many[:most], chunk1=last)
    return {name: padded(samples) for name, samples in made.items()}, {"chunk1": len(many) - step}


def padded(samples, least=16000):
    missing = max(0, least - len(samples))
    front = (missing + 1) // 2
    return np.pad(samples, (front, missing - front))


# ---------------------------------------------------------------- vocabulary


def train(folder, lines, size, special=(), kind="bpe"):
    """A SentencePiece model with the options of NeMo's create_spt_model, but without the 240 KB of the NFKC table."""
    os.makedirs(folder)
    text = os.path.join(folder, "text.txt")
    with open(text, "w") as file:
        file.write("\n".join(lines) + "\n")
    sentencepiece.SentencePieceTrainer.Train(
        input=text, model_prefix=os.path.join(folder, "tokenizer"), vocab_size=size, model_type=kind, character_coverage=1.0, bos_id=-1,
        eos_id=-1, unk_id=0, pad_id=-1, num_threads=1, minloglevel=2, hard_vocab_limit=False, shuffle_input_sentence=False,
        normalization_rule_name="identity", remove_extra_whitespaces=False, user_defined_symbols=list(special))
    pieces = sentencepiece.SentencePieceProcessor(model_file=os.path.join(folder, "tokenizer.model"))
    with open(os.path.join(folder, "vocab.txt"), "w") as file:
        for i in range(1, pieces.get_piece_size()):
            piece = pieces.id_to_piece(i)
            file.write((piece[1:] if piece.startswith("▁") else "##" + piece) + "\n")
    os.remove(text)
    return dict(dir=folder, type="bpe")


TOKENIZERS = "nemo.collections.common.tokenizers.canary_tokenizer."


def aggregate(folder, special, languages):
    """NeMo's section for a part of special tokens and one for each language: name -> what train() gives."""
    parts = dict(spl_tokens=train(folder + "/spl_tokens", special, len(special) + 2, special, "unigram"), **languages)
    return dict(type="agg", dir=None, langs=parts, custom_tokenizer=dict(_target_=TOKENIZERS + "CanaryTokenizer", tokenizers=None))


def vocabulary(v, folder):
    if "single" in v:
        lines = [line for language in LANGUAGES for line in TEXTS[language]] + CHUNKS
        made = train(folder + "/all", lines * 4, v["vocab"] + len(v["single"]), v["single"])
        return dict(made, custom_tokenizer=dict(_target_=TOKENIZERS + "CanaryBPETokenizer", tokenizer=None)), made
    return aggregate(folder, v["special"], {language: train(f"{folder}/{language}", (TEXTS[language] + (CHUNKS if language == "en" else [])) * 4,
                                                            SIZES[language]) for language in LANGUAGES}), None


# ---------------------------------------------------------------- what to learn


def prompt_ids(model, **slots):
    """NeMo's prompt; slots that are not given take neutral values."""
    base = dict(source_lang="en", target_lang="en", pnc="yes", prompt_language="spl_tokens")
    if model.prompt_format == "canary":
        base["task"] = "asr"
    else:
        base.update(decodercontext="", emotion="<|emo:undefined|>", itn="no", timestamp="no", diarize="no")
    return model.prompt.encode_dialog(turns=[dict(role="user", slots={**base, **slots})])["context_ids"].tolist()


def ids_of(model, text, language):
    if hasattr(model.tokenizer, "langs"):
        return model.tokenizer.text_to_ids(text, language)
    return model.tokenizer.text_to_ids(text)


def timed_ids(model, text, language, first, step, last):
    """Each word between its first and last frame, as the flash models write them."""
    made, at = [], first
    for word in text.split():
        end = at + 1 + len(word) // 2
        if end > last:
            break
        made += [model.tokenizer.special_tokens[f"<|{at}|>"], *ids_of(model, word, language), model.tokenizer.special_tokens[f"<|{end}|>"]]
        at = end + step
    return made


def sequences(model, v):
    """(clip, prompt, answer) for the decoder."""
    two = v["prompt"] == "canary2"
    ast = {} if two else dict(task="ast")
    rows = [("long", "en", dict(), TEXTS["en"][0]), ("long", "en", dict(pnc="no"), common.lowered(TEXTS["en"][0])),
            ("long", "de", dict(source_lang="en", **ast), TEXTS["de"][1]), ("long", "es", dict(source_lang="en", **ast), TEXTS["es"][0]),
            ("short", "de", dict(source_lang="de"), TEXTS["de"][0]), ("short", "de", dict(source_lang="de", pnc="no"), common.lowered(TEXTS["de"][0])),
            ("short", "en", dict(source_lang="de", **ast), TEXTS["en"][1]), ("short", "fr", dict(source_lang="de", **ast), TEXTS["fr"][1]),
            ("silence", "en", dict(), ""), ("cut3200", "en", dict(), "The train."), ("cut16000", "en", dict(), "Nobody knew; nobody asked!")]
    if two:
        rows += [("long", "en", dict(decodercontext="Nobody knew."), TEXTS["en"][2]), ("long", "en", dict(itn="yes"), "The train left at 7:30."),
                 ("short", "de", dict(source_lang="de", diarize="yes"), "Der Zug ist schön.")]
    if "single" in v:
        rows += [("chunk0", "en", dict(), CHUNKS[0]), ("chunk1", "en", dict(), CHUNKS[1])]
    made = []
    for clip, target, slots, text in rows:
        made.append((clip, prompt_ids(model, target_lang=target, **slots), ids_of(model, text, target) if text else []))
    if two and "single" not in v:
        last = sum(c.startswith("<|") and c[2:-2].isdigit() for c in v["special"]) - 2
        for clip, language, text, frames in (("long", "en", TEXTS["en"][0], 128), ("short", "de", TEXTS["de"][0], 33), ("cut3200", "en", "The train.", 12)):
            made.append((clip, prompt_ids(model, source_lang=language, target_lang=language, timestamp="yes"),
                         timed_ids(model, text, language, 2, 1, min(last, frames))))
    eos = model.tokenizer.eos_id
    return [(clip, prompt, answer + [eos]) for clip, prompt, answer in made]


# ---------------------------------------------------------------- fitting


def subsampled(model, clips, lengths):
    """As make_models.subsampled, with the true lengths of clips that end in padding."""
    x, n = common.subsampled(model, list(clips.values()))
    for i, name in enumerate(clips):
        if name in lengths:
            n[i] = -(-(lengths[name] // 160) // 8)
    return x, n


def fit_decoder(model, v, folder):
    model.eval()
    model.preprocessor.featurizer.dither = 0.0
    clips, lengths = clips_of(folder)
    rows = sequences(model, v)
    clips = {name: c for name, c in clips.items() if any(name == row[0] for row in rows)}
    x, n = subsampled(model, clips, lengths)
    at = torch.tensor([list(clips).index(row[0]) for row in rows])
    pad = torch.nn.utils.rnn.pad_sequence
    ids = pad([torch.tensor(p + a) for _, p, a in rows], batch_first=True, padding_value=model.tokenizer.pad_id)
    wanted = torch.zeros(ids.shape, dtype=torch.bool)
    for i, (_, p, a) in enumerate(rows):
        wanted[i, len(p) : len(p) + len(a)] = True
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=5e-3, weight_decay=1e-4)
    steps = v.get("steps", STEPS)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=steps, pct_start=0.15)
    for step in range(steps):
        encoded, lengths_out = model.encoder(audio_signal=x, length=n, bypass_pre_encode=True)
        states = model.encoder_decoder_proj(encoded.permute(0, 2, 1))
        mask = (torch.arange(states.shape[1])[None] < lengths_out[:, None]).to(states.dtype)
        if model.use_transf_encoder:
            states = model.transf_encoder(encoder_states=states, encoder_mask=mask)
        hidden = model.transf_decoder(input_ids=ids[:, :-1], decoder_mask=torch.ones_like(ids[:, :-1]), encoder_embeddings=states[at],
                                      encoder_mask=mask[at])
        loss = F.nll_loss(model.log_softmax(hidden_states=hidden)[wanted[:, 1:]], ids[:, 1:][wanted[:, 1:]])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step % 60 == 0:
            print(f"    step {step}, loss {float(loss.detach()):.3f}", flush=True)
        if loss < v.get("enough", 0.06) and step > 90:
            break
    print(f"  {step + 1} steps, loss {float(loss.detach()):.4f} per token, {len(rows)} sequences", flush=True)


def fit_aligner(model, v, folder, seed):
    """To made-up alignments of the texts that the decoder gives for the same clips."""
    rng = random.Random(seed)
    model.eval()
    model.preprocessor.featurizer.dither = 0.0
    clips, lengths = clips_of(folder)
    texts = dict(long=TEXTS["en"][0], short=TEXTS["de"][0], cut3200="The train.", cut16000="Nobody knew; nobody asked!", chunk0=CHUNKS[0], chunk1=CHUNKS[1])
    clips = {name: clips[name] for name in texts}
    x, n = subsampled(model, clips, lengths)
    blank = model.decoder.num_classes_with_blank - 1
    labels = []
    for name, frames in zip(clips, n):
        tokens = [i for word in texts[name].split() for i in model.tokenizer.text_to_ids(word)]
        labels.append(torch.tensor(common.ctc_path(tokens, int(frames), blank, rng)))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=4e-3, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=4e-3, total_steps=200, pct_start=0.15)
    for step in range(200):
        encoded, _ = model.encoder(audio_signal=x, length=n, bypass_pre_encode=True)
        scores = model.decoder(encoder_output=encoded)
        loss = sum(F.nll_loss(scores[i, : len(row)], row) for i, row in enumerate(labels)) / len(labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if loss < 0.05 and step > 60:
            break
    print(f"  aligner: {step + 1} steps, loss {float(loss.detach()):.4f}", flush=True)


# ---------------------------------------------------------------- building


def data_sections():
    section = dict(manifest_filepath=None, sample_rate=16000, batch_size=16, num_workers=0, pin_memory=True)
    return dict(train_ds=dict(section, shuffle=True, use_lhotse=True), validation_ds=dict(section, shuffle=False, use_start_end_token=False))


def save(model, path):
    with open_dict(model.cfg):
        for key, section in data_sections().items():
            model.cfg[key] = section
    model.save_to(path)


def add_aligner(path, aligner):
    """Puts a second archive's files into the first, under the names by which NeMo finds its aligner."""
    names = {"model_config.yaml": "timestamps_asr_model_config.yaml", "model_weights.ckpt": "timestamps_asr_model_weights.ckpt"}
    with tempfile.TemporaryDirectory() as folder:
        for archive in (path, aligner):
            with tarfile.open(archive) as tar:
                for member in tar.getmembers():
                    if member.isfile():
                        name = os.path.basename(member.name)
                        if archive == aligner:
                            name = names.get(name, name)
                        with open(os.path.join(folder, name), "wb") as out:
                            out.write(tar.extractfile(member).read())
        with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
            tar.add(folder, arcname=".")


def seed_all(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def build(name, folder):
    v = canary(name)
    path = os.path.join(folder, name, "model.nemo")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    seed_all(v["seed"])
    with tempfile.TemporaryDirectory() as scratch:
        tokenizer, plain = vocabulary(v, scratch)
        model = nemo_models.EncDecMultiTaskModel(cfg=OmegaConf.create(canary_config(v, tokenizer)))
        common.randomise(model, v["seed"] + 1)
        fit_decoder(model, v, folder)
        save(model, path)
        archive.rewrite(path, weights=v.get("weights"))
        if "aligner" in v:
            seed_all(v["seed"] + 2)
            aligner = nemo_models.EncDecCTCModelBPE(cfg=OmegaConf.create(aligner_config(v["aligner"], plain)))
            common.randomise(aligner, v["seed"] + 3)
            fit_aligner(aligner, v["aligner"], folder, v["seed"] + 4)
            save(aligner, scratch + "/aligner.nemo")
            add_aligner(path, scratch + "/aligner.nemo")
    print(f"  {path}: {os.path.getsize(path) / 1e3:.0f} KB, {sum(p.numel() for p in model.parameters())} parameters, "
          f"{model.tokenizer.vocab_size} tokens", flush=True)


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    logging.setLevel(logging.ERROR)
    for name in arguments[1:] or CANARIES:
        print(name, flush=True)
        build(name, arguments[0])


if __name__ == "__main__":
    main(sys.argv[1:])
