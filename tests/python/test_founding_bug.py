# SPDX-License-Identifier: MIT
"""The founding bug where it was found: a program under a terminal interface, whose sys.stderr has no descriptor, transcribes in a
worker thread. tqdm's bar wants a lock of multiprocessing's there, which starts a helper process, which dies. Ours makes nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

# Watches what the process makes; report() is what came about since the last one.
WATCH = """
import os, sys, threading
from pathlib import Path
import ctrlspeak

assert "multiprocessing" not in sys.modules, "the package imports multiprocessing"
started = []
processes = ("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec")
sys.addaudithook(lambda event, args: started.append(event) if event in processes else None)

def children():
    return [child for task in Path("/proc/self/task").iterdir() for child in (task / "children").read_text().split()]

def descriptors():
    return sorted((int(d), os.readlink(f"/proc/self/fd/{d}")) for d in os.listdir("/proc/self/fd") if os.path.islink(f"/proc/self/fd/{d}"))

def in_thread(call):
    outcome = []
    def body():
        try:
            outcome.append(call())
        except BaseException as failure:
            outcome.append(failure)
    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return outcome[0]
"""

FOUNDING = (
    WATCH
    + """
class Screen:
    \"\"\"What a terminal interface puts in place of stderr.\"\"\"
    closed = False
    written = []
    def write(self, text): self.written.append(text)
    def flush(self): pass
    def isatty(self): return True
    def fileno(self): return -1

sys.stderr = Screen()
import multiprocessing
multiprocessing.set_start_method("spawn")
import tqdm

# The condition is real: tqdm's own bar, silent or not, cannot be made. (In one thread: tqdm 4.70 keeps a lock of its own when
# it fails there, and another thread would wait for ever.)
def bars():
    failures = []
    for silent in (False, True):
        try:
            failures.append(list(tqdm.tqdm(range(3), disable=silent)))
        except ValueError as failure:
            failures.append(str(failure))
    return failures
failures = in_thread(bars)
assert failures == ["bad value(s) in fds_to_keep"] * 2, failures
assert not children()
Screen.written.clear()

# From here on no lock of multiprocessing's is made, nor its helper.
import multiprocessing.synchronize as synchronize, multiprocessing.resource_tracker as tracker
def refused(*args, **kwargs):
    raise AssertionError("a lock of multiprocessing's")
synchronize.SemLock.__init__ = refused
tracker.ResourceTracker.ensure_running = refused
started.clear()

model = ctrlspeak.Model.open(MODEL, cache=False)
expected = in_thread(lambda: model.transcribe(LONG, verbose=False))
assert expected.words, repr(expected)
before, told = descriptors(), []
def tell(done, total):
    told.append(done)
for arguments in [{}, {"verbose": False}] + [{"progress": progress} for progress in (True, False, tqdm.tqdm, tell)]:
    for call in (in_thread, lambda call: call()):
        assert call(lambda: model.transcribe(LONG, **arguments)) == expected, arguments
        assert call(lambda: model.transcribe([LONG, SHORT], **arguments))[0] == expected, arguments
assert told
assert descriptors() == before
assert not started and not children(), (started, children())
assert not Screen.written, Screen.written
print("as it should be")
"""
)


def test_the_founding_bug(python: Any) -> None:
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    ran = python(FOUNDING, flags=())  # without -W error: what is shown is tqdm as programs run it
    assert ran.stdout == "as it should be\n" and ran.stderr == ""


def test_it_prints_and_makes_nothing(python: Any) -> None:
    """The same without tqdm, multiprocessing never imported, and Python complaining of everything."""
    ran = python(
        WATCH
        + """
model = ctrlspeak.Model.open(MODEL, cache=False)
expected = model.transcribe(LONG)
before = descriptors()
assert in_thread(lambda: model.transcribe([LONG, SHORT]))[0] == expected
assert model.transcribe(LONG) == expected
assert descriptors() == before
assert not started and not children(), (started, children())
assert not [name for name in sys.modules if name.startswith("multiprocessing")]
"""
    )
    assert ran.stdout == ran.stderr == ""


CLOSED = """
import os, sys
where, how = sys.argv[1:]
if how == "before": # the interpreter started without them
    assert sys.stdin is None and sys.stdout is None and sys.stderr is None
else:
    os.closerange(0, 3)
import threading, ctrlspeak
said = []
def body():
    try:
        with ctrlspeak.Model.open(MODEL, cache=False) as model:
            for arguments in ({}, {"verbose": False}, {"progress": True}, {"progress": lambda done, total: None}):
                said.append(model.transcribe(LONG, **arguments).text)
            said.append(type(model.transcribe([LONG, "none.wav"], errors="return")[1]).__name__)
    except BaseException as failure:
        said.append(repr(failure))
thread = threading.Thread(target=body)
thread.start()
thread.join()
body()
with open(where, "w") as out:
    out.write("\\n".join(said))
os._exit(0)
"""


@pytest.mark.parametrize("how", ["before", "after"])
def test_descriptors_0_to_2_closed(python: Any, tmp_path: Path, model: Any, pcm: Any, how: str) -> None:
    import os

    where = tmp_path / "said"
    close = {"preexec_fn": lambda: os.closerange(0, 3), "capture_output": False} if how == "before" else {}
    python(CLOSED, where, how, **close)
    text = model.transcribe(pcm).text
    assert where.read_text().split("\n") == [text, text, text, text, "FileError"] * 2
