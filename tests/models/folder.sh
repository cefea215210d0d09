#!/bin/sh
# SPDX-License-Identifier: MIT
# The models folder, the bundled model, and what --model means.
. "$(dirname "$0")/../cli/cli.sh"
XDG_DATA_HOME=$place/data
export XDG_DATA_HOME
models=$XDG_DATA_HOME/ctrlspeak/models

# A copy of the program where an installation would put it, first without a bundled model.
mkdir -p "$place/usr/bin" "$place/usr/share/ctrlspeak/models"
cp "$program" "$place/usr/bin/ctrlspeak"
installed=$place/usr/bin/ctrlspeak
bundled=$place/usr/share/ctrlspeak/models/ctrlspeak-small.nemo

run "$installed" models list
if [ -s "$place/out" ] && ! out_has "none is here"; then
    skip "a bundled model is installed on this machine"
else
    check "nothing is here" 0 out_has "none is here; models list --available"
    [ ! -e "$XDG_DATA_HOME" ] && ok "and no folder is made" || not_ok "and no folder is made"
    run "$installed" transcribe "$short"
    check "no model: how to get one" 4 err_is "error model no model: name one with --model FILE.nemo or CS_MODEL=FILE.nemo; NVIDIA publishes models, this gets one: ctrlspeak models get parakeet-tdt-0.6b-v3"
    run "$installed" transcribe -m bundled "$short"
    check "no bundled one" 4 err_has "error model this program came without its bundled model, ctrlspeak-small.nemo"
fi

cp "$model" "$bundled"
run "$installed" transcribe "$short"
check "no model is named: the bundled one" 0 out_is "$text_short"
check "which is said in one line, with the way to a real one" 0 both 'test "$(wc -l <"$place/err")" = 1' \
    'grep -q "^info model using the bundled ctrlspeak-small, .*ctrlspeak models get parakeet-tdt-0.6b-v3" "$place/err"'
run "$installed" transcribe -f json "$short"
check "the result names it" 0 grep -q '"model": "ctrlspeak-small"' "$place/out"
for name in bundled ctrlspeak-small; do
    run "$installed" transcribe -m $name "$short"
    check "-m $name: not a word about it" 0 both quiet 'out_is "$text_short"'
done
CS_MODEL=bundled run "$installed" transcribe "$short"
check "CS_MODEL=bundled" 0 both quiet 'out_is "$text_short"'
run "$installed" models path bundled
check "its path" 0 out_is "$bundled"
run "$installed" models list
check "and it is listed" 0 grep -qE '^ctrlspeak-small +4[0-9]{2} kB +bundled +tdt_ctc$' "$place/out"
run "$installed" models info bundled
check "models info bundled" 0 grep -qE '^name +ctrlspeak-small$' "$place/out"
run "$installed" models verify bundled
check "models verify bundled" 0 out_is "bundled: structure right; no digest is remembered"
run "$installed" models remove bundled
check "it is not removed" 2 err_has "is not the name of a model in the models folder"
run "$installed" bench --repeat 1 --seconds 1 --json
check "bench takes it too" 0 err_has "info model using the bundled"

# ------------------------------------------------------------------- import
run "$installed" models import "$model" tiny
check "import" 0 both quiet 'out_is "$models/tiny.nemo"'
cmp -s "$model" "$models/tiny.nemo" && ok "all of it" || not_ok "all of it"
run "$installed" models import "$model" tiny
check "a name that is taken" 2 err_has "tiny.nemo is there already; --force replaces it"
run "$installed" models import --force --link "$model" tiny
case $status$(cat "$place/err") in
5*"Invalid cross-device link"*) skip "another disk: no hard link" && run "$installed" models import "$model" tiny ;;
*) check "a hard link" 0 test "$model" -ef "$models/tiny.nemo" ;;
esac
run "$installed" models import --force "$models/tiny.nemo" tiny
check "onto itself" 2 err_has "are one file"
run "$installed" models import "$short"
check "a recording" 4 err_has "$short: holds a WAV recording"
for name in bundled .hidden -x a/b "a b" x.nemo; do
    run "$installed" models import -- "$model" "$name"
    check "'$name' is no name" 2 err_has "cannot be a model's name"
