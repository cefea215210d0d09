#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Fixtures for tests/unit/test_text_*.c: small SentencePiece models, strings with the ids that the sentencepiece package
gives them, and token sequences with the text, times, words, segments and confidences that NeMo's own code makes of them.

    python make_text_fixtures.py [--out DIR] [--seed N] [--scale S]      (default: tests/unit/text_data, 1, 1)
    python make_text_fixtures.py --seeds tests/fuzz/corpus/spm

Same seed, same files. --scale 10 makes ten times as many cases, for a longer check than the one that is committed:

    python make_text_fixtures.py --out /somewhere --seed 2 --scale 10
    unit-text_spm /somewhere && unit-text_compose /somewhere

Needs sentencepiece, protobuf and nemo_toolkit[asr] (requirements.txt).

Files, little-endian:
  NAME.model            a model without its character table
  NAME.charsmap         nmt_nfkc.charsmap and nmt_nfkc_cf.charsmap: the tables, which several models share
  NAME.spm              "CSTX", then strings of the kinds below; see tests/unit/text_data.h for the reader
  NAME.compose          the same for token sequences
"""
import argparse
import os
import random
import struct
import sys
import tempfile
import types

import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as pb

HERE = os.path.dirname(os.path.abspath(__file__))
NORMAL, UNKNOWN, CONTROL, USER, UNUSED, BYTE = 1, 2, 3, 4, 5, 6


class Out:
    """Bytes of one fixture file."""

    def __init__(self):
        self.parts = [b"CSTX"]

    def u8(self, v):
        self.parts.append(struct.pack("<B", v))

    def u16(self, v):
        self.parts.append(struct.pack("<H", v))

    def i32(self, v):
        self.parts.append(struct.pack("<i", v))

    def f32(self, v):
        self.parts.append(struct.pack("<f", v))

    def f64(self, v):
        self.parts.append(struct.pack("<d", v))

    def text(self, s):
        b = s.encode()
        self.u16(len(b))
        self.parts.append(b)

    def save(self, path):
        with open(path, "wb") as f:
            f.write(b"".join(self.parts))


# ------------------------------------------------------------------ corpora
SCRIPTS = {
    "latin": "etaoinshrdlucmfwypvbgkjqxz",
    "accents": "àáâãäåæçèéêëìíîïñòóôõöøùúûüýßğşžčćńłœ",
    "cyrillic": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъёіїєґ",
    "greek": "αεηιοντσρλκμπυωάέήίόύώςγδζθξφχψβ",
    "han": "的一是不了人我在有他这中大来上国日本語学生東京時間会話電車行",
    "kana": "あいうえおかきくけこさしすせそたちつてとなにはひふまみやゆよらりるれわをんアイウエオカキクコサシスタテトナニノハマミラリルレン",
    "hangul": "가나다라마바사아자차카타파하은는이을를에서도한국어시간말",
    "arabic": "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىءأإؤئ",
    "devanagari": "अआइईउऊएऐओकखगघचजटडतथदधनपबमयरलवशसहािीुूेैोौंँ्",
}
ODD = [
    "\u0301", "\u0308", "\u0327", "e\u0301", "A\u030a", "\u1112\u1161\u11ab", "\u200d", "\u200b", "\ufeff", "\u00a0", "\u3000", "\u2028",
    "\u0085", "\u00ad", "\t", "\n", "\r", "\x01", "\x1f", "\x7f", "  ", "   ", " ", "▁", "▁▁", "ﬁ", "ﬀ", "①", "㌔", "Ⅷ", "½", "㍻", "ｱｲｳ",
    "ｶﾞ", "ＡＢＣ", "１２３", "！？", "．", "ǆ", "İ", "ı", "ſ", "Σς", "ẞ", "Å", "Ω", "µ", "…", "—", "–", "“q”", "‘s’", "«x»", "¿", "¡", "😀",
    "👩\u200d💻", "🇩🇪", "❤️", "\U0001f468\U0001f3fd", "\U00020000", "\ue000", "\ufffd", "<unk>", "<s>", "</s>", "<0x41>", "<|en|>", "<EOU>", "<pad>",
    "[x]", "##a", "don't", "it's", "e-mail", "50 %", "R&D", "3.14", "1,000", "a_b", "--", "...", "?!", "\u0e2a\u0e27\u0e31", "\u05e9\u05b8",
    "q\u0323\u0307", "\u1e9b\u0323", "ﷺ", "№", "™", "x²", "\u2126", "\u212b", "\uf900", "\u0344", "\u1fed", "``", "´", "~", "\\", "\"",
]


def word(rng, script, vocabulary):
    if script in vocabulary and rng.random() < 0.8:
        words = vocabulary[script]
        return words[min(int(rng.paretovariate(0.9)) - 1, len(words) - 1)]
    return "".join(rng.choice(SCRIPTS[script]) for _ in range(rng.randint(1, 7)))


def make_vocabulary(rng):
    return {s: ["".join(rng.choice(a) for _ in range(rng.randint(1, 6))) for _ in range(120)] for s, a in SCRIPTS.items()}


def corpus(rng, vocabulary, n):
    lines = []
    for _ in range(n):
        script = rng.choice(list(SCRIPTS))
        words = [word(rng, script, vocabulary) for _ in range(rng.randint(3, 12))]
        words = [w.capitalize() if rng.random() < 0.1 else w for w in words]
        lines.append(("" if script in ("han", "kana") else " ").join(words) + rng.choice([".", "?", "!", ",", "", ""]))
    return lines


def sample(rng, vocabulary):
    """A string to encode: words of one to three scripts, odd things between them, sometimes nothing but odd things."""
    parts = []
    scripts = rng.sample(list(SCRIPTS), rng.randint(1, 3))
    for _ in range(rng.choice([0, 1, 2, 3, 4, 5, 8])):
        r = rng.random()
        if r < 0.55:
            parts.append(word(rng, rng.choice(scripts), vocabulary))
        elif r < 0.85:
            parts.append(rng.choice(ODD))
        elif r < 0.9:
            parts.append(chr(rng.choice([rng.randint(1, 0x2FF), rng.randint(0x300, 0xD7FF), rng.randint(0xE000, 0x10FFFF)])))
        else:
            parts.append(word(rng, "latin", vocabulary).upper())
        if rng.random() < 0.6:
            parts.append(" ")
    return "".join(parts)


# ------------------------------------------------------------------- models
SPECIAL = ["<|en|>", "<EOU>", "ab", "abc", "日本", "▁the", "é", "x y"]
MODELS = {
    "bpe_nfkc": dict(model_type="bpe", normalization_rule_name="nmt_nfkc"),
    "bpe_identity": dict(model_type="bpe", normalization_rule_name="identity"),
    "unigram_nfkc": dict(model_type="unigram", normalization_rule_name="nmt_nfkc"),
    "unigram_bytes": dict(model_type="unigram", normalization_rule_name="nmt_nfkc", byte_fallback=True, vocab_size=1100),
    "bpe_special": dict(model_type="bpe", normalization_rule_name="nmt_nfkc", byte_fallback=True, vocab_size=1100, pad_id=3,
                        user_defined_symbols=SPECIAL, control_symbols=["<ctl>", "<|nospeech|>"]),
    "bpe_noprefix": dict(model_type="bpe", normalization_rule_name="identity", add_dummy_prefix=False),
    "unigram_spaces": dict(model_type="unigram", normalization_rule_name="identity", remove_extra_whitespaces=False),
    "bpe_suffix": dict(model_type="bpe", normalization_rule_name="nmt_nfkc", treat_whitespace_as_suffix=True),
    "unigram_fold": dict(model_type="unigram", normalization_rule_name="nmt_nfkc_cf"),
    "bpe_fold": dict(model_type="bpe", normalization_rule_name="nmt_nfkc_cf", user_defined_symbols=["ABC", "ﬁ"]),
    "unigram_user": dict(model_type="unigram", normalization_rule_name="nmt_nfkc", user_defined_symbols=SPECIAL),
    "bpe_across": dict(model_type="bpe", normalization_rule_name="identity", split_by_whitespace=False, remove_extra_whitespaces=False,
                       allow_whitespace_only_pieces=True),
    "unigram_suffix": dict(model_type="unigram", normalization_rule_name="identity", treat_whitespace_as_suffix=True,
                           split_by_whitespace=False),
    "bpe_bare": dict(model_type="bpe", normalization_rule_name="identity", add_dummy_prefix=False, remove_extra_whitespaces=False,
                     unk_surface="[?]"),
    "bpe_unused": dict(model_type="bpe", normalization_rule_name="nmt_nfkc"),
    "unigram_unused": dict(model_type="unigram", normalization_rule_name="nmt_nfkc"),
    "bpe_flat": dict(model_type="bpe", normalization_rule_name="nmt_nfkc"),
    "unigram_flat": dict(model_type="unigram", normalization_rule_name="nmt_nfkc"),
    "bpe_denormal": dict(model_type="bpe", normalization_rule_name="identity"),
    "word": dict(model_type="word", normalization_rule_name="nmt_nfkc", vocab_size=900),
    "word_suffix": dict(model_type="word", normalization_rule_name="nmt_nfkc", vocab_size=1500, treat_whitespace_as_suffix=True),
    "word_spaces": dict(model_type="word", normalization_rule_name="nmt_nfkc", vocab_size=900, remove_extra_whitespaces=False,
                        allow_whitespace_only_pieces=True),
    "char": dict(model_type="char", normalization_rule_name="nmt_nfkc", user_defined_symbols=SPECIAL),
}


def train(name, options, lines, folder):
    options = dict(dict(vocab_size=900, character_coverage=0.985, hard_vocab_limit=False, num_threads=1, minloglevel=2), **options)
    prefix = os.path.join(folder, name)
    spm.SentencePieceTrainer.train(sentence_iterator=iter(lines), model_prefix=prefix, **options)
    m = pb.ModelProto()
    with open(prefix + ".model", "rb") as f:
        m.ParseFromString(f.read())
    rng = random.Random(name)
    pieces = [p for p in m.pieces if p.type == NORMAL]
    if name.endswith("unused"):
        for p in pieces:
            if len(p.piece) > 1 and rng.random() < 0.3:
                p.type = UNUSED
    if name.endswith("flat"):            # many equal scores: ties decide
        for p in pieces:
            p.score = -float(round(-p.score / 8))
    return m


def split_charsmap(m, charsmaps):
    """Take the table out of the model; what is left, and the table's name or ''."""
    table = m.normalizer_spec.precompiled_charsmap
    name = ""
    if table:
        name = m.normalizer_spec.name
        charsmaps.setdefault(name, table)
        assert charsmaps[name] == table
    bare = pb.ModelProto()
    bare.CopyFrom(m)
    bare.normalizer_spec.ClearField("precompiled_charsmap")
    return bare, name


