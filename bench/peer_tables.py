#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What bench/peers.py measured, as Markdown for docs/SPEED.md: peer_tables.py RUN.json prints it again.

Times are medians over the rounds' medians, the best pass in brackets. "Of product" is the encoder's arithmetic per
time over the best rate that oneDNN reached in that precision in the same run, at any length.
"""
import json
import statistics
import sys

import shape

WEIGHT_BYTES = {"f32": 4, "bf16": 2, "int8": 1}
BUSY = 0.03  # share of the processors that others may have before it is said loudly


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]) + "\n"


def ms_of(result):
    return statistics.median(result["rounds"]) if result and result["rounds"] else None


def best_rate(run, what):
    return max((y[what] for y in run["yardsticks"] if y.get(what)), default=None)


def is_ours(name):
    return name.startswith("ctrlspeak")


def number(value, digits=0):
    return "-" if value is None else f"{value:.{digits}f}"


def pair(median, best, digits):
    """Median and best in brackets."""
    return "-" if median is None else f"{median:.{digits}f} ({best:.{digits}f})"


def share(value, digits=0):
    return f"{100 * value:.{digits}f} %"


def lengths(run):
    return sorted({int(s) for group in run["groups"].values() for s in group})


def head(run):
    m, w = run["machine"], run["watch"]
    rates = {what: best_rate(run, what) for what in ("f32", "bf16", "int8", "memory")}
    lines = [f"{m['cpu']} ({m['family']}; {' '.join(m['flags'])}), {run['threads']} threads of {m['cpus']} CPUs, {m['memory_bytes'] / 2**30:.0f} GiB, {m['system']}.",
             ", ".join(f"{name} {version or 'absent'}" for name, version in run["versions"].items()) + ".",
             f"{run['rounds']} rounds of {run['repeats']} passes in turns; from {run['alone_from']} s on {run['long_rounds']} of one, each opened for its turn alone."
             f" {w['seconds'] / 60:.0f} minutes.",
             f"Load {w['load_before'][0]:.1f} before, {w['load_after'][0]:.1f} after, ours included; other programs had {share(w['others_share'], 1)} of the processors, the hypervisor kept {share(w['stolen_share'], 1)}."]
    if w["others_share"] + w["stolen_share"] > BUSY:
        lines.append("**The machine was not idle: ratios within the run count, times do not.**")
    lines.append("Measured in the same run: oneDNN's best product "
                 + ", ".join(f"{p} {number(rates[p])}" for p in WEIGHT_BYTES) + f" x 10^9 operations a second; memory read {number(rates['memory'], 1)} GB/s.")
    lines += [f"{name}: not measured: {why}." for name, why in run["absent"].items()]
    return "\n".join(lines) + "\n"


def real_time(run):
    """Who is how often as fast as speech, encoder alone."""
    rows, names = [], []
    for group in run["groups"].values():
        for results in group.values():
            names += [name for name in results if name not in names]
    for name in names:
        row = [f"**{name}**" if is_ours(name) else name]
        for seconds in lengths(run):
            result = next((g[str(seconds)][name] for g in run["groups"].values() if name in g.get(str(seconds), {})), None)
            ms = ms_of(result)
            row.append(pair(1e3 * seconds / ms, 1e3 * seconds / result["best"], 1) if ms else result["error"] if result else "-")
        memory, cosine = run["memory"].get(name), run["cosines"].get(name)
        rows.append(row + [f"{memory / 2**30:.1f}" if memory else "-", number(cosine, 5)])
    return table(["encoder, x real time"] + [f"{s} s" for s in lengths(run)] + ["GiB at most", "cosine with PyTorch f32"], rows)


def better_peer(results):
    """Name and result of the fastest peer by its median."""
    others = {name: r for name, r in results.items() if not is_ours(name) and r["rounds"]}
    return min(others.items(), key=lambda item: ms_of(item[1]), default=(None, None))


def floor_ms(run, group, seconds):
    """The larger of arithmetic at the measured rate and weights at the memory's: no pass is shorter."""
    product, memory = best_rate(run, group), best_rate(run, "memory")
    if not product or not memory:
        return None
    return max(1e3 * shape.gflop(seconds) / product, 1e-6 * WEIGHT_BYTES[group] * shape.weights() / memory)


