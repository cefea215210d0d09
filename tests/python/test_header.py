# SPDX-License-Identifier: MIT
"""_header.py against ctrlspeak.h: what a C compiler makes of the header is what ctypes believes."""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from ctrlspeak import _header as h

HEADER = ROOT / "include" / "ctrlspeak.h"
# Enumerations that are words in Python, and how their values begin in C.
WORDS = {
    "CS_": (h.ERR, "cs_err"),
    "CS_LOG_": (h.LOG_LEVEL, "cs_log_level"),
    "CS_PRECISION_": (h.PRECISION, "cs_precision"),
    "CS_HEAD_": (h.HEAD, "cs_head"),
    "CS_CHANNEL_": (h.CHANNEL, ""),
    "CS_CONFIDENCE_": (h.CONFIDENCE, "cs_confidence"),
    "CS_AGGREGATE_": (h.AGGREGATE, "cs_aggregate"),
    "CS_CHOICE_": (h.CHOICE, "cs_choice"),
    "CS_SEARCH_": (h.SEARCH, "cs_search"),
    "CS_FORMAT_": (h.FORMAT, "cs_format"),
    "CS_TIMESTAMPS_": (h.TIMESTAMPS, "cs_timestamps"),
}
OPAQUE = {"cs_model", "cs_session"}
INTEGER, REAL, POINTER, OTHER = "integer", "real", "pointer", "other"


@pytest.fixture(scope="module")
def text() -> str:
    return re.sub(r"/\*.*?\*/", "", HEADER.read_text(encoding="utf-8"), flags=re.S)


def kind(c: Any) -> str:
    if c is None:
        return "void"
    if issubclass(c, (ctypes._Pointer, ctypes._CFuncPtr)) or c in (ctypes.c_void_p, ctypes.c_char_p):
        return POINTER
    if issubclass(c, ctypes._SimpleCData):
        return REAL if c in (ctypes.c_float, ctypes.c_double) else INTEGER
    return OTHER


def struct_bodies(text: str) -> dict[str, str]:
    return {name: body for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", text, re.S)}


def field_names(body: str) -> list[str]:
    names = []
    for part in filter(str.strip, body.split(";")):
        pointer = re.search(r"\(\*(\w+)\)", part)
        names += [pointer[1]] if pointer else [re.search(r"(\w+)\s*(\[\d+\])?\s*$", name)[1] for name in part.split(",")]
    return names


def test_every_struct_and_field_is_there_in_order(text: str) -> None:
    ours = {c.__name__: [field[0] for field in c._fields_] for c in h.STRUCTS}
    assert ours == {name: field_names(body) for name, body in struct_bodies(text).items()}


def test_every_enumeration_is_there(text: str) -> None:
    bodies = {
        name: body for body, name in re.findall(r"(?:typedef )?enum \w* ?\{(.*?)\} ?(\w*);", text, re.S) if "CS_MOST_BEAMS" not in body
    }
    assert set(bodies) == {name for _, name in WORDS.values()}
    bodies["cs_err"] = " ".join(re.findall(r"X\((CS_\w+),", text))
    for prefix, (words, name) in WORDS.items():
        assert re.findall(r"\bCS_\w+", bodies[name]) == [prefix + word.upper() for word in words]


def test_every_function_is_there_with_its_parameters(text: str) -> None:
    functions, enums = {}, {name for _, name in WORDS.values()}
    callbacks = set(re.findall(r"typedef \w+ \(\*(\w+)\)", text))

    def kind_of(declaration: str) -> str:
        words = declaration.split()
        if "*" in declaration:
            return POINTER
        for word in words:
            if word in callbacks:
                return POINTER
            if word in ("double", "float"):
                return REAL
            if word in enums or word in ("size_t", "int", "int32_t", "int64_t"):
                return INTEGER
        return "void"

    for returned, name, parameters in re.findall(r"CS_API ([\w ]+?\*?)\s*\b(cs_\w+)\(([^;]*)\);", text):
        functions[name] = (kind_of(returned), [kind_of(p) for p in parameters.split(",") if p.strip() != "void"])
    assert functions == {name: (kind(returned), list(map(kind, parameters))) for name, (returned, parameters) in h.FUNCTIONS.items()}


def test_sizes_offsets_and_values_are_the_compilers(tmp_path: Path) -> None:
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    lines, expected = [], {}

    def ask(name: str, expression: str, value: int) -> None:
        lines.append(f'printf("\\"{name}\\": %lld,\\n", (long long)({expression}));')
        expected[name] = value

    classes = {INTEGER: 1, REAL: 8, POINTER: 5}
    for c in h.STRUCTS:
        ask(f"sizeof {c.__name__}", f"sizeof({c.__name__})", ctypes.sizeof(c))
        for name, of in c._fields_:
            where = f"(({c.__name__} *)0)->{name}"
            ask(f"{c.__name__}.{name} at", f"offsetof({c.__name__}, {name})", getattr(c, name).offset)
            ask(f"{c.__name__}.{name} bytes", f"sizeof({where})", getattr(c, name).size)
            if kind(of) in classes:  # +: an enumeration is an integer
                promoted = where if kind(of) == POINTER else f"+{where}"
                ask(f"{c.__name__}.{name} kind", f"__builtin_classify_type({promoted})", classes[kind(of)])
    for prefix, (words, _) in WORDS.items():
        for word, value in words.items():
            ask(prefix + word.upper(), prefix + word.upper(), value)
    source = tmp_path / "layout.c"
    source.write_text(
        '#include <ctrlspeak.h>\n#include <stddef.h>\n#include <stdio.h>\nint main(void)\n{\nprintf("{\\n");\n'
        + "\n".join(lines)
        + '\nprintf("\\"\\": 0}\\n");\nreturn 0;\n}\n'
    )
    program = tmp_path / "layout"
    subprocess.run([*compiler.split(), f"-I{HEADER.parent}", str(source), "-o", str(program)], check=True)
    met = json.loads(subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout)
    met.pop("")
    assert met == expected and len(met) > 400
