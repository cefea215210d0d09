#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tokens.py: the SentencePiece model. Every word of lists/words.txt is one piece; the rest of English is cut into pieces.

usage: tokens.py --work DIR [--lists lists]

80 ms frames are few: a digit of 0.35 s has four, so a word of the domain must be one token, not five letters. A unigram
model is trained on all texts, then the domain words that it did not take by itself are added to it as ordinary pieces with
a score that no split of them can beat. Writes DIR/tokenizer/{tokenizer.model,tokenizer.vocab,vocab.txt}.
"""
import argparse
import os

import sentencepiece as spm
from sentencepiece import sentencepiece_model_pb2 as pb

HERE = os.path.dirname(os.path.abspath(__file__))


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--work", required=True)
    ap.add_argument("--lists", default=os.path.join(HERE, "lists"))
    ap.add_argument("--pieces", type=int, default=384, help="trained pieces, before the domain words are added")
    args = ap.parse_args()
    folder = os.path.join(args.work, "tokenizer")
    os.makedirs(folder, exist_ok=True)
    read = lambda name: [l.split("\t") for l in open(os.path.join(args.lists, name + ".txt")).read().splitlines()]
    lines = [l[0] for l in read("sentences")] + [l[1] for l in read("train-real") if l[0].startswith("asterisk/")] * 3
    words = [l[0] for l in read("words")]
    text = os.path.join(folder, "text.txt")
    with open(text, "w") as f:
        f.write("\n".join(lines + words) + "\n")
    prefix = os.path.join(folder, "tokenizer")
    spm.SentencePieceTrainer.Train(input=text, model_prefix=prefix, vocab_size=args.pieces, model_type="unigram", character_coverage=1.0,
                                   bos_id=-1, eos_id=-1, unk_id=0, pad_id=-1, num_threads=1, shuffle_input_sentence=False, minloglevel=2)
    os.remove(text)
    model = pb.ModelProto()
    model.ParseFromString(open(prefix + ".model", "rb").read())
    have = {p.piece: p for p in model.pieces}
    for word in words:
        piece = "\u2581" + word
        if piece not in have:
            have[piece] = model.pieces.add(piece=piece)
        have[piece].score = -2.0                       # a split costs at least twice that
    for char in "abcdefghijklmnopqrstuvwxyz'":         # foreign words of English letters never become <unk>
        if char not in have:
            model.pieces.add(piece=char, score=-12.0)
    for p in model.pieces:
        if p.type == pb.ModelProto.SentencePiece.NORMAL and p.piece not in {"\u2581" + w for w in words}:
            p.score = min(p.score, -2.5)
    model.trainer_spec.vocab_size = len(model.pieces)
    model.trainer_spec.ClearField("input")             # folders of the machine that made it
    model.trainer_spec.model_prefix = "tokenizer"
    with open(prefix + ".model", "wb") as f:
        f.write(model.SerializeToString())
    sp = spm.SentencePieceProcessor(model_file=prefix + ".model")
    for word in words:
        assert sp.encode(word, out_type=str) == ["\u2581" + word], (word, sp.encode(word, out_type=str))
    with open(prefix + ".vocab", "w") as f:
        f.writelines(f"{p.piece}\t{p.score:g}\n" for p in model.pieces)
    with open(os.path.join(folder, "vocab.txt"), "w") as f:
        for i in range(1, sp.get_piece_size()):
            p = sp.id_to_piece(i)
            f.write((p[1:] if p.startswith("\u2581") else "##" + p) + "\n")
    print(sp.get_piece_size(), "pieces;", " ".join(sp.encode(lines[-1] + " | one two new line A B front left Monday", out_type=str)))


if __name__ == "__main__":
    main()
