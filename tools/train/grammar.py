#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""grammar.py: what the synthetic voices say. Writes the text lists of lists/: one "text" a line, seeded.

usage: grammar.py [--seed N] [--lists lists]

The domain is closed: digits, numbers, letters, dates, dictation and editing commands, the words of Speech Commands, short
prompts, and plain sentences so that the model does not hear a digit in everything. Text style: lower-case words without
punctuation; single letters, "I", weekdays and months as a reader writes them ("A B C", "Monday the third of May").

Reads the two lists of real.py, for the prompts that it recombines and those that it must not say: a text that is, or has in it, a
held-out prompt of three or more words is dropped.

words.txt      every single word (one piece of the tokenizer each): spoken alone by every voice
commands.txt   dictation and editing commands, and the phrases of loudspeaker tests ("front left")
strings.txt    digit strings, spelled letters, numbers, dates, commands in a row: spoken fluently
sentences.txt  prompts, new ones out of the training prompts' words, plain sentences; the training prompts themselves
"""
import argparse
import os
import random

from phrases import PROMPTS, SENTENCES, SLOTS, WORDS, lines
from recombine import recombine

HERE = os.path.dirname(os.path.abspath(__file__))
DIGITS = "zero one two three four five six seven eight nine".split()
TEENS = "ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
SCALES = "hundred thousand million".split()
ORDINALS = ("first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
            "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth").split()
LETTERS = [chr(c) for c in range(ord("A"), ord("Z") + 1)]
WEEKDAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
PHONETIC = ("alpha bravo charlie delta echo foxtrot golf hotel india juliet kilo lima mike oscar papa quebec romeo sierra "
            "tango uniform victor whiskey yankee zulu").split()
SPEECH_COMMANDS = ("bed bird cat dog down eight five four go happy house left marvin nine no off on one right seven sheila "
                   "six stop three tree two up wow yes zero").split()

# What a dictation program understands; what each does is the program's business, not the model's.
COMMANDS = """
new line | new paragraph | next line | line break | space | tab | enter | return | escape | backspace | delete
period | full stop | comma | colon | semicolon | question mark | exclamation mark | exclamation point | dash | hyphen
underscore | slash | backslash | quote | open quote | close quote | apostrophe | open bracket | close bracket
open parenthesis | close parenthesis | left brace | right brace | left bracket | right bracket | percent sign
dollar sign | pound sign | at sign | ampersand | asterisk | star | plus sign | minus sign | equals sign | hash | tilde | pipe
caps on | caps off | all caps | no caps | upper case | lower case | capital letter | spell mode | number mode
select all | select word | select line | select none | copy | copy that | copy line | cut | cut that | paste | paste that
undo | undo that | redo | redo that | delete that | delete word | delete line | delete all | scratch that | correct that
go back | go up | go down | go left | go right | go home | go to end | page up | page down | scroll up | scroll down
move up | move down | move left | move right | move to start | move to end | end of line | start of line
next word | previous word | next page | previous page | next window | close window | open file | save file | close file
new file | print | search | find | find next | replace | replace all | zoom in | zoom out | full screen
start listening | stop listening | start dictation | stop dictation | pause | resume | wake up | go to sleep
bold | italic | underline | bold on | bold off | bullet list | numbered list | insert date | insert time
start recording | stop recording | play | stop | start | cancel | continue | repeat | repeat that | again | help | menu
volume up | volume down | mute | unmute | louder | quieter | faster | slower | louder please | turn on | turn off | lights on | lights off
yes | no | okay | accept | reject | confirm | thank you | hello | goodbye | computer | wait | next | back | previous | done
front left | front right | front center | rear left | rear right | rear center | side left | side right
"""


def commands():
    return lines(COMMANDS)


def digit_string(rng, most=7):
    return [rng.choice(DIGITS) for _ in range(rng.randint(2, most))]


def repeated_digits(rng):
    """One digit twice or three times in a row: the second must not be swallowed."""
    d = digit_string(rng, 4)
    i = rng.randrange(len(d))
    return d[:i] + [d[i]] * rng.randint(1, 2) + d[i:]


def number(rng):
    n = rng.choice(["teen", "tens", "tens", "hundreds", "hundreds", "thousands"])
    tens = [rng.choice(TENS)] + ([rng.choice(DIGITS[1:])] if rng.random() < 0.7 else [])
    if n == "teen":
        return [rng.choice(TEENS)]
    if n == "tens":
        return tens
    head = [rng.choice(DIGITS[1:]), "hundred" if n == "hundreds" else "thousand"]
    if rng.random() < 0.3:
        return head
    return head + (["and"] if rng.random() < 0.4 else []) + (tens if rng.random() < 0.7 else [rng.choice(TEENS)])


def date(rng):
    form = rng.randrange(4)
    if form == 0:
        return [rng.choice(WEEKDAYS), "the", rng.choice(ORDINALS), "of", rng.choice(MONTHS)]
    if form == 1:
        return [rng.choice(MONTHS), rng.choice(ORDINALS), "twenty", rng.choice(TENS), rng.choice(DIGITS[1:])]
    if form == 2:
        return [rng.choice(WEEKDAYS), rng.choice(MONTHS), rng.choice(ORDINALS)]
    return [rng.choice(WEEKDAYS), "at", rng.choice(DIGITS[1:] + TEENS[:3]), rng.choice(["o'clock", "thirty", "fifteen", "A M", "P M"])]


def fill(rng, template, tables):
    while "{" in template:
        slot = template[template.index("{") + 1:template.index("}")]
        if slot == "d":
            word = rng.choice(DIGITS)
        elif slot == "n":
            word = " ".join(number(rng)[:2])
        elif slot == "weekday":
            word = rng.choice(WEEKDAYS)
        elif slot == "month":
            word = rng.choice(MONTHS)
        elif slot == "ord":
            word = rng.choice(ORDINALS)
        elif slot == "command":
            word = rng.choice(commands())
        else:
            word = rng.choice(tables[slot])
        template = template.replace("{" + slot + "}", word, 1)
    return template


def words():
    """Every word that is to be one piece, hence one token, in a fixed order."""
    seen = dict.fromkeys(DIGITS + ["oh"] + SPEECH_COMMANDS + LETTERS + TEENS + TENS + SCALES + ["and", "o'clock"] + ORDINALS
                         + WEEKDAYS + MONTHS + PHONETIC)
    for c in commands():
        seen.update(dict.fromkeys(c.split()))
    seen.update(dict.fromkeys("press please number message enter key call dial".split()))
    return list(seen)


def spelled(rng):
    """Letters, now and then with a digit among them or the words of a reader."""
    out = [rng.choice(LETTERS) for _ in range(rng.randint(2, 6))]
    if rng.random() < 0.2:
        out[rng.randrange(len(out))] = rng.choice(DIGITS)
    return (["capital"] if rng.random() < 0.05 else []) + out


def held_out_free(texts, held):
    """Without what is a held-out prompt, or has one of three or more words in it."""
    whole = {h.lower() for h in held if " " in h}
    inside = [f" {h} " for h in whole if len(h.split()) > 2]
    return [t for t in texts if t.lower() not in whole and not any(h in f" {t.lower()} " for h in inside)]


def build(seed, prompts, held):
    rng = random.Random(seed)
    strings = [digit_string(rng) for _ in range(1200)] + [repeated_digits(rng) for _ in range(500)]
    strings += [spelled(rng) for _ in range(1200)]
    strings += [number(rng) for _ in range(500)] + [date(rng) for _ in range(350)]
    strings += [[w for _ in range(rng.randint(2, 3)) for w in rng.choice(commands()).split()] for _ in range(700)]
    strings = [" ".join(s) for s in strings]
    sentences = [fill(rng, t, SLOTS) for t in lines(PROMPTS)]
    sentences += [fill(rng, rng.choice(lines(PROMPTS)), SLOTS) for _ in range(8000)]
    sentences += recombine(rng, prompts, 4500)
    sentences += [fill(rng, rng.choice(lines(SENTENCES)), WORDS) for _ in range(2000)]
    sentences = [s for s in sentences + prompts if len(s.split()) <= 16]
    unique = lambda xs: list(dict.fromkeys(xs))
    return {"words": words(), "commands": unique(commands()), "strings": unique(held_out_free(strings, held)),
            "sentences": unique(held_out_free(sentences, held))}


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--seed", type=int, default=4)
    ap.add_argument("--lists", default=os.path.join(HERE, "lists"))
    args = ap.parse_args()
    rows = lambda name: [l.split("\t") for l in open(os.path.join(args.lists, name + ".txt")).read().splitlines()]
    prompts = sorted({r[1] for r in rows("train-real") if r[0].startswith("asterisk/") and " " in r[1]})
    held = [r[1] for r in rows("held-out") if r[0].startswith("asterisk/") and r[2] == "test"]
    for name, texts in build(args.seed, prompts, held).items():
        with open(os.path.join(args.lists, name + ".txt"), "w") as f:
            f.write("\n".join(texts) + "\n")
        print(f"{name}: {len(texts)} texts")


if __name__ == "__main__":
    main()
