#!/bin/sh
# SPDX-License-Identifier: MIT
# models get against a server on the loopback that breaks off, lies, redirects and stalls.
. "$(dirname "$0")/../cli/cli.sh"
XDG_DATA_HOME=$place/data
export XDG_DATA_HOME
unset CS_MODELS_URL CURL_CA_BUNDLE http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
no_proxy=127.0.0.1,localhost
export no_proxy
models=$XDG_DATA_HOME/ctrlspeak/models
name=parakeet-tdt_ctc-110m
target=$models/$name.nemo

run "$program" models get nemotron-3.5-asr-streaming-0.6b
check "a model that cannot be run is refused" 4 err_is "error models nemotron-3.5-asr-streaming-0.6b (rnnt, with a language prompt) is a model that this version cannot run; --force fetches it nonetheless"
run "$program" models get --force canary-qwen-2.5b
check "one without a .nemo file, even with --force" 4 err_has "is not published as a .nemo file"
run "$program" models get parakeet-tdt-0.6b-v4
check "an unknown name" 4 err_has "did you mean 'parakeet-tdt-0.6b-v3'?"
run "$program" models get ftp://127.0.0.1/x.nemo
check "another scheme" 2 err_has "is neither https nor http"
run "$program" models get http://127.0.0.1/nvidia/x
check "a page instead of a file" 2 err_has "does not end in a model's file name"
run "$program" models get http://127.0.0.1/x/..nemo
check "a name that is none" 2 err_has "does not end in a model's file name"
run "$program" models get --sha256 123 "$name"
check "a digest that is none" 2 err_has "expected 64 hexadecimal digits"
run "$program" models get --base-url http://127.0.0.1:1 "$name"
if grep -q "built without libcurl" "$place/err"; then
    check "without libcurl: one sentence" 5 err_has "then: ctrlspeak models import FILE"
    skip "the rest: built without libcurl"
    done_testing
fi
check "nobody listens" 4 err_has "cannot be reached"
[ "$(ls -A "$models")" = "" ] && ok "and nothing is left" || not_ok "and nothing is left"
if ! command -v python3 >/dev/null; then
    skip "python3 is not installed: no server to test against"
    done_testing
fi

# ------------------------------------------------------------------ server
cert=
if command -v openssl >/dev/null && openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$place/key.pem" -out "$place/cert.pem" >/dev/null 2>&1; then
    cert=yes
fi
mkfifo "$place/stop"
python3 "$(dirname "$0")/model_server.py" "$model" "$place" ${cert:+"$place/cert.pem" "$place/key.pem"} \
    <"$place/stop" >"$place/server" 2>&1 &
exec 8>"$place/stop" # closed when this script ends, and with it the server
i=0
while [ ! -f "$place/port" ] && [ $i -lt 1000 ]; do
    sleep 0.05
    i=$((i + 1))
done
if [ ! -f "$place/port" ]; then
    cp "$place/server" "$place/err"
    not_ok "the server starts"
    done_testing
fi
here=http://127.0.0.1:$(cat "$place/port")
tls=https://127.0.0.1:$(cat "$place/port-tls" 2>/dev/null)
sha256=$(python3 -c 'import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], "rb").read()).hexdigest())' "$model")

# get BEHAVIOUR OPTION...: fetch $name with short waits.
get() {
    kind=$1
    shift
    run "$program" models get --retry-wait 10 --tries 3 --timeout 60 --base-url "$here/$kind" "$@" "$name"
}

