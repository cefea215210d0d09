#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tally.py LOG: count the checks in a Meson testlog.json; print "PASSED FAILED SKIPPED", and show failures on stderr.

A TAP program counts once per line of its own; any other program counts once. A program that crashed, timed out, wrote
fewer lines than its plan promises, or failed without saying "not ok" counts as one failed check more. What was skipped
is never counted as passed. Only the standard library is used: Meson itself needs Python, so it is there.
"""
import json
import re
import sys

LINE = re.compile(r"^(not )?ok\b\s*(\d+)?\s*(?:-\s*)?(.*)$")
PLAN = re.compile(r"^1\.\.(\d+)\s*(#\s*skip.*)?$", re.IGNORECASE)
SKIP = re.compile(r"#\s*skip\b", re.IGNORECASE)
SHOWN, WIDEST = 40, 200  # last lines of a failed program, and how much of each
BAD = {"FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"}


def read_tap(stdout):
    """(passed, failed names, skipped, planned or None, whole program skipped)"""
    passed, failed, skipped, planned, all_skipped = 0, [], 0, None, False
    for line in stdout.splitlines():
        plan, check = PLAN.match(line), LINE.match(line)
        if plan:
            planned, all_skipped = int(plan[1]), plan[2] is not None
        elif check and check[1]:
            failed.append(check[3])
        elif check and SKIP.search(line):
            skipped += 1
        elif check:
            passed += 1
    return passed, failed, skipped, planned, all_skipped


def tally_program(test):
    name, result = test["name"], test["result"]
    passed, failed, skipped, planned, all_skipped = read_tap(test.get("stdout") or "")
    if planned is None and not passed and not failed:  # not TAP, or dead before its first line
        if result == "OK":
            return 1, [], 0
        if result == "EXPECTEDFAIL" or (result == "SKIP" and test["returncode"] == 77):
            return 0, [], 1
        return 0, [f"{name}: {result}, no check reported, exit status {test['returncode']}"], 0
    if all_skipped and result == "SKIP":
        return 0, [], 1
    names = [f"{name}: {what}" for what in failed]
    count = passed + len(failed) + skipped
    if planned != count:
        names.append(f"{name}: {count} checks reported, planned were {planned}")
    elif result in BAD and not names:
        names.append(f"{name}: {result}, exit status {test['returncode']}")
    return passed, names, skipped


def main(path):
    passed, failed, skipped = 0, 0, 0
    with open(path, encoding="utf-8", errors="replace") as log:
        for line in log:
            test = json.loads(line)
            p, names, s = tally_program(test)
            passed, failed, skipped = passed + p, failed + len(names), skipped + s
            if names:
                said = [text for text in (test.get("stdout") or "").splitlines() if not text.startswith("ok ")]
                said += (test.get("stderr") or "").splitlines()
                print("\n".join(text[:WIDEST] for text in said[-SHOWN:]), file=sys.stderr)
            for name in names:
                print("FAILED  " + name, file=sys.stderr)
    print(passed, failed, skipped)


if __name__ == "__main__":
    main(sys.argv[1])
