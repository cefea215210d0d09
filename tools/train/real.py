#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""real.py: finds the real recordings and says which of them may be trained on. Copies none of them into the repository.

usage: real.py --work DIR [--audio ../shared/audio] [--asterisk /usr/share/asterisk/sounds/en_US_f_Allison] [--lists lists]

Writes DIR/real/*.wav (16 kHz), DIR/real/index.jsonl and two lists of names that are kept in the repository:
train-real.txt   every recording that training hears
held-out.txt     every recording that no training hears: two FSDD speakers, 15 % of the Asterisk prompts (by hash of the
                 name), half of the Speech Commands speakers, the alsa phrases, the two read sentences; last column:
                 dev, test or unused (a word, a command or the text of a training prompt: no test of anything)
"""
import argparse
import gzip
import hashlib
import io
import json
import os
import re
import shutil
import subprocess
import tarfile
import wave

import numpy as np

from grammar import DIGITS, MONTHS, WEEKDAYS, commands, words

HERE = os.path.dirname(os.path.abspath(__file__))
NAMES = {w.lower(): w for w in WEEKDAYS + MONTHS}
TRAIN_SPEAKERS = ["george", "jackson", "nicolas", "yweweler"]
ALSA = "Front_Center Front_Left Front_Right Rear_Center Rear_Left Rear_Right Side_Left Side_Right".split()
SAID = {"welcome to the directory", "please try your call again later"}    # an earlier grammar said them: no test any more
PROMPT_TEXTS = "/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz"


def upsample2(x):
    """8 to 16 kHz exactly: the spectrum with zeros above."""
    spectrum = np.fft.rfft(x)
    out = np.zeros(len(x) + 1, dtype=complex)
    out[:len(spectrum)] = spectrum
    return np.fft.irfft(out, 2 * len(x)) * 2


def read_wav(source):
    with wave.open(source) as w:
        return np.frombuffer(w.readframes(w.getnframes()), dtype="<i2").astype(np.float64) / 32768, w.getframerate()


def write_wav(path, x):
    with wave.open(path, "wb") as w:
        w.setnchannels(1), w.setsampwidth(2), w.setframerate(16000)
        w.writeframes(np.clip(np.round(x * 32768), -32768, 32767).astype("<i2").tobytes())


def sc_half(speaker):
    """Speech Commands speakers: half to train on, half for the one look at the end."""
    return "train" if int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % 2 == 0 else "test"


def asterisk_held_out(name):
    return int(hashlib.sha1(name.encode()).hexdigest(), 16) % 100 < 15


def prompt_text(name, raw):
    """The words of a prompt in the model's style, or None where the list does not say what is heard."""
    if name.startswith(("silence/", "spy-")) or re.search(r"[*#%]|\bnote:|\d\d|\dD", raw):
        return None
    raw = re.sub(r"\[[^\]]*\]|\([^)]*\)|<[^>]*>", " ", raw).replace("A.M.", "A M").replace("P.M.", "P M")
    out = []
    for token in re.findall(r"[A-Za-z']+|\d", raw.replace("-", " ")):
        token = token.strip("'")
        if token.isdigit():
            out.append(DIGITS[int(token)])
        elif name.startswith("letters/") and len(token) == 1 or len(token) == 1 and token in "MPQZ":
            out.append(token.upper())
        elif len(token) > 1 and token.isupper():
            out.extend(token)
        elif token.lower() == "i" or token.lower().startswith("i'"):
            out.append("I" + token[1:].lower())
        elif token == "A" and out and raw.count("A M"):
            out.append("A")
        elif token:
            out.append(NAMES.get(token.lower(), token.lower()))
    if name == "digits/a-m":
        out = ["A", "M"]
    return " ".join(out) or None


def prompt_table():
    with gzip.open(PROMPT_TEXTS, "rt", encoding="latin-1") as f:
        for line in f:
            if ":" in line and not line.startswith(";"):
                name, raw = line.split(":", 1)
                text = prompt_text(name.strip(), raw.strip())
                if text:
                    yield name.strip(), text


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--work", required=True)
    ap.add_argument("--audio", default=os.path.join(HERE, "../../../shared/audio"))
    ap.add_argument("--asterisk", default="/usr/share/asterisk/sounds/en_US_f_Allison")
    ap.add_argument("--lists", default=os.path.join(HERE, "lists"))
    args = ap.parse_args()
    folder = os.path.join(args.work, "real")
    os.makedirs(folder, exist_ok=True)
    index, train, held = [], [], []

    with tarfile.open(os.path.join(args.audio, "free-spoken-digits.tar.gz")) as tar:
        for member in tar:                       # in the archive's order, for there is no going back in a gzip
            name = os.path.basename(member.name)
            if not name.endswith(".wav"):
                continue
            digit, speaker, _ = name.split("_")
            if speaker not in TRAIN_SPEAKERS:
                held.append((f"fsdd/{name}", DIGITS[int(digit)], "dev" if speaker == "theo" else "test"))
                continue
            x, rate = read_wav(io.BytesIO(tar.extractfile(member).read()))
            assert rate == 8000, name
            path = os.path.join(folder, "fsdd-" + name)
            write_wav(path, upsample2(x))
            train.append((f"fsdd/{name}", DIGITS[int(digit)]))
            index.append({"file": path, "kind": "fsdd", "voice": speaker, "text": DIGITS[int(digit)]})

    table = list(prompt_table())
    known = SAID | {t.lower() for t in words() + commands()}
    known.update(text.lower() for name, text in table if not asterisk_held_out(name))
    for name, text in table:
        source = os.path.join(args.asterisk, name + ".g722")
        if not os.path.exists(source):
            continue
        if asterisk_held_out(name):
            held.append((f"asterisk/{name}", text, "unused" if text.lower() in known else "test"))
            continue
        path = os.path.join(folder, "asterisk-" + name.replace("/", "-") + ".wav")
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "g722", "-i", source, "-ar", "16000", "-ac", "1", path],
                       check=True)
        x, _ = read_wav(path)
        if len(x) > 12 * 16000:
            os.remove(path)                        # long explanations: few, and they would set the batch size
            continue
        train.append((f"asterisk/{name}", text))
        index.append({"file": path, "kind": "asterisk", "voice": "allison", "text": text})

    with tarfile.open(os.path.join(args.audio, "speech-commands-sample.tar.gz")) as tar:
        tar.extractall(folder, filter="data")
        for name in sorted(os.listdir(os.path.join(folder, "speech-commands-sample"))):
            if not name.endswith(".wav"):
                continue
            word, speaker = name.split("_")[:2]
            if sc_half(speaker) == "test":
                held.append((f"speech-commands/{name}", word, "test"))
                continue
            path = os.path.join(folder, "strangers-" + name)
            shutil.copyfile(os.path.join(folder, "speech-commands-sample", name), path)
            train.append((f"speech-commands/{name}", word))
            index.append({"file": path, "kind": "strangers", "voice": speaker, "text": word})
    held += [(f"alsa/{n}.wav", n.replace("_", " ").lower(), "test") for n in ALSA]
    held += [("read/jfk.wav", "", "test"), ("read/librispeech-phoebe.wav", "", "test")]

    train.sort(), held.sort(), index.sort(key=lambda i: i["file"])
    with open(os.path.join(folder, "index.jsonl"), "w") as f:
        f.writelines(json.dumps(i) + "\n" for i in index)
    with open(os.path.join(args.lists, "train-real.txt"), "w") as f:
        f.writelines("\t".join(t) + "\n" for t in train)
    with open(os.path.join(args.lists, "held-out.txt"), "w") as f:
        f.writelines("\t".join(h) + "\n" for h in held)
    print(f"{len(train)} recordings to train on, {len(held)} held out")


if __name__ == "__main__":
    main()