def save_model(m, name, out, charsmaps):
    bare, table = split_charsmap(m, charsmaps)
    bare.trainer_spec.ClearField("input")
    bare.trainer_spec.ClearField("model_prefix")
    with open(os.path.join(out, name + ".model"), "wb") as f:
        f.write(bare.SerializeToString())
    return table


def decode_ids(rng, m):
    """Ids as decoders emit them, and as they never would: runs of bytes, control pieces, leading marks."""
    n = len(m.pieces)
    by_type = {t: [i for i, p in enumerate(m.pieces) if p.type == t] for t in range(1, 7)}
    marks = [i for i, p in enumerate(m.pieces) if p.piece.strip("▁") == ""] or [0]
    ids = []
    for _ in range(rng.choice([0, 1, 2, 4, 8, 16])):
        r = rng.random()
        if r < 0.1:
            ids += [rng.choice(marks)] * rng.randint(1, 3)
        elif r < 0.25 and by_type[BYTE]:
            text = rng.choice(["é", "日", "😀", "a", "\ufffd"]).encode()
            if rng.random() < 0.5:
                text = bytes(rng.choice([0x80, 0xBF, 0xC0, 0xC3, 0xE2, 0xED, 0xA0, 0xF0, 0x9F, 0xF4, 0x90, 0xFF, 0x41]) for _ in range(rng.randint(1, 5)))
            ids += [by_type[BYTE][b] for b in text]
        elif r < 0.35:
            t = rng.choice([t for t in by_type if by_type[t]])
            ids.append(rng.choice(by_type[t]))
        else:
            ids.append(rng.randrange(n))
    return ids


