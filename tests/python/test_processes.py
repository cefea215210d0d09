# SPDX-License-Identifier: MIT
"""Threads, event loops, children, interrupts, the end of the interpreter, and memory."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest


def test_eight_threads_on_one_model(model: Any, pcm: Any) -> None:
    parts = [pcm[: 16000 * (3 + i)] for i in range(7)]
    expected = [model.transcribe(part) for part in parts]
    together = threading.Barrier(8)

    def body(_: int) -> list[Any]:
        together.wait(timeout=60)
        return [model.transcribe(part) for part in parts] + model.transcribe(parts)

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(body, range(8))) == [expected * 2] * 8


def test_threads_on_one_session_take_turns(model: Any, pcm: Any) -> None:
    expected = model.transcribe(pcm)
    with model.session() as session, ThreadPoolExecutor(4) as pool:
        assert list(pool.map(session.transcribe, [pcm] * 12)) == [expected] * 12


def test_a_model_closed_while_threads_use_it(model: Any, pcm: Any) -> None:
    """Each call gives a whole result or says that the model is closed."""
    import ctrlspeak
    from conftest import path_of

    expected = model.transcribe(pcm[:32000])
    for _ in range(10):
        opened = ctrlspeak.Model.open(path_of("tdt"), cache=False)
        begun = threading.Barrier(5)

        def body(_: int, opened: Any = opened, begun: Any = begun) -> list[Any]:
            begun.wait(timeout=60)
            outcomes: list[Any] = []
            while not outcomes or outcomes[-1] == expected:
                try:
                    outcomes.append(opened.transcribe(pcm[:32000]))
                except ctrlspeak.ArgumentError as failure:
                    outcomes.append(str(failure))
            return outcomes

        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(body, i) for i in range(4)]
            begun.wait(timeout=60)
            opened.transcribe(pcm[:32000])
            opened.close()
            assert {future.result()[-1] for future in running} == {"the model is closed"}


def test_asyncio(python: Any) -> None:
    ran = python("""
        import asyncio, ctrlspeak

        async def main():
            with ctrlspeak.Model.open(MODEL, cache=False) as model:
                expected = model.transcribe(LONG)
                told = []
                calls = [asyncio.to_thread(model.transcribe, LONG, progress=lambda *x: told.append(x)) for _ in range(4)]
                assert list(await asyncio.gather(*calls)) == [expected] * 4 and told
                assert model.transcribe(LONG) == expected  # and on the loop's own thread

        asyncio.run(main(), debug=True)
    """)
    assert ran.stdout == ""


CHILDREN = """
import multiprocessing, os, sys, threading
import ctrlspeak

def hear(model):
    result = model.transcribe(LONG)
    session = model.session()
    assert session.transcribe(LONG) == result
    return os.getpid(), result

if __name__ == "__main__":
    model = ctrlspeak.Model.open(MODEL, cache=False, threads=2)
    session = model.session()
    expected = model.transcribe(LONG)
    context = multiprocessing.get_context(sys.argv[1])
    busy = threading.Event()
    def body():  # while another thread transcribes
        while not busy.is_set():
            assert model.transcribe(SHORT).text == short
    short = model.transcribe(SHORT).text
    thread = threading.Thread(target=body)
    thread.start()
    with context.Pool(2) as pool:
        outcomes = pool.map(hear, [model] * 4)
        assert [result for _, result in outcomes] == [expected] * 4
        assert os.getpid() not in [pid for pid, _ in outcomes]
        pool.close()
        pool.join()
    busy.set()
    thread.join()
    if sys.argv[1] == "fork":  # the very objects, not copies
        for _ in range(5):
            child = os.fork()
            if child == 0:
                ok = session.transcribe(LONG) == model.transcribe(LONG) == expected
                session.cancel()
                session.close()
                model.close()
                os._exit(0 if ok else 1)
            assert os.waitpid(child, 0)[1] == 0
    assert session.transcribe(LONG) == expected
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_children(python: Any, method: str) -> None:
    ran = python(CHILDREN, method, flags=("-X", "dev", "-W", "error", "-W", "ignore:This process:DeprecationWarning"))
    assert ran.stdout == "" and ran.stderr == ""


def test_the_interpreter_ends(python: Any) -> None:
    """Handlers of atexit still hear; threads that are in the middle of a call, objects that nobody closed: no complaint."""
    ran = python("""
        import atexit, threading, ctrlspeak

        model = ctrlspeak.Model.open(MODEL, cache=False)
        session = model.session()
        expected = model.transcribe(LONG)

        @atexit.register
        def last():
            assert model.transcribe(LONG) == session.transcribe(LONG) == expected
            told = []
            assert model.transcribe([LONG], progress=lambda *x: told.append(x)) == [expected] and told
            thread = []
            print("heard", flush=True)

        def body():
            while True:
                model.transcribe(LONG, progress=lambda *x: None)

        for _ in range(3):
            threading.Thread(target=body, daemon=True).start()
        loop = [model, session]
        loop.append(loop)  # for the collector at the end
        import sys
        sys.kept = [ctrlspeak.Model.open(MODEL, cache=False), model.session()]
    """)
    assert ran.stdout == "heard\n" and ran.stderr == ""


