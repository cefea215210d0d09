#!/bin/sh
# SPDX-License-Identifier: MIT
#
# screen_tmux.sh DEMO: what the screen looks like, in a terminal emulator of known size.
demo=$1
command -v tmux >/dev/null || { echo "1..0 # SKIP tmux is not installed"; exit 0; }
work=$(mktemp -d) || exit 1
export LC_ALL=C.UTF-8 XDG_CONFIG_HOME="$work/config" XDG_STATE_HOME="$work/state" TZ=UTC
unset NO_COLOR TMUX CS_MODEL
number=0 failed=0

mux() { tmux -S "$work/socket" -f /dev/null "$@"; }
trap 'mux kill-server 2>/dev/null; rm -rf "$work"' EXIT
trap "exit 1" HUP INT TERM PIPE

# start SIZE COMMAND...: a fresh emulator
start() {
    size=$1; shift
    mux kill-session -t "$session" 2>/dev/null
    session=s$((${session#s} + 1))
    mux new-session -d -s "$session" -x "${size%x*}" -y "${size#*x}" "$*; sleep 1000"
}
session=s0
# without the keeper the server would end with each session
mux new-session -d -s keeper 'sleep 1000' 2>/dev/null || { echo "1..0 # SKIP tmux cannot run here"; exit 0; }

keys() { mux send-keys -t "$session" "$@"; }
picture() { mux capture-pane -p -t "$session" "$@" 2>/dev/null; }

# shows TEXT: it is on screen, at once or soon
shows() {
    tries=0
    until picture | grep -qF -e "$1"; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || { echo "# \"$1\" is not on screen:"; picture | sed 's/^/# /'; return 1; }
        sleep 0.05
    done
}

ok() {
    number=$((number + 1))
    if [ "$1" = 0 ]; then echo "ok $number - $2"; else echo "not ok $number - $2"; failed=1; fi
}

main_page() {
    start 80x24 "'$demo' --scene recording"
    shows "SPEECH" && shows "Recording 01:23" && shows "12 dictations  p50 118 ms  p95 305 ms" || return 1
    picture >"$work/met"
    [ "$(sed -n 1p "$work/met")" = " ctrlspeak dictate                                              recording 01:23" ] &&
        [ "$(sed -n 2p "$work/met")" = " Model   parakeet-tdt-0.6b-v3" ] &&
        [ "$(sed -n 4p "$work/met")" = " Level   [#######################...........................]  45 %  SPEECH" ] &&
        [ "$(sed -n 6p "$work/met")" = " Where did it go? Nobody knew; nobody asked" ] &&
        [ "$(grep -c . "$work/met")" = 10 ] || { sed 's/^/# /' "$work/met"; return 1; }
}

large_page() {
    start 200x50 "'$demo'"
    shows "q quit" || return 1
    [ "$(picture | grep -n 'space start.*q quit' | cut -d: -f1)" = 50 ] && picture | sed -n 1p | grep -q "ready$"
}

small_pages() {
    for size in 20x5 12x2 1x1 40x8; do
        start $size "'$demo' --scene long"
        for key in d m r l s h; do
            keys $key
            keys Down PPage q
        done
        mux resize-window -t "$session" -x 80 -y 24
        shows "q quit" || return 1
    done
}

pages_leave_nothing_behind() {
    start 80x24 "'$demo' --history '$work/h.db' --log '$work/log'"
    shows "q quit" || return 1
    picture >"$work/before"
    for page in "d Yeti" "m commands" "r entries" "l hello" "s built-in" "h Esc"; do
        keys "${page% *}"
        shows "${page#* }" || return 1
        keys q
        shows "q quit" && shows "Ready," || return 1
    done
    picture >"$work/after"
    cmp -s "$work/before" "$work/after" || { diff "$work/before" "$work/after" | sed 's/^/# /'; return 1; }
}

resize_storm() {
    start 80x24 "'$demo' --scene wide"
    shows "q quit" || return 1
    picture >"$work/before"
    for step in 1 2 3 4 5 6 7 8; do
        for size in "10 3" "200 50" "33 24" "80 7" "1 1" "81 25"; do
            mux resize-window -t "$session" -x ${size% *} -y ${size#* }
        done
    done
    mux resize-window -t "$session" -x 80 -y 24
    tries=0
    until picture >"$work/after" && cmp -s "$work/before" "$work/after"; do
        tries=$((tries + 1))
        [ $tries -lt 200 ] || { diff "$work/before" "$work/after" | sed 's/^/# /'; return 1; }
        sleep 0.05
    done
}

without_colour() {
    escape=$(printf '\033')
    start 80x24 "NO_COLOR=1 '$demo' --scene failed"
    shows "Not delivered" || return 1
    picture -e | grep -q "$escape\[[0-9;]*3[1-7]m" && return 1
    start 80x24 "'$demo' --scene failed"
    shows "Not delivered" && picture -e | grep -q "$escape\[[0-9;]*3[1-7]m"
}

stop_and_continue() {
    start 80x24 "env PS1='prompt> ' ENV= sh -i"
    shows "prompt>" || return 1
    keys "'$demo' --scene recording" Enter
    shows "SPEECH" || return 1
    keys C-z
    shows "prompt>" || return 1
    keys "stty -a; echo modes" "-shown" Enter
    shows "modes-shown" && shows " icanon" && shows " echo " || return 1
    picture | grep -q "SPEECH" && return 1
    keys "fg" Enter
    shows "SPEECH" && shows "Recording 01:23" || return 1
    picture | grep -q "prompt>" && return 1
    keys q y
    shows "prompt>"
}

after_a_crash() {
    for signal in SEGV TERM USR1; do
        start 80x24 "env PS1='prompt> ' ENV= sh -i"
        keys "sh -c 'echo \$\$ >$work/pid; exec \"$demo\" --scene busy'" Enter
        shows "SPEECH" || return 1
        kill -$signal "$(cat "$work/pid")"
        shows "prompt>" || return 1
        keys "stty -a; echo modes" "-shown" Enter
        shows "modes-shown" && shows " icanon" && shows " echo " || return 1
        [ "$(mux display-message -p -t "$session" '#{cursor_flag}#{alternate_on}')" = 10 ] || return 1
    done
}

history_is_searched_and_deleted_from() {
    start 80x24 "'$demo' --history '$work/h.db'"
    shows "q quit" || return 1
    keys r
    shows "3 entries" && shows "(not delivered) 漢字" || return 1
    keys / A n n a
    shows "Search: Anna" || return 1
    keys Enter
    shows "1 found: Anna" || return 1
    keys Enter
    shows "delivered to Editor" && shows "Send the report to Anna before noon." || return 1
    keys d
    shows "y deletes" || return 1
    keys n
    shows "Esc back  Up/Down" || return 1
    keys d y
    shows "0 found: Anna" || return 1
    keys Escape
    shows "2 entries" || return 1
    start 80x24 "'$demo' --history none"
    keys r
    shows "No history is kept"
}

settings_are_changed_in_the_file() {
    file=$XDG_CONFIG_HOME/ctrlspeak/config
    start 80x24 "'$demo' --commands '$work/commands'"
    shows "q quit" || return 1
    keys s
    shows "> model" || return 1
    keys Down
    shows "threads for decoding" || return 1
    keys Enter 9 9 9 Enter
    shows "expected" || return 1 # what is wrong is said, and the line stays open
    keys C-u 4 Enter
    shows "threads is written" && grep -q "threads = 4" "$file" && grep -q "setting-changed threads" "$work/commands" || return 1
    keys u
    shows "threads                  0" || return 1
    ! grep -q "threads = 4" "$file"
}

foreign_text_is_harmless() {
    printf '1 info daemon \033[2Jhello\n2 error x \302\233\n' >"$work/evil"
    start 80x24 "'$demo' --scene controls --log '$work/evil'"
    shows "a�[5m message" || return 1
    keys l
    shows "1 info daemon �[2Jhello" && shows "2 error x �"
}

"$demo" --fill "$work/h.db" || exit 1
echo "1 info daemon hello" >"$work/log"
for check in main_page large_page small_pages pages_leave_nothing_behind resize_storm without_colour stop_and_continue \
    after_a_crash history_is_searched_and_deleted_from settings_are_changed_in_the_file foreign_text_is_harmless; do
    $check
    ok $? $check
done
echo "1..$number"
exit $failed
