#!/bin/sh
# SPDX-License-Identifier: MIT
# flags.sh PROGRAM: every setting that says it has a flag has it in `dictate --help`, and every flag does something to `dictate`.
set -u
program=$1 n=0 bad=0
help=$("$program" dictate --help)
for flag in $("$program" config keys | grep -oE ', --[a-z-]+' | cut -c3-); do
    n=$((n + 1))
    name=${flag#--}
    if printf '%s\n' "$help" | grep -qE -- "--(\[no-\])?$name( |\$)"; then
        echo "ok $n - $flag is a flag of dictate"
    else
        bad=1
        echo "not ok $n - $flag is a flag of dictate"
    fi
done
# A wrong value of each must reach the settings: it is refused with the flag's name.
while read -r flag value; do
    n=$((n + 1))
    said=$(XDG_RUNTIME_DIR=/nowhere "$program" dictate --no-ui "$flag" "$value" 2>&1)
    if [ $? = 2 ] && printf '%s' "$said" | grep -q -- "${flag#--}\|$value"; then
        echo "ok $n - $flag $value is refused"
    else
        bad=1
        echo "not ok $n - $flag $value is refused"
        echo "# $said"
    fi
done <<END
--threads 1000
--precision f64
--gesture sometimes
--keys all
--cue-volume loud
--deliver somewhere
--worker both
--log-level all
--language d,e
--translate-to f,r
--punctuation some
--source-lang d,e
--target-lang f,r
END
echo "1..$n"
exit $bad