def spm_fixture(name, m, table, rng, vocabulary, n_encode, n_decode, out):
    full = pb.ModelProto()
    full.CopyFrom(m)
    processor = spm.SentencePieceProcessor(model_proto=full.SerializeToString())
    o = Out()
    o.text(table)
    cases = []
    while len(cases) < n_encode:
        s = sample(rng, vocabulary)
        try:
            cases.append((s, processor.encode(s)))
        except Exception:                # a control piece inside the text: the package gives up
            continue
    o.i32(len(cases))
    for s, ids in cases:
        o.text(s)
        o.u16(len(ids))
        for i in ids:
            o.u16(i)
    o.i32(n_decode)
    for _ in range(n_decode):
        ids = decode_ids(rng, m)
        o.u16(len(ids))
        for i in ids:
            o.u16(i)
        o.text(processor.decode(ids))
    o.save(os.path.join(out, name + ".spm"))


def make_spm(out, seed, scale):
    rng = random.Random(seed)
    vocabulary = make_vocabulary(random.Random(0))
    lines = corpus(random.Random(0), vocabulary, 2500)
    charsmaps = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in MODELS.items():
            m = train(name, options, lines, folder)
            if name == "bpe_denormal":
                m.denormalizer_spec.precompiled_charsmap = tiny_charsmap()
                m.denormalizer_spec.add_dummy_prefix = False
                m.denormalizer_spec.remove_extra_whitespaces = False
                m.denormalizer_spec.escape_whitespaces = False
            table = save_model(m, name, out, charsmaps)
            spm_fixture(name, m, table, rng, vocabulary, int(500 * scale), int(200 * scale), out)
            print("spm", name, len(m.pieces), flush=True)
    for name, table in charsmaps.items():
        with open(os.path.join(out, name + ".charsmap"), "wb") as f:
            f.write(table)