def ours(run):
    rows = []
    for group, by_length in run["groups"].items():
        product = best_rate(run, group)
        for seconds, results in by_length.items():
            mine = next((r for name, r in results.items() if is_ours(name)), None)
            ms = ms_of(mine)
            if not ms:
                continue
            name, peer = better_peer(results)
            ratio = pair(ms_of(peer) / ms, peer["best"] / mine["best"], 2) if name else "-"
            work, floor = shape.gflop(int(seconds)), floor_ms(run, group, int(seconds))
            of = f"{share(1e3 * work / ms / product)} ({share(1e3 * work / mine['best'] / product)})" if product else "-"
            rows.append([group, f"{seconds} s", pair(ms, mine["best"], 0), f"{min(mine['rounds']):.0f} to {max(mine['rounds']):.0f}", name or "-",
                         pair(ms_of(peer), peer["best"], 0) if name else "-", ratio, of, number(floor), pair(ms / floor, mine["best"] / floor, 2) if floor else "-"])
    return table(["ours", "audio", "ms", "rounds", "best peer", "its ms", "peer / ours", "of product", "floor, ms", "of floor"], rows)


def median_of(runs, key):
    return statistics.median(r[key] for r in runs)


def whole(run):
    """Sound to text: what the encoder's share leaves."""
    rows = []
    for name, by_length in run["ours"].items():
        for seconds, runs in by_length.items():
            total, encoder = median_of(runs, "total_ms"), median_of(runs, "encoder_ms")
            rows.append([name, f"{seconds} s", number(total), number(1e3 * int(seconds) / total, 1), number(median_of(runs, "mel_ms"), 1), number(encoder, 1),
                         number(median_of(runs, "decode_ms"), 1), share(encoder / total, 1), number(median_of(runs, "load_ms"))])
    return table(["sound to text", "audio", "ms", "x real time", "mel", "encoder", "decode", "encoder's share", "opening, ms"], rows)


def profile(run):
    out = []
    for name, by_length in run["ours"].items():
        stages = list(next(iter(by_length.values()))[0]["stages"]) if by_length else []
        rows, totals = [], {s: sum(statistics.median(r["stages"][stage] for r in runs) for stage in stages) for s, runs in by_length.items()}
        for stage in stages:
            cells = []
            for seconds, runs in by_length.items():
                ms = statistics.median(r["stages"].get(stage, 0) for r in runs)
                cells.append(f"{ms:.1f} ({share(ms / totals[seconds], 1)})")
            rows.append([stage] + cells)
        if rows:
            out.append(table([f"{name}: ms (share)"] + [f"{s} s" for s in by_length], rows))
    return "\n".join(out)


def paths(run):
    """Our lower paths at 11 s, beside the best one and beside oneDNN held to the same instructions."""
    work, rows, by_path = shape.gflop(11), [], {}
    for name, result in run["paths"]["results"].items():
        precision, _, path = name.removeprefix("ctrlspeak ").partition(", ")
        by_path.setdefault(path, {})[precision] = result
    for path, results in by_path.items():
        products = run["paths"]["products"].get(path, {p: best_rate(run, p) for p in WEIGHT_BYTES})
        reference = ms_of(results.get("f32"))
        for precision, result in results.items():
            ms, product = ms_of(result), products.get(precision)
            rows.append([path or "the best", precision, pair(ms, result["best"], 0) if ms else result["error"],
                         number(11e3 / ms, 1) if ms else "-",
                         f"{reference / ms:.2f}" if ms and reference else "-", number(product),
                         f"{share(1e3 * work / ms / product)} ({share(1e3 * work / result['best'] / product)})" if ms and product else "-"])
    return table(["path, 11 s", "precision", "ms", "x real time", "x its f32", "oneDNN with that limit", "of it"], rows)


def spread(run):
    rows = []
    for group in run["groups"].values():
        for seconds, results in group.items():
            for name, r in results.items():
                rows.append([name, f"{seconds} s", pair(ms_of(r), r["best"], 1), ", ".join(f"{ms:.1f}" for ms in r["rounds"])] if r["rounds"]
                            else [name, f"{seconds} s", r["error"], "-"])
    return table(["who", "audio", "ms", "medians of the rounds"], rows)


def markdown(run):
    parts = [head(run), real_time(run)]
    if run["ours"]:
        parts += [ours(run), whole(run), profile(run)]
    if "paths" in run:
        parts.append(paths(run))
    parts.append(spread(run))
    idle = sum(run["idle_ms"].values())
    parts.append(f"While they waited the peers used {idle:.0f} ms of processor time in all.\n")
    return "\n".join(part for part in parts if part)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(markdown(json.load(file)))
