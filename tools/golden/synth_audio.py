#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the two clips of the golden tests out of nothing but speech synthesisers and arithmetic.

usage: synth_audio.py OUTDIR

long.wav   about 10 s, English: two flite voices and an espeak-ng one, over soft pink noise, with a tone between
short.wav  about 3 s, German by espeak-ng, with white noise
Both are 16 kHz, 16 bit, mono. Needs flite and espeak-ng. Their versions change the samples, so the clips are kept in the
repository; run this only to make new ones (and then make all models and results again).
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import soundfile
from scipy.signal import resample_poly

RATE = 16000


def spoken(command):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "a.wav")
        subprocess.run([part.replace("OUT", path) for part in command], check=True)
        samples, rate = soundfile.read(path, dtype="float64")
    samples = resample_poly(samples, RATE, rate) if rate != RATE else samples
    loud = np.flatnonzero(np.abs(samples) > 0.01)
    return samples[loud[0] : loud[-1]] / np.abs(samples).max() * 0.6


def flite(voice, text):
    return spoken(["flite", "-voice", voice, "-t", text, "-o", "OUT"])


def espeak(voice, words_per_minute, text):
    return spoken(["espeak-ng", "-v", voice, "-s", str(words_per_minute), "-w", "OUT", text])


def silence(seconds):
    return np.zeros(int(seconds * RATE))


def pink(n, rng):
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), 1.0))
    noise = np.fft.irfft(spectrum, n)
    return noise / np.abs(noise).max()


def save(path, samples):
    samples = np.clip(np.round(samples * 32768), -32768, 32767).astype(np.int16)
    soundfile.write(path, samples, RATE, subtype="PCM_16")
    print(path, f"{len(samples)} samples, {len(samples) / RATE:.2f} s")


def main(folder):
    rng = np.random.default_rng(20250701)
    tone = 0.1 * np.sin(2 * np.pi * 523.25 * np.arange(int(0.25 * RATE)) / RATE) * np.hanning(int(0.25 * RATE))
    long = np.concatenate([
        silence(0.3), flite("slt", "The harbour was quiet, and the night train left without us."), silence(0.2), tone,
        silence(0.15), espeak("en-us", 165, "Where did it go? Nobody knew, nobody asked."), silence(0.3),
        flite("rms", "We counted seven lanterns on the long bridge."), silence(0.25),
    ])
    save(os.path.join(folder, "long.wav"), long + 0.01 * pink(len(long), rng))
    short = np.concatenate([silence(0.12), espeak("de", 170, "Die Brücke ist schön, aber der Fluss ist größer."), silence(0.1)])
    save(os.path.join(folder, "short.wav"), 0.8 * short + 0.003 * rng.standard_normal(len(short)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