def tiny_charsmap():
    """A table of a few rules of our own, compiled by the trainer: a -> b, e.g."""
    with tempfile.TemporaryDirectory() as folder:
        rules = os.path.join(folder, "rules.tsv")
        with open(rules, "w") as f:
            f.write("61\t62 62\n20 20\t20\n74 68\t44\n")
        spm.SentencePieceTrainer.train(sentence_iterator=iter(["the cat sat on the mat"] * 20), model_prefix=folder + "/m", vocab_size=20,
                                       hard_vocab_limit=False, normalization_rule_tsv=rules, minloglevel=2, num_threads=1)
        m = pb.ModelProto()
        m.ParseFromString(open(folder + "/m.model", "rb").read())
        return m.normalizer_spec.precompiled_charsmap


# ---------------------------------------------------------- NeMo: tokenizers
PIECES = ["▁", "▁the", "▁a", "▁hello", "▁world", "he", "ing", "s", "t", "a", "日", "本", "é", "▁Ünder", "▁R", "D", "▁5", "0", "_", "▁▁", "▁x▁y"]
PUNCTUATED = ["'", "'s", ".", ",", "?", "!", "▁-", "-", "...", "?!", "▁¿", "¿", '"', '▁"', "%", "&", "。", "、", "▁.", "a.", "$", "[x]", "<b>", "▁,a"]


def hand_made(pieces, user=(), control=("<s>", "</s>"), bytes_too=False, **normalizer):
    m = pb.ModelProto()
    m.pieces.add(piece="<unk>", type=UNKNOWN)
    for p in control:
        m.pieces.add(piece=p, type=CONTROL)
    for p in user:
        m.pieces.add(piece=p, type=USER)
    if bytes_too:
        for b in range(256):
            m.pieces.add(piece=f"<0x{b:02X}>", type=BYTE)
    for i, p in enumerate(pieces):
        m.pieces.add(piece=p, score=-float(i))
    m.trainer_spec.model_type = 2
    m.trainer_spec.byte_fallback = bytes_too
    for k, v in dict(dict(add_dummy_prefix=True, remove_extra_whitespaces=True), **normalizer).items():
        setattr(m.normalizer_spec, k, v)
    return m


COMPOSE_MODELS = {
    "punctuated": hand_made(PIECES + PUNCTUATED),
    "plain": hand_made(PIECES),
    "apostrophe": hand_made(PIECES + ["'"], control=()),
    "special": hand_made(PIECES + PUNCTUATED, user=("<|en|>", "<EOU>", "<en-US>", "-!"), bytes_too=True),
    "wordpiece": hand_made(PIECES + PUNCTUATED + ["##ing", "##s", "play", " "]),
    "bare": hand_made(PIECES + PUNCTUATED, add_dummy_prefix=False, remove_extra_whitespaces=False),
    "once": hand_made(PIECES + PUNCTUATED, remove_extra_whitespaces=False),
}
LABELS = [" ", "a", "b", "c", "d", "e", "'", ".", "?", "-", "▁", "_", "é", "日"]
LANGUAGES = {"en": hand_made(PIECES + PUNCTUATED), "de": hand_made(["▁das", "▁", "haus", "ß", "!"]), "ja": hand_made(["日", "本", "。"])}


