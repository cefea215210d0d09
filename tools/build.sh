#!/bin/sh
# SPDX-License-Identifier: MIT
#
# build.sh DIR [MESON OPTION...]: configure DIR on first use or when options are given, then build it.
set -eu
dir=$1
shift
if [ ! -f "$dir/build.ninja" ]; then
    meson setup "$dir" "$@"
elif [ $# -gt 0 ]; then
    meson setup --reconfigure "$dir" "$@"
fi
exec ninja -C "$dir" ${JOBS:+-j "$JOBS"}
