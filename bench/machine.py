# SPDX-License-Identifier: MIT
"""The machine under bench/peers.py: what it is, what else runs on it, and how fast it multiplies and reads."""
import json
import os
import platform
import resource
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PRECISIONS = {"f32": "product", "bf16": "product_bf16", "int8": "product_int8"}  # the keys of peak.c
TOLD_FLAGS = ("avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512bw", "avx512_vnni", "avx512_bf16", "avx512_fp16", "amx_bf16", "amx_int8",
              "asimddp", "bf16", "i8mm")


def cpu_field(name):
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.split(":")[0].strip() in name:
            return line.split(":", 1)[1].strip()
    return platform.machine()


def describe():
    flags = cpu_field(("flags", "Features")).split()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    family = "family %s, model %s, stepping %s" % tuple(cpu_field((key,)) for key in ("cpu family", "model", "stepping"))
    return {"cpu": cpu_field(("model name",)), "family": family, "flags": [f for f in TOLD_FLAGS if f in flags],
            "cpus": os.cpu_count(), "cpus_allowed": len(os.sched_getaffinity(0)), "memory_bytes": memory,
            "system": f"{platform.system()} {platform.release()}"}


class Watch:
    """What other work took of the processors while we measured, from the kernel's counters."""

    def __init__(self):
        self.load = os.getloadavg()
        self.started, self.busy, self.stolen = time.monotonic(), *self.counters()
        self.own = self.own_seconds()

    @staticmethod
    def counters():
        user, nice, system, idle, waiting, irq, soft, steal = (int(n) for n in Path("/proc/stat").read_text().split()[1:9])
        tick = os.sysconf("SC_CLK_TCK")
        return (user + nice + system + irq + soft) / tick, steal / tick

    @staticmethod
    def own_seconds():
        both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(u.ru_utime + u.ru_stime for u in both)

    def end(self):
        """When all our processes have ended."""
        busy, stolen = self.counters()
        seconds = time.monotonic() - self.started
        whole = seconds * os.cpu_count()
        others = (busy - self.busy - (self.own_seconds() - self.own)) / whole
        return {"seconds": seconds, "load_before": self.load, "load_after": os.getloadavg(), "others_share": max(others, 0),
                "stolen_share": (stolen - self.stolen) / whole}


class Yardsticks:
    """peak.c and memory.c, built for this machine in a folder."""

    def __init__(self, folder, threads):
        self.folder, self.threads, self.onednn, self.seen = Path(folder), threads, "", []
        for name, more in (("peak", ["-ldnnl"]), ("memory", [])):
            subprocess.run(["cc", "-O3", "-march=native", "-fopenmp", "-o", str(self.folder / name), str(HERE / (name + ".c")), *more],
                           check=True)

    def ask(self, name, *arguments, **environment):
        command = [str(self.folder / name), str(self.threads), *(str(a) for a in arguments)]
        return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                                         env=os.environ | environment).stdout)

    def products(self, frames, isa=None):
        """{precision: 10^9 operations a second} of oneDNN with no more than that instruction set, now."""
        answer = self.ask("peak", frames, 1, **({"DNNL_MAX_CPU_ISA": isa} if isa else {}))
        self.onednn = answer["onednn"]
        return {precision: answer[key] for precision, key in PRECISIONS.items() if answer.get(key)}

    def measure(self, frames):
        """The same and "memory", 10^9 bytes read a second; remembered."""
        self.seen.append({"frames": frames, "memory": self.ask("memory", 0.2, 512)["read"], **self.products(frames)})

    def best(self, what):
        """The best that was seen in this run; None: not measured."""
        return max((s[what] for s in self.seen if what in s), default=None)