def nemo():
    """NeMo's names, imported late: it takes a while."""
    import logging
    logging.disable(logging.WARNING)
    from nemo.collections.asr.parts.submodules import ctc_decoding, rnnt_decoding
    from nemo.collections.asr.parts.utils import asr_confidence_utils, rnnt_utils, timestamp_utils, tokenizer_utils
    from nemo.collections.common.tokenizers import aggregate_tokenizer, sentencepiece_tokenizer
    return types.SimpleNamespace(**{k: v for k, v in locals().items() if k != "logging"})


def spm_tokenizer(N, m, folder, name):
    path = os.path.join(folder, name + ".model")
    with open(path, "wb") as f:
        f.write(m.SerializeToString())
    t = N.sentencepiece_tokenizer.SentencePieceTokenizer(path)
    t.supported_punctuation = N.tokenizer_utils.extract_punctuation_from_vocab(t.vocab)
    return t


def decoding(N, cls, kind, aggregation, gap, **more):
    """A decoding object without its decoder: the fields that the methods under test read."""
    import re
    d = cls.__new__(cls)
    object.__setattr__(d, "__dict__", {})
    d.__dict__.update(more)
    d.__dict__.update(word_seperator=" ", segment_seperators=[".", "?", "!"], segment_gap_threshold=gap, cfg={}, _is_tdt=kind == "tdt",
                      big_blank_durations=None, compute_hypothesis_token_set=False, compute_langs=False, strip_lang_tags=False,
                      preserve_word_confidence=True, exclude_blank_from_confidence=True, num_extra_outputs=0, _compute_timestamps=True,
                      confidence_aggregation_bank=N.asr_confidence_utils.get_confidence_aggregation_bank())
    d.__dict__["_aggregate_confidence"] = d.confidence_aggregation_bank[aggregation]
    if d.supported_punctuation:          # as both constructors do it
        d.__dict__["space_before_punct_pattern"] = re.compile(r"(\s)(" + "|".join(re.escape(p) for p in d.supported_punctuation) + ")")
    if kind == "tdt":
        d.__dict__["_compute_offsets"] = cls._compute_offsets_tdt
        d.__dict__["_refine_timestamps"] = cls._refine_timestamps_tdt
    return d


def make_decoding(N, kind, aggregation, gap, tokenizer=None, labels=None):
    ctc = kind == "ctc"
    if labels:
        cls = N.ctc_decoding.CTCDecoding if ctc else N.rnnt_decoding.RNNTDecoding
        return decoding(N, cls, kind, aggregation, gap, blank_id=len(labels), labels_map=dict(enumerate(labels)), vocabulary=labels,
                        supported_punctuation=N.tokenizer_utils.extract_punctuation_from_vocab(labels))
    cls = N.ctc_decoding.CTCBPEDecoding if ctc else N.rnnt_decoding.RNNTBPEDecoding
    return decoding(N, cls, kind, aggregation, gap, blank_id=len(tokenizer.vocab), tokenizer=tokenizer,
                    supported_punctuation=tokenizer.supported_punctuation)


# ------------------------------------------------------------ NeMo: emissions
def random_ids(rng, pieces, n):
    """Ids with punctuation, marks and words in likely and unlikely places."""
    likely = [i for i, p in enumerate(pieces) if p.startswith("▁") or p == " "]
    points = [i for i, p in enumerate(pieces) if p and p[0] in ".,?!'-\"¿%&。、"]
    plain = [i for i, p in enumerate(pieces) if not p.startswith("<0x")]
    ids = []
    for _ in range(n):
        r = rng.random()
        pool = likely if r < 0.35 else points if r < 0.6 and points else plain if r < 0.97 else range(len(pieces))
        ids.append(rng.choice(list(pool)))
    return ids


