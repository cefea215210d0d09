#!/bin/sh
# SPDX-License-Identifier: MIT
#
# python_wheel.sh ENV OUT: build the Python package's wheel with the virtual environment ENV (python_env.sh), put into it the shared
# libraries that it needs, install it in a fresh environment and transcribe there, without compiler and without any other
# library of the system's than libc, libm, zlib and what numpy has. The wheel stays in OUT.
set -eu
cd "$(dirname "$0")/.."
env=$(cd "$1" && pwd)
mkdir -p "$2"
out=$(cd "$2" && pwd)
rm -rf "$out/raw" "$out/fresh" "$out"/*.whl
PATH="$env/bin:$PATH" pip wheel -q --disable-pip-version-check --no-build-isolation --no-deps -w "$out/raw" .
PATH="$env/bin:$PATH" auditwheel -v repair -w "$out" "$out"/raw/*.whl >"$out/auditwheel.txt" 2>&1 || { cat "$out/auditwheel.txt"; exit 1; }
PATH="$env/bin:$PATH" auditwheel show "$out"/*.whl 2>/dev/null | grep manylinux
python3 -m venv "$out/fresh"
"$out/fresh/bin/pip" install -q --disable-pip-version-check "$out"/*.whl
cd "$out"
env -i PATH=/nonexistent HOME="$out" "$out/fresh/bin/python" -X dev -W error - "$OLDPWD" <<'PYTHON'
import os, sys
from pathlib import Path

import ctrlspeak

root, here = Path(sys.argv[1]), Path(ctrlspeak.__file__).resolve().parent.parent
with ctrlspeak.Model.open(root / "models/ctrlspeak-small.nemo") as model:
    for clip in sorted((root / "samples").glob("*.wav")):
        assert model.transcribe(clip).text == clip.with_suffix(".txt").read_text().strip(), clip
loaded = {Path(line.split()[-1]) for line in Path("/proc/self/maps").read_text().splitlines() if ".so" in line}
system = {path.name for path in loaded if here not in path.parents}
expected = ("libc.so", "libm.so", "libz.so", "ld-linux", "libpthread.so", "libdl.so", "librt.so", "libutil.so", "libexpat.so", "libpython", "libffi", "libstdc++", "libgcc_s") # the last two are numpy's
strange = [name for name in system if not name.startswith(expected) and ".cpython-" not in name and ".abi3." not in name]
assert not strange, strange
assert any(path.name.startswith("libctrlspeak") and here in path.parents for path in loaded)
assert (here / "ctrlspeak/py.typed").exists()
print(f"{os.path.basename(sys.prefix)}: {ctrlspeak.__version__} works")
PYTHON
