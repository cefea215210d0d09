#!/bin/sh
# SPDX-License-Identifier: MIT
#
# format.sh [--check]: put every C file into the house's format, or name those that are not.
#
# Versions of clang-format disagree with each other, so only 14, Debian 12's, counts: --check with another is exit 77.
set -u
tool=clang-format
command -v clang-format-14 >/dev/null && tool=clang-format-14
case $($tool --version 2>/dev/null) in
*"version 14."*) ;;
*) echo "format.sh: needs clang-format 14, found: $($tool --version 2>&1 | head -n 1)" >&2 && exit 77 ;;
esac
cd "$(dirname "$0")/.." || exit 1
files=$(find include src apps tests bench tools -name '*.[ch]')
if [ "${1:-}" = --check ]; then
    exec $tool --dry-run --Werror $files
fi
exec $tool -i $files
