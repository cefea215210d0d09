# SPDX-License-Identifier: MIT
"""One competitor of bench/peers.py in a process of its own: peer.py KIND THREADS MEL.npy [ENCODER.onnx].

KIND is one of OPENERS below. MEL.npy (128, N) f32 holds features of speech, repeated to the length that is asked for.
Opens its network, says {"ready": ...} and then answers each line on its input with one line of JSON:

    run SECONDS REPEATS     {"ms": [time of each pass], "rss_bytes": so far at the most, "idle_cpu_ms": processor time since
                            the answer before}; the first pass of a length is not counted, but for one of more than 30 s
    save SECONDS OUT.npy    {"saved": OUT.npy}: the encoder's output (frames, width), f32

What goes wrong is answered as {"error": one line}. Between its turns it waits for input and computes nothing.
"""
import json
import os
import resource
import sys
import time
from pathlib import Path

import numpy

LONG = 30000  # ms


def open_torch(threads, path, dtype="float32"):
    import torch

    import encoder_torch

    torch.set_num_threads(threads)
    encoder = encoder_torch.build().to(getattr(torch, dtype))

    def run(mel):
        with torch.inference_mode():
            return encoder(torch.from_numpy(mel).to(encoder.layers[0].norm_out.weight.dtype)).float().numpy()

    return run


def open_ort(threads, path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.force_spinning_stop", "1")  # spins within a pass, never after it
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [i.name for i in session.get_inputs()]
    if len(names) == 1:
        return lambda mel: session.run(None, {names[0]: mel})[0]
    # NeMo's export has its own names and wants the length; its output is (1, width, frames)
    return lambda mel: session.run(None, {"audio_signal": mel, "length": numpy.array([mel.shape[2]], numpy.int64)})[0].transpose(0, 2, 1)


def open_openvino(threads, path, hint="f32"):
    import openvino

    settings = {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": hint}
    model = openvino.Core().compile_model(path, "CPU", settings)
    request = model.create_infer_request()
    if len(model.inputs) == 1:
        return lambda mel: request.infer([mel], share_inputs=True, share_outputs=True)[0]
    return lambda mel: request.infer({"audio_signal": mel, "length": numpy.array([mel.shape[2]], numpy.int64)},
                                     share_inputs=True, share_outputs=True)[0].transpose(0, 2, 1)


OPENERS = {"torch": open_torch, "torch-bf16": lambda threads, path: open_torch(threads, path, "bfloat16"),
           "ort": open_ort, "openvino": open_openvino, "openvino-bf16": lambda threads, path: open_openvino(threads, path, "bf16")}


def frames_of(features, seconds):
    """(1, 128, mel frames): the features again and again."""
    n = round(seconds * 16000) // 160 + 1
    return numpy.ascontiguousarray(numpy.tile(features, -(-n // features.shape[1]))[None, :, :n])


def answer(line, run, features, warm):
    order, seconds, last = line.split(maxsplit=2)
    mel = frames_of(features, int(seconds))
    if order == "save":
        numpy.save(last.strip(), run(mel)[0])
        return {"saved": last.strip()}
    wanted, times = int(last), []
    while len(times) < wanted:
        started = time.perf_counter()
        run(mel)
        ms = 1e3 * (time.perf_counter() - started)
        if seconds in warm or ms > LONG:
            times.append(ms)
        warm.add(seconds)
    return {"ms": times, "rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}


def give_way():
    """A machine that runs out of memory loses this process and no other; what is surely too much is refused in it."""
    Path("/proc/self/oom_score_adj").write_text("1000")
    free = next(int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemAvailable"))
    resource.setrlimit(resource.RLIMIT_DATA, (free * 1024, free * 1024))


def main():
    kind, threads, features, path = sys.argv[1], int(sys.argv[2]), numpy.load(sys.argv[3]), (sys.argv[4:] or [None])[0]
    give_way()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer

    def say(what):
        print(json.dumps(what), file=out, flush=True)

    warm = set()
    try:
        run = OPENERS[kind](threads, path)
        say({"ready": kind})
    except Exception as error:  # whatever the library raises: the table says it
        say({"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]})
        return
    used = time.process_time()
    for line in sys.stdin:
        idle = 1e3 * (time.process_time() - used)
        try:
            said = answer(line, run, features, warm)
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}".splitlines()[0][:200]}
        used = time.process_time()
        say(said | {"idle_cpu_ms": idle})


if __name__ == "__main__":
    main()
