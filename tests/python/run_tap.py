#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""run_tap.py FILE [PYTEST OPTION...]: a file of pytest tests as TAP, for Meson.

Runs under the first of $CTRLSPEAK_PYTHON, the Python that started it, and the system's that has pytest and numpy; without one
the whole file is skipped. What a failed test has to say goes to standard error.
"""

import os
import subprocess
import sys

NEEDED = "import numpy, pytest"


def interpreter():
    for python in (os.environ.get("CTRLSPEAK_PYTHON"), sys.executable, "/usr/bin/python3"):
        if python and subprocess.run([python, "-c", NEEDED], stderr=subprocess.DEVNULL, check=False).returncode == 0:
            return python
    return None


class Tap:
    """One line per test; a module that cannot be imported is a failed check."""

    def __init__(self):
        self.n = 0

    def say(self, ok, name, reason=""):
        self.n += 1
        print(f"{'ok' if ok else 'not ok'} {self.n} - {name}{reason}", flush=True)

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::", 1)[-1]
        if report.failed:
            print(report.longreprtext, file=sys.stderr)
        if report.when == "call" or report.outcome != "passed":
            why = report.longrepr[2] if report.skipped and isinstance(report.longrepr, tuple) else "skipped"
            self.say(not report.failed, name, f" # SKIP {why.removeprefix('Skipped: ')}" if report.skipped else "")

    def pytest_collectreport(self, report):
        if report.failed:
            print(report.longreprtext, file=sys.stderr)
            self.say(False, f"collecting {report.nodeid}")
        elif report.skipped:  # the whole file
            self.say(True, report.nodeid, f" # SKIP {report.longrepr[2].removeprefix('Skipped: ')}")


def main():
    python = interpreter()
    if python is None:
        print("1..0 # SKIP no Python here has both pytest and numpy")
        return 0
    if python != sys.executable:
        os.execv(python, [python, *sys.argv])
    import pytest

    tap = Tap()
    status = pytest.main(["-p", "no:terminal", "-p", "no:cacheprovider", *sys.argv[1:]], plugins=[tap])
    print(f"1..{tap.n}")
    return 0 if status in (0, 5) and tap.n else 1


if __name__ == "__main__":
    sys.dont_write_bytecode = True
    sys.exit(main())
