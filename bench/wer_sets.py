# SPDX-License-Identifier: MIT
"""wer_sets.py: the clips and texts of wer.py's table, built from the recordings that are present. Seeded: always the same clips.

Every set is a list of (name, text, part, samples at 16 kHz); part is "dev" for what training decisions may look at and
"test" for what they may not. A set whose recordings are absent is a string that says so.
"""
import hashlib
import io
import os
import random
import shutil
import subprocess
import tarfile
import wave

import numpy as np

DIGITS = "zero one two three four five six seven eight nine".split()
READ = {
    "jfk": "and so my fellow Americans ask not what your country can do for you ask what you can do for your country",
    "librispeech-phoebe": "well I don't wish to see it any more observed Phoebe turning away her eyes it is certainly very like the "
                          "old portrait",
}
ALSA = "Front_Center Front_Left Front_Right Rear_Center Rear_Left Rear_Right Side_Left Side_Right".split()


def read_wav(source):
    with wave.open(source) as w:
        assert w.getsampwidth() == 2, source
        x = np.frombuffer(w.readframes(w.getnframes()), dtype="<i2").astype(np.float64) / 32768
        return x.reshape(-1, w.getnchannels()).mean(1), w.getframerate()


def resample(x, rate):
    """To 16 kHz by the spectrum: exact for short clips, and no library's filter enters the figures."""
    if rate == 16000:
        return x
    n = round(len(x) * 16000 / rate)
    spectrum = np.fft.rfft(x)
    out = np.zeros(n // 2 + 1, dtype=complex)
    keep = min(len(out), len(spectrum))
    out[:keep] = spectrum[:keep]
    return np.fft.irfft(out, n) * n / len(x)


def tar_wavs(path):
    clips = {}
    with tarfile.open(path) as tar:
        for m in tar:                       # in the archive's order, for there is no going back in a gzip; sorted below
            if m.name.endswith(".wav"):
                clips[os.path.basename(m.name)] = read_wav(io.BytesIO(tar.extractfile(m).read()))
    for name in sorted(clips):
        yield name, resample(*clips[name])


def fsdd(audio):
    """Strings of 3 to 6 digits of one speaker, 500 each of theo (dev) and lucas (test), and their 1,000 single digits."""
    path = os.path.join(audio, "free-spoken-digits.tar.gz")
    if not os.path.exists(path):
        return {k: f"{path} is absent" for k in ("fsdd-strings", "fsdd-single")}
    clips = {"theo": [], "lucas": []}
    for name, x in tar_wavs(path):
        digit, speaker, _ = name[:-4].split("_")
        if speaker in clips:
            clips[speaker].append((name, DIGITS[int(digit)], x))
    rng = random.Random(1)
    quiet = lambda ms: np.zeros(ms * 16)
    strings, single = [], []
    for speaker, part in (("theo", "dev"), ("lucas", "test")):
        for n in range(500):
            picks = [rng.choice(clips[speaker]) for _ in range(rng.randint(3, 6))]
            parts = [quiet(100)]
            for p in picks:
                parts += [p[2], quiet(rng.randint(40, 300))]
            parts[-1] = quiet(100)
            strings.append((f"{speaker}-{n:03d}", " ".join(p[1] for p in picks), part, np.concatenate(parts)))
        for name, text, x in clips[speaker]:
            single.append((name[:-4], text, part, np.concatenate([quiet(100), x, quiet(100)])))
    return {"fsdd-strings": strings, "fsdd-single": single}


def speech_commands(audio):
    """The sample's words of the half of the speakers that training did not hear (tools/train/real.py splits likewise)."""
    path = os.path.join(audio, "speech-commands-sample.tar.gz")
    if not os.path.exists(path):
        return {k: f"{path} is absent" for k in ("speech-commands-digits", "speech-commands-words")}
    words = []
    for name, x in tar_wavs(path):
        word, speaker = name.split("_")[:2]
        if int(hashlib.sha1(speaker.encode()).hexdigest(), 16) % 2:
            words.append((name[:-4], word, "test", x))
    return {"speech-commands-digits": [w for w in words if w[1] in DIGITS], "speech-commands-words": words}


def asterisk(held_out, sounds):
    """Prompts that training did not hear, of a voice that it did."""
    if not os.path.isdir(sounds):
        return {"asterisk": f"{sounds} is absent (Debian: asterisk-core-sounds-en-g722)"}
    if not shutil.which("ffmpeg"):
        return {"asterisk": "ffmpeg is absent, which decodes its G.722"}
    clips = []
    with open(held_out) as f:
        for line in f:
            name, text, part = line.rstrip("\n").split("\t")
            source = os.path.join(sounds, name[len("asterisk/"):] + ".g722")
            if not name.startswith("asterisk/") or part != "test" or not os.path.exists(source):
                continue
            raw = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "g722", "-i", source, "-ar", "16000", "-ac", "1", "-f",
                                  "s16le", "-"], check=True, stdout=subprocess.PIPE).stdout
            clips.append((name.replace("/", "-"), text, part, np.frombuffer(raw, dtype="<i2") / 32768))
    return {"asterisk": clips}


def alsa(folder):
    if not os.path.isdir(folder):
        return {"alsa": f"{folder} is absent (Debian: alsa-utils)"}
    clips = []
    for name in ALSA:
        x, rate = read_wav(os.path.join(folder, name + ".wav"))
        clips.append((name, name.replace("_", " ").lower(), "test", resample(x, rate)))
    return {"alsa": clips}


def read_speech(audio):
    out = {}
    for name, text in READ.items():
        path = os.path.join(audio, name + ".wav")
        if not os.path.exists(path):
            out[name] = f"{path} is absent"
            continue
        x, rate = read_wav(path)
        out[name] = [(name, text, "test", resample(x, rate))]
    return out


def all_sets(audio, held_out, sounds="/usr/share/asterisk/sounds/en_US_f_Allison", alsa_folder="/usr/share/sounds/alsa"):
    return {**fsdd(audio), **speech_commands(audio), **asterisk(held_out, sounds), **alsa(alsa_folder), **read_speech(audio)}


def edits(ref, hyp):
    """Word errors: substitutions, insertions and deletions."""
    row = list(range(len(hyp) + 1))
    for i, r in enumerate(ref, 1):
        prev, row[0] = row[0], i
        for j, h in enumerate(hyp, 1):
            prev, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, prev + (r != h))
    return row[-1]
