#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Canary's decoder beside NeMo's own in PyTorch and ONNX Runtime, and beside what the memory gives.

    python bench/canary.py --model BIG.nemo --clip CLIP.wav [--threads 1 2] >run.md

BIG.nemo and CLIP.wav are tools/golden/big_canary.py's (or a released model and a recording): an 11 s clip that gives 40 tokens. The Python
needs NeMo, for --ort ONNX Runtime, and `build/ctrlspeak` and `build/bench/steps` (ninja -C build bench/steps) must be there.

For each number of threads everybody takes turns, in an order that rotates; NeMo's processes open once and wait, ours open for each turn. A
decoder's time is from the encoder's states to the tokens, the search with it: NeMo's model.decoding as the archive sets it, our
decode_ms (keys and values of the states included, as in NeMo's). Whole: transcribe() of the file, features to text. All must give as many
tokens by as many evaluations, or it is said. Progress goes to the standard error, Markdown to the standard output, figures to --json.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import competitors
import machine
from peers import tell

HERE = Path(__file__).resolve().parent
PRECISIONS = ("f32", "bf16", "int8")
NEMO = (("NeMo, PyTorch f32", "torch"), ("NeMo, PyTorch bf16", "torch-bf16"))
ORT = (("NeMo's decoder, ONNX Runtime f32", "ort"), ("NeMo's decoder, ONNX Runtime int8", "ort-int8"))


class NeMo(competitors.Peer):
    def __init__(self, name, kind, threads, arguments):
        super().__init__(name, kind, kind, None, threads, None)
        onnx = [str(Path(arguments.model).with_suffix(".decoder.onnx"))] if kind.startswith("ort") else []
        self.command = [sys.executable, str(HERE / "canary_nemo.py"), kind, str(threads), arguments.model, arguments.clip, *onnx]

    def run(self, repeats):
        return self.order(f"run {repeats}")


class Ours:
    def __init__(self, precision, threads, arguments):
        self.name = "ctrlspeak " + precision
        self.bench = [arguments.program, "bench", "--json", "--model", arguments.model, "--threads", str(threads), "--precision", precision]
        self.steps = [arguments.steps, arguments.model, precision, str(threads)]
        self.clip = arguments.clip

    @staticmethod
    def ask(command):
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return json.loads(done.stdout) if done.returncode == 0 else {"error": (done.stderr.strip().splitlines() or ["failed"])[0]}

    def run(self, repeats):
        said = self.ask([*self.bench, "--repeat", str(repeats), self.clip])
        if "error" in said:
            return said
        step = self.ask([*self.steps, str(4 * repeats)])
        times = {f"{ours}_ms": [said[f"{key}_ms_min"], said[f"{key}_ms"]] for ours, key in (("decoder", "decode"), ("whole", "total"))}
        return {**times, "steps": said["decode_steps"], "rss_bytes": said["peak_rss_bytes"], "step": step}

    def close(self):
        pass


def measure(threads, arguments):
    """{name: what it answered, a list over rounds}"""
    crowd = [NeMo(name, kind, threads, arguments) for name, kind in NEMO + (ORT if arguments.ort else ())]
    crowd += [Ours(precision, threads, arguments) for precision in PRECISIONS]
    said = {who.name: [] for who in crowd}
    for number in range(arguments.rounds):
        at = number % len(crowd)
        for who in crowd[at:] + crowd[:at]:
            answer = who.run(arguments.repeats)
            tell(f"{threads} threads, round {number + 1}, {who.name}: {answer.get('error') or '%.1f ms' % min(answer['decoder_ms'])}")
            said[who.name].append(answer)
    for who in crowd:
        who.close()
    return said


def middle(rounds, key):
    """Median over rounds of their medians, and the best pass; None: not measured."""
    all_of = [r[key] for r in rounds if r.get(key)]
    return (statistics.median(statistics.median(times) for times in all_of), min(min(times) for times in all_of)) if all_of else None


def cell(pair):
    return f"{pair[0]:.1f} ({pair[1]:.1f})" if pair else "-"


def decoders(said):
    lines = ["| | decoder, ms | PyTorch f32 / it | whole, ms | PyTorch f32 / it | evaluations | GiB at most |", "|---|---|---|---|---|---|---|"]
    base = said[NEMO[0][0]]
    for name, rounds in said.items():
        errors = [r["error"] for r in rounds if "error" in r]
        if errors:
            lines.append(f"| {name} | {errors[0]} | | | | | |")
            continue
        row = [name]
        for key in ("decoder_ms", "whole_ms"):
            mine, torch = middle(rounds, key), middle(base, key)
            row += [cell(mine), f"{torch[0] / mine[0]:.1f}" if mine and torch else "-"]
        lines.append("| " + " | ".join([*row, str(rounds[0]["steps"]), f"{max(r['rss_bytes'] for r in rounds) / 2**30:.1f}"]) + " |")
    return lines


def floors(said):
    lines = ["| one step | ms, best (median) | MiB read | memory, GB/s | floor, ms | of floor, by bests (by medians) |", "|---|---|---|---|---|---|"]
    for name, rounds in said.items():
        steps = [r["step"] for r in rounds if "step_ms" in r.get("step", {})]
        if not steps:
            continue
        best, memory = min(s["step_ms"] for s in steps), max(s["memory"] for s in steps)
        usual, usual_memory = (statistics.median(s[key] for s in steps) for key in ("step_ms_median", "memory_median"))
        gb = steps[0]["mib"] * 2**20 / 1e9
        lines.append(f"| {name} | {best:.2f} ({usual:.2f}) | {steps[0]['mib']:.0f} | {memory:.1f} | {1e3 * gb / memory:.2f} "
                     f"| {best * memory / gb / 1e3:.2f} ({usual * usual_memory / gb / 1e3:.2f}) |")
    return lines


def markdown(run):
    m, w = run["machine"], run["watch"]
    lines = [f"{m['cpu']}, {m['family']}, {' '.join(m['flags'])}; {m['cpus']} CPUs, {m['memory_bytes'] / 2**30:.0f} GiB; other work took "
             f"{100 * w['others_share']:.0f} % of the processors. Medians over {run['rounds']} rounds, best pass in brackets.", ""]
    for threads, said in run["threads"].items():
        lines += [f"{threads} threads:", "", *decoders(said), "", *floors(said), ""]
        ids = [r["ids"] for rounds in said.values() for r in rounds if "ids" in r]
        counts = {r["steps"] for rounds in said.values() for r in rounds if "steps" in r}
        same = "all the same" if all(i == ids[0] for i in ids) else "NOT all the same"
        lines += [f"NeMo's answers: {same}, {len(ids[0])} tokens. Evaluations of the head: " + ", ".join(map(str, sorted(counts))), ""] if ids else []
    return "\n".join(lines)


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    build = HERE.parent / "build"
    parser.add_argument("--model", required=True)
    parser.add_argument("--clip", required=True)
    parser.add_argument("--program", default=str(build / "ctrlspeak"))
    parser.add_argument("--steps", default=str(build / "bench" / "steps"))
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3, help="passes a turn, after one that is not counted")
    parser.add_argument("--ort", action="store_true", help="ONNX Runtime too; the exported decoder is kept beside the model")
    parser.add_argument("--json", help="write every figure here")
    return parser.parse_args()


def main():
    arguments = parse()
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    watch = machine.Watch()
    run = {"machine": machine.describe(), "rounds": arguments.rounds, "threads": {t: measure(t, arguments) for t in arguments.threads}}
    run["watch"] = watch.end()
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(run, indent=1) + "\n")
    print(markdown(run))


if __name__ == "__main__":
    main()
