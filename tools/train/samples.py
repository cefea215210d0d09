#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""samples.py: speaks samples/*.wav with flite, texts beside them. The voices are ones that training heard, the texts are not.

usage: samples.py [--out samples]
"""
import argparse
import os
import subprocess

from synth import spoken

HERE = os.path.dirname(os.path.abspath(__file__))
SAMPLES = {
    "digits": ("rms", "three one four one five nine"),
    "repeated": ("slt", "eight eight eight two"),
    "commands": ("rms", "select all copy"),
    "recording": ("slt", "start recording stop recording"),
    "loudspeakers": ("slt", "front left rear right"),
}


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--out", default=os.path.join(HERE, "../../samples"))
    args = ap.parse_args()
    for name, (voice, text) in SAMPLES.items():
        path = os.path.join(args.out, name)
        subprocess.run(["flite", "-voice", voice, "-t", spoken(text), path + ".wav"], check=True)
        with open(path + ".txt", "w") as f:
            f.write(text + "\n")


if __name__ == "__main__":
    main()
