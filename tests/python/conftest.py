# SPDX-License-Identifier: MIT
"""What the tests share: small models, recordings, and other Python processes. The library is CTRLSPEAK_LIBRARY's."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = ROOT / "tests" / "golden" / "data"
LONG, SHORT = DATA / "audio" / "long.wav", DATA / "audio" / "short.wav"

if not os.environ.get("CTRLSPEAK_INSTALLED"):  # else the package that is installed is tested
    sys.path.insert(0, str(ROOT / "bindings" / "python"))

import ctrlspeak  # noqa: E402


def path_of(name: str) -> Path:
    return DATA / name / "model.nemo"


@pytest.fixture(scope="session")
def model() -> Any:
    with ctrlspeak.Model.open(path_of("tdt"), cache=False) as opened:
        yield opened


@pytest.fixture(scope="session")
def canary() -> Any:
    with ctrlspeak.Model.open(path_of("canary-v2"), cache=False) as opened:
        yield opened


@pytest.fixture(scope="session")
def pcm() -> Any:
    return ctrlspeak.read_audio(LONG).samples


@pytest.fixture(scope="session")
def minutes(pcm: Any) -> Any:
    """Long enough that something can happen in the middle."""
    return np.tile(pcm, 60)


@pytest.fixture
def python(tmp_path: Path) -> Any:
    """python(CODE, ARG...): run it in a Python of its own that complains of everything; what it wrote, after it ended well."""

    def run(code: str, *args: Any, status: int = 0, flags: tuple[str, ...] = ("-X", "dev", "-W", "error"), **options: Any) -> Any:
        script = tmp_path / "script.py"
        script.write_text(PREAMBLE + textwrap.dedent(code))
        path = os.pathsep.join(p for p in (str(Path(ctrlspeak.__file__).parent.parent), os.environ.get("PYTHONPATH")) if p)
        options.setdefault("capture_output", True)
        options.setdefault("env", {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"})
        ran = subprocess.run([sys.executable, *flags, str(script), *map(str, args)], text=True, timeout=120, check=False, **options)
        assert ran.returncode == status, f"status {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran

    return run


PREAMBLE = f"""\
MODEL, CANARY, LONG, SHORT = {str(path_of("tdt"))!r}, {str(path_of("canary-v2"))!r}, {str(LONG)!r}, {str(SHORT)!r}
"""