done
run "$installed" models import --sha256 "$(printf '%064d' 0)" "$model" other
check "a wrong --sha256" 4 err_has "expected 0000"
run sh -c 'ulimit -f 100; exec "$@"' - "$installed" models import "$model" other
check "a disk that fills up" 5 err_has "cannot write: File too large"
[ "$(ls -A "$models" | tr '\n' ' ')" = "tiny.nemo tiny.nemo.sha256 " ] && ok "nothing else is left" || not_ok "nothing else is left"

# --------------------------------------------------------------- resolution
cd "$place" || exit 1
for name in tiny tiny.nemo "$models/tiny.nemo"; do
    run "$installed" transcribe -m "$name" "$short"
    check "-m $name" 0 both quiet 'out_is "$text_short"'
done
run "$installed" models path tiny.nemo
check "its path" 0 out_is "$models/tiny.nemo"
run "$installed" transcribe -m parakeet-ctc-0.6b "$short"
check "a known model that is not here" 4 err_is "error model parakeet-ctc-0.6b: there is no such file, and no $models/parakeet-ctc-0.6b.nemo; this gets it: ctrlspeak models get parakeet-ctc-0.6b"
run "$installed" transcribe -m nothing "$short"
check "an unknown one" 4 err_has "ctrlspeak models list shows what there is"
cp "$short" tiny
run "$installed" transcribe -m tiny "$short"
check "a file goes before a name" 4 err_has "tiny"
rm tiny
XDG_DATA_HOME=data run "$installed" models path tiny
check "a relative XDG_DATA_HOME counts as none" 4 err_has "/.local/share/ctrlspeak/models/tiny.nemo"
HOME=$place XDG_DATA_HOME= run "$installed" models path tiny
check "an empty one too" 4 err_has "$place/.local/share/ctrlspeak/models/tiny.nemo"

# ------------------------------------------------------------- list, verify
run "$installed" models list --json --available
check "list as JSON" 0 both quiet 'out_has "\"name\": \"tiny\""'
if command -v python3 >/dev/null; then
    python3 - "$place/out" >"$place/err" 2>&1 <<'PYTHON'
import json, sys
d = json.load(open(sys.argv[1]))
assert [(m["name"], m["state"]) for m in d["models"]] == [("ctrlspeak-small", "bundled"), ("tiny", "verified")], d
names = {m["name"]: m for m in d["available"]}
assert names["parakeet-tdt-0.6b-v3"]["url"].endswith("/nvidia/parakeet-tdt-0.6b-v3/resolve/main/parakeet-tdt-0.6b-v3.nemo")
assert names["canary-1b"]["runs"] == "yes" and names["nemotron-3.5-asr-streaming-0.6b"]["runs"] == "not yet" and len(names) == len(d["available"]) >= 20
PYTHON
    status=$?
    check "and Python agrees" 0 quiet
else
    skip "python3 is not installed"
fi
run "$installed" models verify
check "verify" 0 out_is "tiny: structure and digest right"
rm "$models/tiny.nemo"
cp "$model" "$models/tiny.nemo"
printf x >>"$models/tiny.nemo"
touch -d '+1 minute' "$models/tiny.nemo"
run "$installed" models list
check "a changed file is shown" 0 grep -qE '^tiny +4[0-9]{2} kB +changed ' "$place/out"
run "$installed" models verify tiny
check "and found" 4 err_has "tiny.nemo: has the SHA-256 "
cp "$model" "$models/plain.nemo"
run "$installed" models verify
check "one of two" 1 out_is "plain: structure right; no digest is remembered"
run "$installed" models list
check "no digest: unverified" 0 grep -qE '^plain +4[0-9]{2} kB +unverified +tdt_ctc$' "$place/out"

# ------------------------------------------------------------------- remove
run "$installed" models remove "../models/tiny"
check "only inside the folder" 2 err_has "is not the name of a model in the models folder"
run "$installed" models remove nothing
check "what is not there" 4 err_has "nothing.nemo: there is no such model"
if command -v script >/dev/null; then
    printf 'n\n' | script -qec "'$installed' models remove tiny" /dev/null >"$place/out" 2>&1
    [ -e "$models/tiny.nemo" ] && ok "no is no" || not_ok "no is no"
else
    skip "script is not installed"
fi
run "$installed" models remove tiny
check "remove" 0 silent
run "$installed" models remove --yes plain.nemo
check "remove, by its file's name" 0 silent
[ "$(ls -A "$models")" = "" ] && ok "nothing is left" || not_ok "nothing is left"
done_testing