# whole WHAT...: the last get brought the model and left nothing else; then it is removed.
whole() {
    check "$1" 0 out_is "$target"
    shift
    if cmp -s "$model" "$target" && [ "$(ls -A "$models" | tr '\n' ' ')" = "$name.nemo $name.nemo.sha256 " ] \
        && { [ $# = 0 ] || "$@"; }; then
        ok "  and all of it is there"
    else
        ls -lA "$models" >"$place/out"
        not_ok "  and all of it is there"
    fi
    rm -rf "$models"
}

# nothing WHAT STATUS TEST...: the last get failed and left nothing.
nothing() {
    check "$@"
    [ "$(ls -A "$models" 2>/dev/null)" = "" ] && ok "  and nothing is left" \
        || { ls -lA "$models" >"$place/out"; not_ok "  and nothing is left"; }
    rm -rf "$models"
}

# log_has LINE: the server was asked so.
log_has() {
    grep -qxF -- "$1" "$place/log"
}

# asked BEHAVIOUR TIMES
asked() {
    [ "$(grep -c "^$1 " "$place/log")" = "$2" ]
}

# ---------------------------------------------------------------- all right
get ok
whole "a server without a fault" err_has "SHA-256 $sha256, which nobody vouches for"
get hub
whole "Hugging Face's layout" err_has "$sha256, as the server stated, but not over TLS"
get hub
"$program" models verify "$name" >"$place/out" 2>"$place/err"
status=$?
check "its digest is remembered" 0 out_is "$name: structure and digest right"
[ "$(cat "$target.sha256")" = "$sha256  $name.nemo" ] && ok "as sha256sum writes it" || not_ok "as sha256sum writes it"
get hub
check "one that is there is not fetched again" 0 both 'err_has "is here already"' 'out_is "$target"'
asked hub 2 && ok "indeed" || not_ok "indeed"
get hub --force
whole "but with --force it is"
CS_MODELS_URL=$here/ok/ run "$program" models get "$name"
whole "a mirror from the environment"
run "$program" models get "$here/ok/some/own-model.nemo?download=true"
check "a URL" 0 out_is "$models/own-model.nemo"
rm -rf "$models"
get ok --sha256 "$sha256"
whole "the right --sha256" err_has "as expected"
get chain
whole "a chain of redirects"
get chunked
whole "chunked, without a length"
get no-length
whole "without any length"

# -------------------------------------------------------------- breaking off
get break
whole "breaks off again and again: gone on from" log_has 'break bytes=100000- "one"'
asked break 5 && ok "  and each byte came once" || not_ok "  and each byte came once"
get no-range
whole "a server that cannot go on: from the start" asked no-range 2
get no-etag
whole "nothing tells whether it changed: from the start" log_has "no-etag None None"
get changed
whole "the file changed meanwhile: from the start" log_has 'changed bytes=100000- "other"'
get other-range
whole "another range than asked for: from the start" asked other-range 3
get break-always
check "gives up" 4 err_has "broke off after 100000 of $(wc -c <"$model") bytes; gave up after 3 tries"
[ -s "$target.part" ] && ok "  and keeps what it has" || not_ok "  and keeps what it has"
"$program" models list >"$place/out" 2>"$place/err"
status=$?
check "which models list shows" 0 out_has partial
run "$program" models get --base-url "$here/ok" "$name"
whole "another address starts over" log_has "ok None None"
get 500-once
whole "an error of a moment" err_has "warning fetch $here/500-once/nvidia/$name/resolve/main/$name.nemo: answered HTTP 500; trying again"
get busy
whole "asked to wait a second" err_has "answered HTTP 429"
get stall-once --timeout 1 --tries 30
whole "said nothing for a second: gone on from" err_has "said nothing for 1 s"

mkdir -p "$models"
get whole --tries 1
cp "$model" "$target.part"
get whole
whole "all was there, but not yet judged" log_has "whole bytes=$(wc -c <"$model")- \"one\""
run "$program" models get --tries 1 --base-url "http://user:password@${here#*//}/500" "$name"
nothing "a password stays where it is" 4 both "err_has ': answered HTTP 500'" '! err_has password'

# --------------------------------------------------------------------- faults
get huge
nothing "a file larger than the disk" 5 err_has "needs 1000 TB on the disk, where "
get busy-long
nothing "asked to wait for an hour" 4 err_has "and asks to wait 4000 seconds"
get stall --timeout 1 --tries 1
check "a server that falls silent" 4 err_has "said nothing for 1 s"
rm -rf "$models"
get mute --timeout 1 --tries 1
nothing "one that never speaks" 4 err_has "said nothing for 1 s"
get hub-wrong
nothing "a wrong digest" 4 err_has "has the SHA-256 $sha256, expected 00000000"
get ok --sha256 "$(echo "$sha256" | tr 0-9a-f f0-9a-e)"
nothing "a wrong --sha256" 4 err_has "it was removed"
get hub-size
nothing "two lengths" 4 err_has "states two lengths, "
get too-long
check "more stated than sent: as if it broke off" 4 err_has "gave up after 3 tries"
rm -rf "$models"
get too-short
nothing "less stated than there is" 4 err_has "is no model for this version, and was removed: "
get chunked-broken
check "chunks that break off" 4 err_has "broke off"
rm -rf "$models"
for error in 403:"refuses it (HTTP 403)" 401:"refuses it (HTTP 401)" 404:"no such file (HTTP 404)" 418:"answered HTTP 418" \
    500:"answered HTTP 500; gave up after 3 tries" 503:"answered HTTP 503; gave up" 416:"cannot go on" \
    206:"answered with a part" empty:"is empty" html:"answered with a web page" junk:"is no model" \
    endless:"no such file" loop:"redirects more than 10 times" to-nowhere:"redirects to nowhere" \
    to-ftp:"which is neither http nor https" to-file:"which is neither http nor https"; do
    get "${error%%:*}"
    nothing "${error%%:*}" 4 err_has "${error#*:}"
done

# ------------------------------------------------------------------------ TLS
if [ $cert ]; then
    run "$program" models get --base-url "$tls/hub" "$name"
    nothing "an unknown certificate" 4 err_has "certificate"
    run "$program" models get --ca-file "$place/cert.pem" --base-url "$tls/hub" "$name"
    whole "a digest over TLS" err_has "$sha256, as the server stated over TLS"
    run "$program" models get --ca-file "$place/cert.pem" --base-url "$tls/to-http" "$name"
    nothing "from https to http" 4 both 'err_has "redirects from https to http://127.0.0.1:"' '! err_has secret'
else
    skip "openssl is not installed: no certificate for TLS"
fi

# ------------------------------------------------------------- disk, signals
run sh -c 'ulimit -f 100; exec "$@"' - "$program" models get --base-url "$here/ok" "$name"
check "a disk that fills up" 5 err_has "cannot write: File too large"
run "$program" models get --base-url "$here/ok" "$name"
whole "room again: gone on from" grep -qE '^ok bytes=[1-9][0-9]*- "one"$' "$place/log"
if [ "$(id -u)" != 0 ]; then
    mkdir -p "$models"
    chmod 555 "$models"
    get ok
    nothing "a folder that cannot be written" 5 err_has "cannot create: Permission denied"
else
    skip "root can write everywhere"
fi

wait_for() {
    i=0
    while [ $i -lt 1000 ] && ! eval "$1"; do
        sleep 0.05
        i=$((i + 1))
    done
}
if env --default-signal=INT true 2>/dev/null; then
    env --default-signal=INT "$program" models get --base-url "$here/hold" "$name" >"$place/out" 2>"$place/err" &
    pid=$!
    wait_for '[ -s "$target.part" ]'
    run "$program" models get --base-url "$here/hold" "$name"
    check "two at once: one at a time" 5 err_is "error models $target: another ctrlspeak is fetching it just now"
    run "$program" models remove "$name"
    check "nor is it removed meanwhile" 5 err_has "is fetching it just now"
    kill -INT $pid
    wait $pid
    status=$?
    check "interrupted" 130 test -s "$target.part"
    get hold
    whole "gone on from" log_has 'hold bytes=100000- "one"'
else
    skip "env cannot set signals"
fi
env "$program" models get --base-url "$here/hold2" "$name" >"$place/out" 2>"$place/err" &
pid=$!
wait_for '[ -s "$target.part" ]'
kill -KILL $pid
wait $pid 2>/dev/null
get hold2
whole "killed: gone on from" log_has 'hold2 bytes=100000- "one"'

get ok --progress
grep -q 'left' "$place/err" && ok "a bar when asked for" || not_ok "a bar when asked for"
run "$program" models remove "$name"
check "removed" 0 test ! -e "$target"
[ "$(ls -A "$models")" = "" ] && ok "with all that belongs to it" || not_ok "with all that belongs to it"
done_testing