def test_ctrl_c_in_the_middle(python: Any) -> None:
    """KeyboardInterrupt within a layer, at every place of a call, again and again; the model can be used after it."""
    ran = python("""
        import os, re, signal, threading, time
        import numpy, ctrlspeak

        model = ctrlspeak.Model.open(CANARY, cache=False)
        session = model.session()
        pcm = ctrlspeak.read_audio(LONG).samples
        long = numpy.tile(pcm, 3)
        expected = model.transcribe(pcm)
        handled = threading.Event()

        def handler(number, frame):
            handled.set()
            raise KeyboardInterrupt

        signal.signal(signal.SIGINT, handler)
        for hearer in (model, session):
            for name in ("mel", "subsampling", "layer_00", "layer_01", "encoder"):
                seen = []

                def tensor(stage, data):
                    seen.append(stage)
                    if stage == name and len(seen) == 1 + seen.index(name):
                        handled.clear()
                        os.kill(os.getpid(), signal.SIGINT)
                        assert handled.wait(60)
                        time.sleep(0.05)  # for the main thread to go on

                try:
                    hearer.transcribe(long, tensor=tensor)
                    raise SystemExit("not interrupted")
                except KeyboardInterrupt:
                    pass
                after = seen[seen.index(name) + 1:]
                assert len(after) <= 1, (name, after)
            assert hearer.transcribe(pcm) == expected

        # At any moment, with Python's own handler and no hook of the caller's.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        interrupted = 0
        for i in range(40):
            timer = threading.Timer(0.001 * i, os.kill, (os.getpid(), signal.SIGINT))
            try:
                timer.start()
                while True:
                    session.transcribe(pcm) if i % 2 else model.transcribe([pcm, LONG])
            except KeyboardInterrupt:
                interrupted += 1
            timer.join()
        assert interrupted == 40
        assert model.transcribe(pcm) == session.transcribe(pcm) == expected
    """)
    assert ran.stdout == "" and ran.stderr == ""


def test_a_signal_handler_that_raises(python: Any) -> None:
    python("""
        import signal
        import numpy, ctrlspeak

        class Late(Exception):
            pass

        def handler(number, frame):
            raise Late

        signal.signal(signal.SIGALRM, handler)
        model = ctrlspeak.Model.open(MODEL, cache=False)
        pcm = numpy.tile(ctrlspeak.read_audio(LONG).samples, 60)
        signal.setitimer(signal.ITIMER_REAL, 0.02)
        try:
            while True:
                model.transcribe(pcm)
        except Late:
            pass
        assert model.transcribe(LONG).words
    """)


def test_ten_thousand_calls_with_flat_memory(python: Any) -> None:
    ran = python(
        """
        import gc, sys, threading
        import numpy, ctrlspeak

        def resident():
            gc.collect()
            return int(open("/proc/self/statm").read().split()[1]) * 4096

        model = ctrlspeak.Model.open(MODEL, cache=False, threads=1)
        session = model.session()
        pcm = ctrlspeak.read_audio(SHORT).samples[:3200]
        nan = numpy.array([numpy.nan], numpy.float32)
        told = []

        def fail(done, total):
            raise KeyError

        def calls(n):
            for _ in range(n // 10):
                model.transcribe(pcm)
                for _ in range(4):
                    session.transcribe(pcm)
                session.transcribe(pcm, progress=lambda *x: told.append(x), stage=lambda *x: told.append(x))
                told.clear()
                session.transcribe([pcm, nan, pcm, None], errors="return")
                session.transcribe((pcm * 32767).astype(numpy.int16), sample_rate=15000)
                try:
                    session.transcribe(pcm, progress=fail)
                except KeyError:
                    pass
                try:
                    session.transcribe(nan)
                except ctrlspeak.AudioError:
                    pass

        def all_calls():
            calls(1000)
            grown = []  # what leaks grows each time; what malloc keeps for threads, once in a while
            for _ in range(4):
                before = resident()
                calls(2500)
                grown.append(resident() - before)
            print(min(grown))

        all_calls()
        thread = threading.Thread(target=all_calls)
        thread.start()
        thread.join()
        """,
        flags=("-W", "error"),
    )
    grown = [int(line) for line in ran.stdout.split()]
    assert len(grown) == 2 and all(bytes_ < 1 << 17 for bytes_ in grown), f"grew by {grown} bytes"


def test_files_and_models_leave_nothing_open(python: Any) -> None:
    python(
        """
        import os, ctrlspeak

        def descriptors():
            return sorted(os.listdir("/proc/self/fd"))

        def maps():
            return open("/proc/self/maps").read().count("model.nemo")

        before = descriptors()
        for _ in range(20):
            model = ctrlspeak.Model.open(MODEL, cache=False)
            session = model.session()
            session.transcribe([LONG, "none.wav", b""], errors="return")
            assert maps() == 1
            del model, session
            assert maps() == 0
        assert descriptors() == before
    """.replace('open("/proc/self/maps").read()', '__import__("pathlib").Path("/proc/self/maps").read_text()')
    )


def test_what_is_imported(python: Any) -> None:
    """numpy, and of the standard library little; the library itself is loaded when it is needed."""
    ran = python(
        """
        import sys, numpy
        import typing, dataclasses, threading, queue, ctypes, contextlib, pathlib
        before = set(sys.modules)
        import ctrlspeak
        print(*sorted(name for name in set(sys.modules) - before if not name.startswith("ctrlspeak")))
        assert "libctrlspeak" not in open("/proc/self/maps").read()
    """.replace('open("/proc/self/maps").read()', '__import__("pathlib").Path("/proc/self/maps").read_text()')
    )
    assert set(ran.stdout.split()) <= {"__future__", "_queue"}, ran.stdout
