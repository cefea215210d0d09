#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The f32 encoder against PyTorch's and ONNX Runtime's of the same shape, in turns on one machine.

    python bench/peers.py --model BIG.nemo [--threads 2] [--seconds 2 5 11 33] [--rounds 5] [--repeats 3]

BIG.nemo is a model of the 0.6B shape, real or random (docs/HACKING.md says how to make one). Without --model only the
peers run. Each competitor is a process of its own with the same number of threads; in every round each has its turn,
in an order that rotates, so that whatever else the machine does falls on all alike. Printed are medians over the
rounds' medians, the best pass, the ratio to the better peer, and the share that the encoder's arithmetic reaches of the
machine's product peak: the best figure of peak.c, which is measured in every round of every length.
Needs bench/requirements.txt, cc and libdnnl-dev.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


class Peer:
    """PyTorch or ONNX Runtime: a process that waits for orders."""

    def __init__(self, kind, threads, *more):
        environment = dict(os.environ, OMP_NUM_THREADS=str(threads), MKL_NUM_THREADS=str(threads), CUDA_VISIBLE_DEVICES="")
        command = [sys.executable, str(HERE / "peer.py"), kind, str(threads), *more]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.answer()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit("peers.py: a peer ended early; its message is above")
        return json.loads(line)

    def run(self, seconds, repeats):
        self.process.stdin.write(f"{seconds} {repeats}\n")
        self.process.stdin.flush()
        times = self.answer()
        return statistics.median(times), min(times)

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Ours:
    """`ctrlspeak bench`: a process per turn, which warms up by itself and reports medians."""

    def __init__(self, program, model, threads):
        self.command = [program, "bench", "--json", "--model", model, "--threads", str(threads), "--precision", "f32"]
        self.last = {}

    def run(self, seconds, repeats):
        command = self.command + ["--seconds", str(seconds), "--repeat", str(repeats)]
        self.last = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
        return self.last["encoder_ms"], self.last["encoder_ms_min"]

    def close(self):
        pass


class Peak:
    """peak.c, built for this machine."""

    def __init__(self, folder, threads):
        self.program, self.threads = str(Path(folder) / "peak"), threads
        self.version = ""
        subprocess.run(["cc", "-O3", "-march=native", "-fopenmp", "-o", self.program, str(HERE / "peak.c"), "-ldnnl"], check=True)

    def measure(self, frames):
        answer = json.loads(subprocess.run([self.program, str(self.threads), str(frames), "1"], check=True,
                                           stdout=subprocess.PIPE, text=True).stdout)
        self.version = answer["onednn"]
        return answer["registers"], answer["product"]


def cpu_name():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def measure(length, competitors, peak, frames, arguments):
    """{name: ([median ms of each round], [best ms of each round])}, [(registers, product) GFLOP/s of each round]"""
    results = {name: ([], []) for name in competitors}
    limits = []
    names = list(competitors)
    for turn in range(arguments.rounds):
        limits.append(peak.measure(frames))
        for name in names[turn % len(names):] + names[:turn % len(names)]:
            middle, best = competitors[name].run(length, arguments.repeats)
            results[name][0].append(middle)
            results[name][1].append(best)
    return results, limits


def show(length, results, limits, product, work):
    here = max(rate for _, rate in limits)
    print(f"\n{length} s of audio, {work:.1f} GFLOP; one product of this length reaches {here:.0f} GFLOP/s")
    print(f"{'':14}{'median ms':>11}{'rounds':>17}{'best ms':>10}{'x real time':>13}{'of peak':>9}{'best, of peak':>15}{'vs better peer':>16}")
    peers = [statistics.median(middle) for name, (middle, _) in results.items() if name != "ctrlspeak"]
    for name, (middle, best) in results.items():
        ms = statistics.median(middle)
        share, best_share = (1e3 * work / t / product for t in (ms, min(best)))
        ratio = f"{min(peers) / ms:.2f}x" if name == "ctrlspeak" else ""
        print(f"{name:14}{ms:11.1f}{min(middle):9.1f}..{max(middle):<6.1f}{min(best):10.1f}{length * 1e3 / ms:13.2f}"
              f"{share:9.1%}{best_share:15.1%}{ratio:>16}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model")
    parser.add_argument("--program", default="build/ctrlspeak")
    parser.add_argument("--onnx", help="encoder.onnx, made when it is not there (default: in the temporary folder)")
    parser.add_argument("--nemo-onnx", help="NeMo's own export of the encoder (tools/golden/export_onnx.py), one more peer")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=int, nargs="+", default=[2, 5, 11, 33])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()

    import encoder_torch  # after the arguments: --help needs no torch
    import onnxruntime
    import torch

    onnx = Path(arguments.onnx or Path(tempfile.gettempdir()) / "ctrlspeak-bench" / "encoder.onnx")
    if not onnx.exists():
        onnx.parent.mkdir(parents=True, exist_ok=True)
        with torch.inference_mode():
            encoder_torch.export(str(onnx))

    with tempfile.TemporaryDirectory() as scratch:
        peak = Peak(scratch, arguments.threads)
        peak.measure(16)
        print(f"{cpu_name()}, {arguments.threads} threads of {os.cpu_count()} CPUs, load {os.getloadavg()[0]:.1f} at the start")
        print(f"PyTorch {torch.__version__}, ONNX Runtime {onnxruntime.__version__}, oneDNN {peak.version} as the yardstick; "
              f"{arguments.rounds} rounds of {arguments.repeats} passes")
        competitors = {"PyTorch": Peer("torch", arguments.threads), "ONNX Runtime": Peer("ort", arguments.threads, str(onnx))}
        if arguments.nemo_onnx:
            competitors["ORT, NeMo's"] = Peer("ort-nemo", arguments.threads, arguments.nemo_onnx)
        if arguments.model:
            competitors = {"ctrlspeak": Ours(arguments.program, arguments.model, arguments.threads), **competitors}
        measured = [(length, *measure(length, competitors, peak, encoder_torch.encoder_frames(length), arguments))
                    for length in arguments.seconds]
        registers, product = (max(limit[i] for _, _, limits in measured for limit in limits) for i in (0, 1))
        print(f"peak: {product:.0f} GFLOP/s in the best product, {registers:.0f} on registers alone")
        for length, results, limits in measured:
            show(length, results, limits, product, encoder_torch.gflop(length))
        for competitor in competitors.values():
            competitor.close()
        if arguments.model:
            print("\nctrlspeak bench, last run: " + json.dumps(competitors["ctrlspeak"].last))
        print(f"load {os.getloadavg()[0]:.1f} at the end")


if __name__ == "__main__":
    main()