def run_ctc(N, d, ids, rng):
    """Frames with blanks and repeats, through NeMo's own collapse, confidence and time code."""
    frames, blank = [], d.blank_id
    for i in ids:
        if (frames and frames[-1] == i) or rng.random() < 0.4:
            frames += [blank] * rng.randint(1, 9)
        frames += [i] * rng.choice([1, 1, 1, 2, 3])
    frames += [blank] * rng.randint(0, 3)
    steps = [n for n, f in enumerate(frames) if f != blank]
    confidence = [rng.randrange(257) / 256 for _ in frames]
    h = N.rnnt_utils.Hypothesis(score=0.0, y_sequence=list(frames), timestamp=list(steps), length=len(frames))
    h.frame_confidence = confidence
    d.decode_hypothesis([h], True)
    starts = [n for n, f in enumerate(frames) if f != blank and (n == 0 or frames[n - 1] != f)]
    runs = []
    for s in starts:
        e = s
        while e + 1 < len(frames) and frames[e + 1] == frames[s]:
            e += 1
        runs.append(e - s + 1)
    words = None
    try:
        d.compute_confidence([h])
        words = [float(c) for c in h.word_confidence]
    except (RuntimeError, TypeError, ValueError, ZeroDivisionError):  # TypeError: CTC of characters
        h.text = h.text[:2]
    tokens = [float(c) for c in h.token_confidence] if h.token_confidence is not None else []
    assert len(tokens) == len(ids)
    d.compute_ctc_timestamps(h)
    return h, list(zip(ids, starts, runs, tokens)), words


def run_transducer(N, d, ids, rng, tdt):
    at, emissions = rng.randint(0, 3), []
    for i in ids:
        duration = rng.choice([0, 1, 1, 2, 3, 4]) if tdt else 1
        emissions.append((i, at, duration, rng.randrange(257) / 256))
        at += duration + rng.choice([0, 0, 0, 1, 2, 12]) if tdt else rng.choice([0, 1, 1, 2, 3, 12])
    h = N.rnnt_utils.Hypothesis(score=0.0, y_sequence=list(ids), timestamp=[e[1] for e in emissions])
    h.token_duration = [e[2] for e in emissions]
    d.decode_hypothesis([h])
    h.token_confidence = [e[3] for e in emissions]
    words = None
    try:
        words = [float(c) for c in d._aggregate_token_confidence(h)]
    except (RuntimeError, TypeError, ValueError, ZeroDivisionError):  # TypeError: CTC of characters
        pass
    d.compute_rnnt_timestamps(h)
    return h, emissions, words


def write_case(o, kind, aggregation, gap, subsampling, emissions, h, words):
    o.u8("ctc rnnt tdt".split().index(kind))
    o.u8("min mean max prod".split().index(aggregation))
    o.i32(-1 if gap is None else gap)
    o.u8(subsampling)
    o.u16(len(emissions))
    for i, frame, duration, confidence in emissions:
        o.u16(i)
        o.u16(frame)
        o.u8(duration)
        o.f32(confidence)
    o.text(h.text)
    for t in h.timestamp["char"]:
        o.f64(float(t["start"]))
        o.f64(float(t["end"]))
    for key in ("word", "segment"):
        o.u16(len(h.timestamp[key]))
        for w in h.timestamp[key]:
            o.text(w[key])
            o.i32(int(w["start_offset"]))
            o.i32(int(w["end_offset"]))
            o.f64(float(w["start"]))
            o.f64(float(w["end"]))
    o.u16(0xFFFF if words is None else len(words))
    for c in words or []:
        o.f64(c)


def compose_file(N, name, pieces, rng, n, out, **source):
    o, done, refused, no_confidence = Out(), 0, 0, 0
    punctuation = sorted(ord(c) for c in make_decoding(N, "tdt", "min", None, **source).supported_punctuation)
    o.u16(len(punctuation))
    for c in punctuation:
        o.i32(c)
    o.i32(n)
    while done < n:
        kind = ("ctc", "rnnt", "tdt")[done % 3]
        aggregation = rng.choice(["min", "min", "mean", "max", "prod"])
        gap = rng.choice([None, None, None, 5, 10])
        d = make_decoding(N, kind, aggregation, gap, **source)
        ids = random_ids(rng, pieces, rng.choice([0, 1, 2, 3, 6, 12, 24]))
        subsampling = rng.choice([4, 8])
        try:
            h, emissions, words = run_ctc(N, d, ids, rng) if kind == "ctc" else run_transducer(N, d, ids, rng, kind == "tdt")
        except IndexError:               # NeMo asks for the last character of an empty word
            refused += 1
            continue
        N.timestamp_utils.process_timestamp_outputs([h], subsampling, 0.01)
        no_confidence += words is None
        write_case(o, kind, aggregation, gap, subsampling, emissions, h, words)
        done += 1
    o.save(os.path.join(out, name + ".compose"))
    print("compose", name, done, "cases,", refused, "refused by NeMo,", no_confidence, "without word confidences", flush=True)


