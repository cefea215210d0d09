# SPDX-License-Identifier: MIT
"""One competitor of bench/peers.py in a process of its own: peer.py torch|ort|ort-nemo THREADS [ENCODER.onnx].

Reads lines "SECONDS REPEATS" and answers each with a line of JSON: the times of that many passes of the encoder over so
much audio, in ms. The first pass of a length is not counted. Random mel frames in, encoder frames out.
"""
import json
import sys
import time

import numpy
import torch

import encoder_torch


def open_torch(threads):
    torch.set_num_threads(threads)
    return encoder_torch.build()


def open_ort(threads, path, nemo=False):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    if nemo:  # NeMo's export has its own names, and wants the length
        return lambda mel: session.run(None, {"audio_signal": mel.numpy(), "length": numpy.array([mel.shape[2]], dtype=numpy.int64)})
    return lambda mel: session.run(None, {"mel": mel.numpy()})


def main():
    kind, threads = sys.argv[1], int(sys.argv[2])
    run = open_torch(threads) if kind == "torch" else open_ort(threads, sys.argv[3], kind == "ort-nemo")
    warm = set()
    print(json.dumps({"ready": kind}), flush=True)
    for line in sys.stdin:
        seconds, repeats = int(line.split()[0]), int(line.split()[1])
        mel = torch.randn(1, encoder_torch.MELS, encoder_torch.mel_frames(seconds))
        if seconds not in warm:
            run(mel)
            warm.add(seconds)
        times = []
        for _ in range(repeats):
            started = time.perf_counter()
            run(mel)
            times.append(1e3 * (time.perf_counter() - started))
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    with torch.inference_mode():
        main()
