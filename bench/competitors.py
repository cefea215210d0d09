# SPDX-License-Identifier: MIT
"""Who takes turns in bench/peers.py: processes of peer.py that open once and wait, and our own program, a process a turn.

Every competitor has name, group (what it is compared within: its precision), available (None, or why not), open(), run(),
close(). run() gives {"ms": [...]} of the passes or {"error": why}.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

import peer_models

HERE = Path(__file__).resolve().parent

# name, group, kind of peer.py, file of peer_models.py
PEERS = (("PyTorch f32", "f32", "torch", None), ("ONNX Runtime f32", "f32", "ort", "f32"), ("OpenVINO f32", "f32", "openvino", "f32"),
         ("PyTorch bf16", "bf16", "torch-bf16", None), ("OpenVINO bf16", "bf16", "openvino-bf16", "f32"),
         ("ONNX Runtime int8, dynamic", "int8", "ort", "dynamic"),
         ("ONNX Runtime int8, as published", "int8", "ort", "published"),
         ("ONNX Runtime int8, static", "int8", "ort", "static"),
         ("OpenVINO int8, static, rest f32", "int8", "openvino", "static"),
         ("OpenVINO int8, static, rest bf16", "int8", "openvino-bf16", "static"))


class Peer:
    def __init__(self, name, group, kind, onnx, threads, mel):
        self.name, self.group, self.onnx, self.available = name, group, onnx, None
        self.command = [sys.executable, str(HERE / "peer.py"), kind, str(threads), str(mel)] + ([str(onnx)] if onnx else [])
        self.environment = os.environ | {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads), "CUDA_VISIBLE_DEVICES": ""}
        self.process, self.foreign = None, "NeMo's" in name  # foreign: not the weights of encoder_torch.py
        self.rss, self.idle_ms = 0, 0

    def open(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self.environment)
        return self.answer()

    def answer(self):
        for line in iter(self.process.stdout.readline, ""):
            if line.startswith("{"):  # else a library's word
                said = json.loads(line)
                self.rss = max(self.rss, said.get("rss_bytes", 0))
                self.idle_ms += said.get("idle_cpu_ms", 0)
                return said
        self.close()
        return {"error": "the process was killed, as for want of memory"}

    def order(self, text):
        if not self.process:
            said = self.open()
            if "error" in said:
                return said
        try:
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # the answer says it
        return self.answer()

    def run(self, seconds, repeats):
        return self.order(f"run {seconds} {repeats}")

    def save(self, seconds, path):
        return self.order(f"save {seconds} {path}")

    def close(self):
        if self.process:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait()
        self.process = None


class Ours:
    """`ctrlspeak bench`: opens, warms up and measures in a process of its own, every turn."""

    def __init__(self, program, model, threads, precision, path=None):
        self.name, self.group = "ctrlspeak " + precision + (f", {path}" if path else ""), precision
        self.precision, self.path, self.runs, self.rss, self.idle_ms = precision, path, {}, 0, 0
        self.command = [program, "bench", "--json", "--profile", "--model", model, "--threads", str(threads), "--precision", precision]
        self.command += ["--cpu", path] if path else []
        self.available = self.bench(1, 1, 0).get("error")

    def bench(self, seconds, repeats, warm):
        done = subprocess.run([*self.command, "--seconds", str(seconds), "--repeat", str(repeats), "--warm", str(warm)],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            return {"error": (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[0]}
        said = json.loads(done.stdout)
        self.rss = max(self.rss, said["peak_rss_bytes"])
        if said["precision"] != self.precision or self.path not in (None, said["cpu_path"]):
            return {"error": f"ran as {said['precision']} on {said['cpu_path']}"}
        return said

    def open(self):
        return {}

    def run(self, seconds, repeats):
        said = self.bench(seconds, repeats, 1)
        if "error" in said:
            return said
        self.runs.setdefault(seconds, []).append(said)
        return {"ms": [said["encoder_ms"]] if repeats == 1 else [said["encoder_ms_min"], said["encoder_ms"], said["encoder_ms_max"]]}

    def close(self):
        pass


def peers(groups, onnx_folder, nemo_onnx, threads, mel):
    listed = [(name, group, kind, onnx and peer_models.path_of(onnx_folder, onnx)) for name, group, kind, onnx in PEERS]
    if nemo_onnx:
        listed += [(f"{name}, NeMo's export", "f32", kind, nemo_onnx) for name, kind in (("ONNX Runtime f32", "ort"), ("OpenVINO f32", "openvino"))]
    return [Peer(name, group, kind, onnx, threads, mel) for name, group, kind, onnx in listed if group in groups]


def make_models(wanted, folder, mel, say):
    """The ONNX files that these peers need and that are not there yet."""
    for name in peer_models.NAMES:
        path = peer_models.path_of(folder, name)
        needed = any(p.onnx == path for p in wanted) or (name == "f32" and any(p.onnx and p.onnx.parent.parent == path.parent.parent for p in wanted))
        if needed and not path.exists():
            say(f"making {path}")
            subprocess.run([sys.executable, str(HERE / "peer_models.py"), str(folder), name, str(mel)], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
