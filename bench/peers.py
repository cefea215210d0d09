#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The proof: every precision of ours beside PyTorch, ONNX Runtime and OpenVINO, and beside what the machine can do.

    python bench/peers.py --model BIG.nemo [--json run.json] >run.md

BIG.nemo has the 0.6B shape, real or random (docs/HACKING.md says how to make one); the peers run bench/encoder_torch.py, the
same network. Each precision is a group whose members take turns: in every round each has its turn, in an order that
rotates, so that whatever else the machine does falls on all alike; the yardsticks (oneDNN's products, memory) are
measured at the start of every round. Peers open once and wait without computing; they need 15 GB for f32. From
--alone-from seconds on, where full attention wants gigabytes, each is opened for its turn alone; what fails is said in the
table. Progress goes to the standard error, Markdown to the standard output, all figures to --json.

Needs bench/requirements.txt, cc and libdnnl-dev; the ONNX files (7 GB) are made once, in --onnx.
"""
import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import competitors
import machine
import peer_tables
import shape

PATHS = {"avx2": "AVX2_VNNI", "sse2": "SSE41"}  # ours, and the nearest limit that oneDNN knows
SETTLE = 0.1  # seconds between turns, in which threads that spin fall asleep


def tell(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def features(arguments, scratch):
    """MEL.npy: our features of the clip; without a model noise of the same spread."""
    path = Path(scratch) / "mel.npy"
    if arguments.model:
        subprocess.run([arguments.program, "transcribe", "-m", arguments.model, "--dump", scratch, arguments.clip], check=True,
                       stdout=subprocess.DEVNULL)
    else:
        import numpy
        numpy.save(path, numpy.random.default_rng(1).standard_normal((128, 1101), dtype=numpy.float32))
    return path


def turn(who, seconds, repeats, alone, results):
    result = results.setdefault(who.name, {"rounds": [], "best": None, "error": None})
    if result["error"]:
        return
    said = who.run(seconds, repeats)
    if alone or "error" in said:
        who.close()
    if "error" in said:
        result["error"] = said["error"]
        tell(f"{who.name}, {seconds} s: {said['error']}")
        return
    result["rounds"].append(statistics.median(said["ms"]))
    result["best"] = min(said["ms"] + [result["best"] or said["ms"][0]])
    time.sleep(SETTLE)


def measure(crowd, seconds, arguments, before_round):
    """{name: {"rounds": [median ms of each], "best": ms, "error": why not}} of one length."""
    alone = seconds >= arguments.alone_from
    rounds, repeats = (arguments.long_rounds, 1) if alone else (arguments.rounds, arguments.repeats)
    results = {}
    for number in range(rounds):
        before_round()
        at = number % max(len(crowd), 1)
        for who in crowd[at:] + crowd[:at]:
            turn(who, seconds, repeats, alone, results)
    return results


def similarity(crowd, seconds, scratch, reference):
    """{name: cosine of its output with PyTorch's in f32}: a fast peer must also compute the same thing."""
    import numpy

    cosines = {}
    for who in crowd:
        if hasattr(who, "save") and not who.foreign:
            path = Path(scratch) / "encoder.npy"
            if "error" not in who.save(seconds, path):
                a, b = (x.astype(numpy.float64).ravel() for x in (numpy.load(path), reference))
                cosines[who.name] = float(a @ b / numpy.sqrt((a @ a) * (b @ b)))
    return cosines


def reference_output(arguments, scratch, mel):
    import numpy

    torch = competitors.Peer("PyTorch f32", "f32", "torch", None, arguments.threads, mel)
    path = Path(scratch) / "reference.npy"
    said = torch.save(11, path)
    torch.close()
    if "error" in said:
        sys.exit(f"peers.py: PyTorch: {said['error']}")
    return numpy.load(path)


def measure_group(group, crowd, arguments, yardsticks, out):
    """All lengths of a group; those who wait stay open until the long ones come."""
    for seconds in sorted(arguments.seconds):
        if seconds >= arguments.alone_from:
            for who in crowd:
                who.close()
        tell(f"{group}, {seconds} s: {', '.join(w.name for w in crowd)}")
        frames = shape.encoder_frames(seconds)
        out[str(seconds)] = measure(crowd, seconds, arguments, lambda: yardsticks.measure(frames))
    for who in crowd:
        who.close()


def measure_paths(arguments, ours, yardsticks):
    """Our lower paths at 11 s, in turns with the best one, and oneDNN with the same limit."""
    precisions = [o.precision for o in ours]
    crowd = ours + [competitors.Ours(arguments.program, arguments.model, arguments.threads, precision, path)
                    for path in PATHS for precision in precisions]
    crowd = [who for who in crowd if not who.available]
    frames, peaks = shape.encoder_frames(11), {path: {} for path in PATHS}

    def limits():
        yardsticks.measure(frames)
        for path, isa in PATHS.items():
            for precision, rate in yardsticks.products(frames, isa).items():
                peaks[path][precision] = max(rate, peaks[path].get(precision, 0))

    tell("lower paths, 11 s")
    return {"results": measure(crowd, 11, arguments, limits), "products": peaks}


def versions(yardsticks):
    found = {"Python": sys.version.split()[0], "oneDNN (yardstick)": yardsticks.onednn}
    for name in ("torch", "onnxruntime", "openvino", "numpy"):
        try:
            found[name] = __import__(name).__version__.split("-")[0]
        except ImportError:
            found[name] = None
    return found


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = Path(__file__).resolve().parent
    parser.add_argument("--model", help="without one only the peers run")
    parser.add_argument("--program", default=str(here.parent / "build" / "ctrlspeak"))
    parser.add_argument("--clip", default=str(here.parent / "samples" / "recording.wav"), help="speech: the peers' features are made of it")
    parser.add_argument("--onnx", default=str(Path(tempfile.gettempdir()) / "ctrlspeak-bench"), help="folder of the ONNX files")
    parser.add_argument("--nemo-onnx", help="NeMo's own export of the encoder (tools/golden/export_onnx.py): two more peers in f32")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--groups", nargs="+", default=["f32", "bf16", "int8"], choices=["f32", "bf16", "int8"])
    parser.add_argument("--seconds", type=int, nargs="+", default=[2, 5, 11, 33, 300])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3, help="passes a turn, after one that is not counted")
    parser.add_argument("--alone-from", type=int, default=100, help="from this length on a peer is opened for its turn alone")
    parser.add_argument("--long-rounds", type=int, default=1, help="rounds of these lengths, of one pass")
    parser.add_argument("--no-paths", action="store_true", help="leave out our lower paths")
    parser.add_argument("--json", help="write every figure here")
    return parser.parse_args()


def main():
    arguments = parse()
    watch = machine.Watch()
    with tempfile.TemporaryDirectory() as scratch:
        yardsticks = machine.Yardsticks(scratch, arguments.threads)
        mel = features(arguments, scratch)
        ours = [competitors.Ours(arguments.program, arguments.model, arguments.threads, precision) for precision in arguments.groups] \
            if arguments.model else []
        peers = competitors.peers(arguments.groups, arguments.onnx, arguments.nemo_onnx, arguments.threads, mel)
        competitors.make_models(peers, arguments.onnx, mel, tell)
        reference = reference_output(arguments, scratch, mel)
        run = {"machine": machine.describe(), "threads": arguments.threads, "rounds": arguments.rounds, "repeats": arguments.repeats,
               "long_rounds": arguments.long_rounds, "alone_from": arguments.alone_from, "groups": {}, "cosines": {},
               "absent": {o.name: o.available for o in ours if o.available}}
        ours = [o for o in ours if not o.available]
        for group in arguments.groups:
            crowd = [who for who in ours + peers if who.group == group]
            tell(f"{group}: opening")
            run["cosines"].update(similarity(crowd, 11, scratch, reference))
            measure_group(group, crowd, arguments, yardsticks, run["groups"].setdefault(group, {}))
        run["ours"] = {o.name: {str(s): list(runs) for s, runs in o.runs.items()} for o in ours}
        if ours and not arguments.no_paths:
            run["paths"] = measure_paths(arguments, ours, yardsticks)
        run["yardsticks"] = yardsticks.seen
        run["memory"] = {who.name: who.rss for who in ours + peers}
        run["idle_ms"] = {who.name: who.idle_ms for who in peers}
        run["versions"] = versions(yardsticks)
        run["watch"] = watch.end()
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(run, indent=1) + "\n")
    print(peer_tables.markdown(run))


if __name__ == "__main__":
    main()
