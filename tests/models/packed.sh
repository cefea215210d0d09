#!/bin/sh
# SPDX-License-Identifier: MIT
# The cache of packed weights from outside: who fills it, models cache, and switching it off.
. "$(dirname "$0")/../cli/cli.sh"
XDG_CACHE_HOME=$place/cache CS_CACHE_LEAST_MB=0
export XDG_CACHE_HOME CS_CACHE_LEAST_MB
unset CS_CACHE CS_CACHE_LIMIT_MB
folder=$XDG_CACHE_HOME/ctrlspeak/packed
cp "$model" "$place/talk.nemo"
model=$place/talk.nemo

n_files() {
    [ "$(ls -A "$folder" 2>/dev/null | wc -l)" = "$1" ]
}

opened() {
    run "$program" models info --precision int8 --json "$@" "$model"
    sed -n 's/^ *"opened": "\(.*\)",$/\1/p' "$place/out"
}

run "$program" models cache
check "nothing is kept" 0 both quiet 'grep -qx "0 files, 0 bytes, in $folder" "$place/out"'
run "$program" models cache --path
check "--path" 0 both quiet 'out_is "$folder"'
[ ! -e "$XDG_CACHE_HOME" ] && ok "and no folder is made by looking" || not_ok "and no folder is made by looking"

transcribe -m "$model" --precision f32 "$short"
check "f32 keeps nothing" 0 n_files 0
transcribe -m "$model" --precision int8 --no-cache "$short"
check "--no-cache keeps nothing" 0 n_files 0
CS_CACHE=off transcribe -m "$model" --precision int8 "$short"
check "CS_CACHE=off keeps nothing" 0 n_files 0
CS_CACHE_LEAST_MB=1000 transcribe -m "$model" --precision int8 "$short"
check "what is below CS_CACHE_LEAST_MB is not kept" 0 n_files 0
CS_CACHE_LIMIT_MB=1 transcribe -m "$model" --precision int8 "$short"
check "what is above CS_CACHE_LIMIT_MB is not kept" 0 n_files 0
CS_CACHE=perhaps transcribe -m "$model" --precision int8 "$short"
check "CS_CACHE=perhaps is misuse" 2 err_has "CS_CACHE is 'perhaps', expected on or off"
transcribe -m "$model" --precision int8 "$short"
cp "$place/out" "$place/first"
check "transcribe fills it" 0 both quiet 'n_files 1'
[ "$(stat -c %a "$folder")$(stat -c %a "$folder"/*)" = 700600 ] && ok "for the user alone" || not_ok "for the user alone"
transcribe -m "$model" --precision int8 "$short"
check "and the next one hears the same out of it" 0 both quiet 'cmp -s "$place/out" "$place/first"'
[ "$(opened)" = "from the cache" ] && ok "models info says so" || not_ok "models info says so"
[ "$(opened --no-cache)" = "packed now" ] && ok "or not" || not_ok "or not"
run "$program" bench -m "$model" --precision int8 --seconds 1 --repeat 2
check "bench says so" 0 both 'grep -qE "^opened +from the cache$" "$place/out"' 'grep -qE "^open_ms .*first of 2; 2 from the cache" "$place/out"'

run "$program" models cache
check "models cache lists it" 0 both quiet 'grep -qE "^talk +int8 +[0-9.]+ [kM]B +20[0-9]{2}-" "$place/out"'
run "$program" models cache --json
check "as JSON" 0 both quiet 'out_has "\"model\": \"talk\", \"precision\": \"int8\", \"bytes\": "'
printf x | dd of="$(ls "$folder"/*)" bs=1 seek=20 conv=notrunc 2>/dev/null
run "$program" models cache
check "a damaged one is told apart" 0 out_has "(damaged, or another version's)"
transcribe -m "$model" --precision int8 "$short"
check "and made again without a word" 0 both quiet 'cmp -s "$place/out" "$place/first"'
[ "$(opened)" = "from the cache" ] && ok "whole" || not_ok "whole"

run "$program" models cache --path --clear
check "--path stands alone" 2 err_has "--path stands alone"
run "$program" models cache --clear
check "--clear" 0 both quiet 'n_files 0'
run "$program" models cache --clear --json
check "of nothing, as JSON" 0 out_has '"removed": 0'

for home in /dev/null /proc/no/such; do
    XDG_CACHE_HOME=$home transcribe -m "$model" --precision int8 "$short"
    check "a cache below $home: not a word" 0 both quiet 'cmp -s "$place/out" "$place/first"'
done
XDG_CACHE_HOME=$place/held
mkdir -p "$XDG_CACHE_HOME/ctrlspeak/packed" && chmod 500 "$XDG_CACHE_HOME/ctrlspeak/packed"
transcribe -m "$model" --precision int8 "$short"
check "a cache that cannot be written: not a word" 0 both quiet 'cmp -s "$place/out" "$place/first"'
chmod 700 "$XDG_CACHE_HOME/ctrlspeak/packed"

run sh -c 'ulimit -f 3000; exec "$@"' - "$program" transcribe -m "$model" --precision int8 "$short"
check "a disk that fills up: not a word" 0 both quiet 'cmp -s "$place/out" "$place/first"'

run "$program" models info --json "$model"
check "auto says why" 0 both 'out_has "\"precision\": \"f32\""' 'out_has "\"precision_reason\": \"auto: dense layers under 64 MB\""'
run "$program" models info --precision int8 "$model"
check "asked for" 0 grep -qE '^precision +int8 \(asked for\)$' "$place/out"
done_testing