def aggregate_file(N, rng, n, folder, out):
    """Texts and languages alone: NeMo has no word times for an aggregate."""
    tokenizer = N.aggregate_tokenizer.AggregateTokenizer({k: spm_tokenizer(N, m, folder, k) for k, m in LANGUAGES.items()})
    tokenizer.supported_punctuation = N.tokenizer_utils.extract_punctuation_from_vocab(tokenizer.vocab)
    o = Out()
    o.i32(n)
    for _ in range(n):
        d = make_decoding(N, "rnnt", "min", None, tokenizer=tokenizer)
        ids = random_ids(rng, tokenizer.vocab, rng.choice([0, 1, 2, 4, 9]))
        o.u16(len(ids))
        for i in ids:
            o.u16(i)
        o.text(tokenizer.ids_to_text(ids))
        o.text(d.decode_tokens_to_str_with_strip_punctuation(ids))
        o.text(tokenizer.ids_to_lang(ids))
    o.save(os.path.join(out, "aggregate.texts"))


def make_seeds(out):
    """Seeds of tests/fuzz/fuzz_spm.c: the length of a text, the text, a model."""
    models = {k: m for k, m in COMPOSE_MODELS.items() if k != "special"}
    for name, model_type in (("unigram", 1), ("word", 3), ("char", 4)):
        models[name] = hand_made(PIECES + PUNCTUATED, user=("ab", "<EOU>"))
        models[name].trainer_spec.model_type = model_type
    models["bytes"] = COMPOSE_MODELS["special"]
    models["rules"] = hand_made(["▁", "▁a", "bb", "D"])
    models["rules"].normalizer_spec.precompiled_charsmap = tiny_charsmap()
    models["denormal"] = hand_made(["▁", "▁a", "bb", "th", "D", "the"])
    models["denormal"].denormalizer_spec.precompiled_charsmap = tiny_charsmap()
    models["suffix"] = hand_made(["▁", "a▁", "bb", "D"])
    models["suffix"].trainer_spec.treat_whitespace_as_suffix = True
    models["unused"] = hand_made(["▁", "▁t", "▁th", "▁the", "h", "e", "t"])
    models["unused"].pieces[6].type = UNUSED
    models["surface"] = hand_made(["a"])
    models["surface"].trainer_spec.unk_surface = "?"
    for name, m in models.items():
        text = "the  hello worldsing 日本。 ab\u2581 q's <EOU>".encode()
        with open(os.path.join(out, name), "wb") as f:
            f.write(bytes([len(text)]) + text + m.SerializeToString())


def make_compose(out, seed, scale):
    N = nemo()
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        for name, m in COMPOSE_MODELS.items():
            save_model(m, name, out, {})
            t = spm_tokenizer(N, m, folder, name)
            compose_file(N, name, t.vocab, rng, int(450 * scale), out, tokenizer=t)
        for name, m in LANGUAGES.items():
            save_model(m, "language_" + name, out, {})
        o = Out()
        o.u16(len(LABELS))
        for label in LABELS:
            o.text(label)
        o.save(os.path.join(out, "labels.list"))
        compose_file(N, "labels", LABELS, rng, int(450 * scale), out, labels=LABELS)
        aggregate_file(N, rng, int(300 * scale), folder, out)


def main():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--out", default=os.path.join(HERE, "..", "..", "tests", "unit", "text_data"))
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--scale", type=float, default=1)
    p.add_argument("--only", choices=["spm", "compose"])
    p.add_argument("--seeds", help="write the seeds of the fuzz target to this folder, nothing else")
    a = p.parse_args()
    if a.seeds:
        os.makedirs(a.seeds, exist_ok=True)
        return make_seeds(a.seeds)
    os.makedirs(a.out, exist_ok=True)
    if a.only != "compose":
        make_spm(a.out, a.seed, a.scale)
    if a.only != "spm":
        make_compose(a.out, a.seed, a.scale)


if __name__ == "__main__":
    sys.exit(main())
