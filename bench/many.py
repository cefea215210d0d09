#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A folder of recordings by ctrlspeak.ray on a local Ray cluster, beside `ctrlspeak transcribe DIR`.

    CTRLSPEAK_LIBRARY=build/src/libctrlspeak.so PYTHONPATH=bindings/python \
        python bench/many.py --model MODEL.nemo --audio DIR [--precision int8] [--workers 1 2] [--repeats 3]

The Python needs ray[data]. With each number of workers the cluster's CPUs are shared out among them; the command has as many threads. They
take turns; a time is the best of the repeats and of a whole job: processes started, model opened, all texts there. The cluster
is started before, once; its time is said apart. The texts must be the command's. Memory is the most that was seen of all workers together:
`resident` counts what they share once each, `theirs` once (Rss and Pss of /proc/PID/smaps_rollup). Markdown goes to the standard output.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import machine

HERE = Path(__file__).resolve().parent


class Memory:
    """The most memory of all processes below one at once, looked at now and then."""

    def __init__(self, is_ours):
        self.resident = self.theirs = 0
        self.is_ours, self.over = is_ours, threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def watch(self):
        while not self.over.wait(0.1):
            seen = [self.of(folder) for folder in Path("/proc").iterdir() if folder.name.isdigit() and self.is_ours(folder)]
            self.resident = max(self.resident, sum(rss for rss, _ in seen))
            self.theirs = max(self.theirs, sum(pss for _, pss in seen))

    @staticmethod
    def of(folder):
        try:
            lines = [line.split() for line in (folder / "smaps_rollup").read_text().splitlines()]
        except OSError:  # it has ended
            return 0, 0
        found = {words[0]: int(words[1]) * 1024 for words in lines if len(words) == 3}
        return found.get("Rss:", 0), found.get("Pss:", 0)


def is_worker(folder):
    try:
        return (folder / "cmdline").read_bytes().startswith(b"ray::MapWorker")
    except OSError:
        return False


def with_ray(model, audio, workers, cpus, batch_size=16, **options):
    """Job seconds, texts by path, and memory."""
    import ctrlspeak.ray

    begun = time.monotonic()
    with Memory(is_worker) as memory:
        results = ctrlspeak.ray.transcribe_dataset(audio, model, concurrency=workers, num_cpus=max(cpus // workers, 1), batch_size=batch_size,
                                                   **options)
        rows = results.take_all()
    seconds = time.monotonic() - begun
    wrong = [row for row in rows if row["error"]]
    if wrong:
        raise SystemExit(f"{wrong[0]['path']}: {wrong[0]['error']}")
    return {"seconds": seconds, "texts": {row["path"]: row["text"] for row in rows}, "audio_seconds": sum(r["duration_seconds"] for r in rows),
            "resident": memory.resident, "theirs": memory.theirs}


def with_command(command, model, audio, threads, precision):
    begun = time.monotonic()
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as out:
        with subprocess.Popen([command, "transcribe", "-m", model, "--no-progress", "-t", str(threads), "--precision", precision, "-f", "jsonl",
                               "-o", out.name, audio]) as process, Memory(lambda folder: folder.name == str(process.pid)) as memory:
            process.wait()
        seconds = time.monotonic() - begun
        if process.returncode:
            raise SystemExit(f"{command}: exit status {process.returncode}")
        lines = [json.loads(line) for line in Path(out.name).read_text().splitlines()]
    return {"seconds": seconds, "texts": {line["file"]: line["text"] for line in lines}, "audio_seconds": sum(x["duration"] for x in lines),
            "resident": memory.resident, "theirs": memory.theirs}


def markdown(best):
    lines = ["| | seconds | times real time | memory, resident MB | theirs MB |", "|---|---|---|---|---|"]
    for name, run in best.items():
        lines.append(f"| {name} | {run['seconds']:.1f} | {run['audio_seconds'] / run['seconds']:.0f} | {run['resident'] / 1e6:.0f} "
                     f"| {run['theirs'] / 1e6:.0f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--audio", required=True)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--command", default=str(HERE.parent / "build" / "ctrlspeak"))
    parser.add_argument("--cpus", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=3)
    asked = parser.parse_args()
    model, audio = os.path.abspath(asked.model), os.path.abspath(asked.audio)

    begun = time.monotonic()
    import ray

    ray.init(address="local", num_cpus=asked.cpus, include_dashboard=False, log_to_driver=False, logging_level="error")
    ray.data.DataContext.get_current().enable_progress_bars = False
    started = time.monotonic() - begun

    turns = {"`ctrlspeak transcribe`": lambda: with_command(asked.command, model, audio, asked.cpus, asked.precision)}
    for n in asked.workers:
        turns[f"Ray, {n} worker{'s' * (n > 1)}"] = lambda n=n: with_ray(model, audio, n, asked.cpus, asked.batch_size, precision=asked.precision)
    watch, best = machine.Watch(), {}
    for _ in range(asked.repeats):
        for name, turn in turns.items():
            run = turn()
            print(f"{name}: {run['seconds']:.2f} s", file=sys.stderr)
            if name not in best or run["seconds"] < best[name]["seconds"]:
                best[name] = run
    ray.shutdown()
    took = watch.end()
    texts = [run["texts"] for run in best.values()]
    print(markdown(best))
    audio_seconds = next(iter(best.values()))["audio_seconds"]
    print(f"\n{len(texts[0])} recordings, {audio_seconds:.0f} s, {asked.precision}, {asked.cpus} threads; Ray's start {started:.1f} s; "
          f"best of {asked.repeats}; others took {100 * took['others_share']:.0f}% of the processors meanwhile.")
    if any(other != texts[0] for other in texts):
        raise SystemExit("the texts differ")


if __name__ == "__main__":
    main()
