#!/bin/sh
# SPDX-License-Identifier: MIT
#
# config_cli.sh PROGRAM: `ctrlspeak config` from outside, with folders of its own: status, stdout, stderr.
set -u
program=$1
. "$(dirname "$0")/../cli_kit.sh"
export LC_ALL=C HOME="$place/nobody" XDG_CONFIG_HOME="$place/home" XDG_CONFIG_DIRS="$place/system"
file=$place/home/ctrlspeak/config

run() {
    "$program" "$@" >"$place/out" 2>"$place/err" </dev/null
    status=$?
}

file_is() { printf '%s\n' "$1" | cmp -s - "$file"; }

run config path
check "path" 0 "$quiet" 'out_is "$file"' '[ ! -e "$place/home" ]'
run config show
check "show without any file" 0 "$quiet" 'out_has "dictate.gesture = triple:ctrl"' '[ ! -e "$place/home" ]'
cp "$place/out" "$place/all"
run config show --config "$place/all"
check "what show prints is a config file" 0 "$quiet" 'cmp -s "$place/out" "$place/all"'
run config set dictate.gesture double:ctrl_right
check "set" 0 "$quiet" "$silent" 'file_is "[dictate]
gesture = double:ctrl_right"'
check "the file and its folder are for the user alone" 0 \
    '[ "$(stat -c %a "$file" "$place/home/ctrlspeak" | tr "\n" " ")" = "600 700 " ]'
run config get dictate.gesture
check "get" 0 "$quiet" 'out_is double:ctrl_right'
run config set text.replace "a b=c # d" "e=f"
run config set --append text.replace "g=
h"
run config get text.replace
check "a list, an item with a line break" 0 "$quiet" 'out_is "a b=c # d
e=f
g=
h"'
run config show --origin
check "show --origin: built in and file:line" 0 "$quiet" \
    'grep -qE "^model = +# built in$" "$place/out"' 'grep -qE "^text.replace = e=f +# $file:7$" "$place/out"'
mkdir -p "$place/system/ctrlspeak"
printf '[log]\nlevel = debug\n' >"$place/system/ctrlspeak/config"
CS_DICTATE_TAP_MS=200 run config show --origin
check "show --origin: the system's file and a variable" 0 "$quiet" \
    'grep -qE "^log.level = debug +# $place/system/ctrlspeak/config:2$" "$place/out"' \
    'grep -qE "^dictate.tap_ms = 200 +# CS_DICTATE_TAP_MS$" "$place/out"'
run config show --json
if command -v python3 >/dev/null; then
    check "show --json" 0 "$quiet" 'python3 -c "
import json, sys
d = {s[\"key\"]: s for s in json.load(open(sys.argv[1]))[\"settings\"]}
assert d[\"text.replace\"][\"value\"] == [\"a b=c # d\", \"e=f\", \"g=\nh\"]
assert d[\"dictate.tap_ms\"][\"value\"] == 250 and d[\"history.keep\"][\"value\"] is True
assert d[\"model\"][\"origin\"] == \"built in\" and d[\"dictate.gesture\"][\"default\"] == \"triple:ctrl\"
" "$place/out"'
fi
run config unset dictate.gesture
check "unset" 0 "$quiet" "$silent" '! grep -q gesture "$file"' 'grep -q "^\[dictate\]$" "$file"'
run config keys
check "keys has every key" 0 "$quiet" '[ "$(grep -c "^[a-z]" "$place/out")" = "$(sed "s/ =.*//" "$place/all" | sort -u | wc -l)" ]' \
    'out_has "CS_DICTATE_GESTURE, --gesture"'
run help config keys
check "the man page's keys" 0 "$quiet" 'out_has "dictate.gesture"'

cp "$file" "$place/kept"
run config set dictate.tap_ms 9000
check "a value out of range" 2 "$silent" \
    'err_is "error config dictate.tap_ms is '"'9000'"', expected a whole number from 50 to 1000"'
run config set dictate.keys wayland
check "a bad choice lists the choices" 2 "$silent" \
    'err_is "error config dictate.keys is '"'wayland'"', expected one of auto, x11, evdev, none"'
run config set dictate.gesure x
check "an unknown key" 2 "$silent" \
    'err_is "error config unknown key '"'dictate.gesure'; did you mean 'dictate.gesture'"'?"'
run config get dictate.gesure
check "get of an unknown key" 2 "$silent" 'err_has "did you mean '"'dictate.gesture'"'?"'
run config set model a b
check "two values for one" 2 "$silent" 'err_is "error config model takes one value, met 2"'
run config set --append model a
check "append to what is no list" 2 "$silent" 'err_has "model is no list"'
check "and the file is as it was" 2 'cmp -s "$file" "$place/kept"'
CS_HISTORY_KEEP=no run config show
check "a bad variable" 2 "$silent" 'err_is "error config CS_HISTORY_KEEP is '"'no'"', expected on or off"'
CS_HISTORY_KEEP= run config show
check "an empty variable counts as none" 0 "$quiet"
printf '# mine\n[dictate]\ngesure = triple:ctrl\n' >"$file"
run config show
check "a config file with an unknown key" 2 "$silent" \
    'err_is "error config $file:3: unknown key '"'gesure'; did you mean 'gesture'"'?"'
run config set model x
check "is not written to" 2 "$silent" 'err_has "$file:3: unknown key"' '! grep -q model "$file"'
run history list
check "and holds for history too" 2 "$silent" 'err_has "$file:3: unknown key"'
rm "$file"
mkdir "$file"
run config show
check "a folder for a file" 2 "$silent" 'err_is "error config $file: is a folder, expected a file"'
rmdir "$file"

printf '{"preferred_model": "parakeet"}' >"$place/home/ctrlspeak/config.json"
cp "$place/home/ctrlspeak/config.json" "$place/theirs"
run config show
check "the Python program's file is mentioned once" 0 'out_has "model ="' '[ "$(wc -l <"$place/err")" = 1 ]' \
    'err_has "info config $place/home/ctrlspeak/config.json is the Python program'"'"'s and is not read"'
run config set model x
run config show
check "and no more when ours is there; it is left alone" 0 "$quiet" \
    'cmp -s "$place/home/ctrlspeak/config.json" "$place/theirs"'

run config
check "config alone" 2 "$silent" 'err_has "after config comes one of: show, get, set, unset, path, keys"'
run config sow
check "a wrong word" 2 "$silent" 'err_has "'"'config sow' is no command; after config comes one of: show"'"'
run config get
check "get without a key" 2 "$silent" 'err_has "expected KEY"'
run completion bash
check "completion knows the words" 0 "$quiet" 'out_has "show get set unset path keys"'
if [ -w /dev/full ]; then
    "$program" config show >/dev/full 2>"$place/err"
    status=$?
    : >"$place/out"
    check "standard output is full" 5 'err_has "No space left on device"'
fi
if [ "$(id -u)" != 0 ]; then
    chmod 500 "$place/home/ctrlspeak"
    cp "$file" "$place/kept"
    run config set model y
    chmod 700 "$place/home/ctrlspeak"
    check "a folder that cannot be written" 5 "$silent" 'err_has "Permission denied"' 'cmp -s "$file" "$place/kept"'
fi
echo "1..$n"
exit $bad
