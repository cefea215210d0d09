#!/bin/sh
# SPDX-License-Identifier: MIT
# languages.sh PROGRAM MODEL SPEECH WORKER: the whole program with a small model that has prompts. German speech is written as German
# and as English, by what the settings, a gesture's text and a command say; killed in the middle of a recording it makes the same of
# it at the next start; a language that the model lacks loses no sound.
set -u
program=$1 model=$2 speech=$3 worker=$4 n=0 bad=0 pid=
place=$(mktemp -d "${TMPDIR:-/tmp}/languages-XXXXXX") || exit 1
XDG_RUNTIME_DIR=$place XDG_STATE_HOME=$place XDG_CONFIG_HOME=$place XDG_CONFIG_DIRS=$place XDG_CACHE_HOME=$place
export XDG_RUNTIME_DIR XDG_STATE_HOME XDG_CONFIG_HOME XDG_CONFIG_DIRS XDG_CACHE_HOME
unset DISPLAY DBUS_SESSION_BUS_ADDRESS
trap '[ -z "$pid" ] || kill -9 "$pid" 2>/dev/null; rm -rf "$place"' EXIT
config=$place/config

ok() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        bad=1
        echo "not ok $n - $2"
        sed 's/^/# /' "$place/ctrlspeak/dictate.log" "$place/stderr"
    fi
}

# wait_for COMMAND...: until it succeeds, up to a minute.
wait_for() {
    tries=0
    until "$@"; do
        tries=$((tries + 1))
        [ "$tries" -lt 600 ] || return 1
        sleep 0.1
    done
}

state_is() { "$program" dictate status --json 2>/dev/null | grep -q "\"state\": \"$1\""; }
text_begins() { "$program" dictate last 2>/dev/null | grep -q "^$1 "; }
history_has() { "$program" history list --json 2>/dev/null | grep -q "\"language\": *\"$1\""; }
sound_is_kept() { ls "$place"/ctrlspeak/spool/*.cspool >/dev/null 2>&1; }
no_sound_is_kept() { ! sound_is_kept; }
is_recorded() { [ "$(cat "$place"/ctrlspeak/spool/*.cspool 2>/dev/null | wc -c)" -gt "$1" ]; }

# start SOURCE SETTING...: the program, and wait for its model.
start() {
    printf 'audio.source = %s:%s\n' "$1" "$speech" >"$config"
    shift
    printf '%s\n' "audio.cue_volume = 0" "deliver.way = none" "dictate.keys = none" "dictate.worker = $worker" "$@" >>"$config"
    "$program" dictate --no-ui --config "$config" --model "$model" 2>>"$place/stderr" &
    pid=$!
    wait_for state_is ready
}

end() {
    "$program" dictate quit
    wait "$pid"
    pid=
}

: >"$place/stderr"
start fast "dictate.language = de"
ok $? "starts"
"$program" dictate start && wait_for text_begins Die
ok $? "the settings' language is written"
wait_for history_has de
ok $? "and in the history"
"$program" dictate toggle --translate-to en && wait_for text_begins The
ok $? "a command's target: translated"
wait_for history_has 'de>en'
ok $? "and in the history as such"
"$program" dictate start --language de && wait_for text_begins Die
ok $? "a command's language"
"$program" dictate start --language d,e 2>"$place/said"
[ $? = 2 ] && grep -q "the language to hear is 'd,e'" "$place/said"
ok $? "what is no language is refused"
"$program" dictate start --language ru
ok $? "one that the model lacks is recorded"
wait_for sound_is_kept && wait_for state_is ready && sound_is_kept && grep -q "'ru'.*fr" "$place/ctrlspeak/dictate.log"
ok $? "its sound stays, and the log names those there are"
end
rm -f "$place"/ctrlspeak/spool/*.cspool "$place"/ctrlspeak/history.db*

# A minute of silence behind it, so that the recording does not end by itself: the header's two sizes, then what there was.
long=$place/long.wav
{
    head -c 4 "$speech" && printf '\064\233\036\000'
    head -c 40 "$speech" | tail -c +9 && printf '\020\233\036\000'
    tail -c +45 "$speech" && head -c 1920000 /dev/zero
} >"$long"
speech=$long
start file "dictate.language = en"
"$program" dictate start --language de --translate-to en && wait_for is_recorded 64000
ok $? "two seconds are recorded"
"$program" dictate status | grep -q '^recording .*, de > en$'
ok $? "status shows the languages"
"$program" dictate status --json | grep -q '"language": "de", "translate_to": "en"'
ok $? "and in JSON"
kill -9 "$pid"
wait "$pid" 2>/dev/null
start file "dictate.language = de"
wait_for history_has 'de>en' && text_begins The
ok $? "after a crash it is heard as it was meant"
wait_for no_sound_is_kept
ok $? "and its sound is gone"
end
[ ! -s "$place/stderr" ] || ! grep -v '"ru"'  "$place/stderr"
ok $? "nothing else was said"
echo "1..$n"
exit $bad
