#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""grammar.py: what the synthetic voices say. Writes the text lists of lists/: one "text" a line, seeded.

usage: grammar.py [--seed N] [--out lists]

The domain is closed: digits, numbers, letters, dates, dictation and editing commands, the words of Speech Commands, short
prompts, and plain sentences so that the model does not hear a digit in everything. Text style: lower-case words without
punctuation; single letters, "I", weekdays and months as a reader writes them ("A B C", "Monday the third of May").

words.txt      every single word (one piece of the tokenizer each): spoken alone by every voice
commands.txt   dictation and editing commands, and the phrases of loudspeaker tests ("front left")
strings.txt    digit strings, spelled letters, numbers, dates, commands in a row: spoken fluently
sentences.txt  prompts and plain sentences
"""
import argparse
import os
import random

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

PROMPTS = [
    "please {verb} your {thing}", "please {verb} the {thing} followed by the pound key", "press {d} to {do}",
    "press {d} to {do} or {d} to {do}", "press {d} for {topic}", "to {do} press {d}", "dial {d} to {do}",
    "you have {d} new {things}", "you have {d} {things}", "there are {n} {things}", "there are currently {d} {people}",
    "the {thing} is {state}", "the {thing} you entered is {state}", "your {thing} has been {done}",
    "the {thing} has been {done}", "that is not a valid {thing}", "I am sorry that is not a valid {thing}",
    "I'm sorry the {thing} is {state}", "please try again", "please try your {thing} again later", "please wait for the {thing}",
    "please hold while I {do}", "thank you for {doing}", "welcome to the {place}", "goodbye and thank you",
    "you are now {state}", "you are caller number {d}", "the number is {d} {d} {d} {d}", "extension {d} {d} {d}",
    "to {do} say {command}", "say {command} to {do}", "after the tone please {verb} your {thing}",
    "the time is {n} {minute}", "the {thing} is on {weekday}", "call me on {weekday} at {hour}", "today is {weekday} the {ord} of {month}",
    "the meeting is on the {ord} of {month}", "if this is correct press {d}", "if this is the {thing} press {d} now",
    "enter the first {d} letters of the name", "the next {thing} is in {n} minutes", "your {thing} is {d} {d} {d}",
]
SLOTS = {
    "verb": "enter say check dial record repeat type leave change save".split(),
    "thing": ("number|message|password|name|extension|call|mailbox|line|option|conference|folder|greeting|recording|key|phone number|"
              "telephone number|area code|pin|directory|system|file|word|letter|answer|date|time|code|address|order|account").split("|"),
    "things": "messages calls minutes seconds numbers options letters files words people hours days callers entries".split(),
    "people": "callers people participants users members guests".split(),
    "do": ("listen to your messages|save this message|delete this message|hear the next message|repeat this message|try again|"
           "leave a message|reach an operator|speak with a person|change your password|record your name|enter a number|"
           "call this number|hold the line|go back|start over|return to the main menu|hear more options|forward the message|"
           "send a reply|join the conference|accept this call|cancel|continue|exit|lock the conference|mute yourself").split("|"),
    "doing": "calling|waiting|your patience|your message|your call|your help|trying again".split("|"),
    "done": "saved deleted removed added changed sent received recorded locked unlocked forwarded cancelled enabled disabled".split(),
    "state": "busy|invalid|full|empty|not available|unavailable|now muted|not in service|locked|ready|on the phone|in use|correct|not correct".split("|"),
    "topic": "help|the directory|more options|a new call|the operator|sales|the next page|the main menu|advanced options".split("|"),
    "place": "directory|conference|main menu|company|system|voice mail|program|office|house".split("|"),
    "minute": "o'clock|thirty|fifteen|forty five|A M|P M".split("|"),
    "hour": "nine thirty|ten o'clock|twelve thirty|two P M|eight A M|seven forty five|three fifteen".split("|"),
}
SENTENCES = [
    "{subj} {see} the {adj} {noun}", "{subj} {see} a {noun} in the {where}", "the {noun} is {adj}", "the {adj} {noun} was in the {where}",
    "{subj} want to {act} the {noun}", "{subj} will {act} the {noun} {when}", "can you {act} the {noun}", "where is the {noun}",
    "what is the {noun} for", "I think the {noun} is very {adj}", "we {see} it {when}", "it is {adj} and {adj}",
    "the {noun} and the {noun} are in the {where}", "do not {act} the {noun}", "there is no {noun} in the {where}",
    "this is the {adj} {noun} that {subj} {see}", "{subj} have a {noun} for you", "they came {when} with a {noun}",
    "how do you {act} a {noun}", "ask what you can do for your {noun}", "it was a {adj} day in the {where}", "he said the {noun} was {adj}",
    "she {see} me {when} and asked for a {noun}", "my {noun} is {adj}er than your {noun}", "we will go to the {where} {when}",
]
WORDS = {
    "subj": "I|you|we|they|people|my friends|the children|many men|some of us".split("|"),
    "see": "see saw found made like know had took gave need left heard".split(),
    "act": "find open close read write move hear see show take bring change build play start".split(),
    "adj": "old new small great long good little dark red green blue cold warm quick quiet hard fair kind high low".split(),
    "noun": ("house man woman book river table window door road world country school letter picture story tree dog cat bird horse "
             "water light hand city car garden name paper room family work music problem question answer idea mother father").split(),
    "where": "morning|evening|house|garden|city|street|room|country|school|river|world|town|office|kitchen|mountains".split("|"),
    "when": "today|tomorrow|yesterday|now|again|in the morning|at night|every day|next week|last year|before long|after that".split("|"),
}


def commands():
    return [c.strip() for line in COMMANDS.strip().splitlines() for c in line.split("|")]


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


def build(seed):
    rng = random.Random(seed)
    strings = []
    for _ in range(600):
        strings.append(digit_string(rng))
    for _ in range(250):
        strings.append(repeated_digits(rng))
    for _ in range(300):
        strings.append([rng.choice(LETTERS) for _ in range(rng.randint(2, 5))])
    for _ in range(300):
        strings.append(number(rng))
    for _ in range(200):
        strings.append(date(rng))
    for _ in range(400):
        strings.append([w for _ in range(rng.randint(2, 3)) for w in rng.choice(commands()).split()])
    strings = [" ".join(s) for s in strings]
    sentences = [fill(rng, rng.choice(PROMPTS), SLOTS) for _ in range(900)]
    sentences += [fill(rng, rng.choice(SENTENCES), WORDS) for _ in range(900)]
    unique = lambda xs: list(dict.fromkeys(xs))
    return {"words": words(), "commands": unique(commands()), "strings": unique(strings), "sentences": unique(sentences)}


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--seed", type=int, default=4)
    ap.add_argument("--out", default=os.path.join(os.path.dirname(os.path.abspath(__file__)), "lists"))
    args = ap.parse_args()
    os.makedirs(args.out, exist_ok=True)
    for name, lines in build(args.seed).items():
        with open(os.path.join(args.out, name + ".txt"), "w") as f:
            f.write("\n".join(lines) + "\n")
        print(f"{name}: {len(lines)} texts")


if __name__ == "__main__":
    main()
