#!/bin/sh
# SPDX-License-Identifier: MIT
#
# history_cli.sh PROGRAM: `ctrlspeak history` from outside, with folders of its own: status, stdout, stderr; a full disk
# and a read-only one where this may mount (root). Entries come in by import, so that the sqlite3 command is needed.
set -u
program=$1
if ! command -v sqlite3 >/dev/null; then
    echo "1..0 # SKIP the sqlite3 command is not here"
    exit 0
fi
. "$(dirname "$0")/../cli_kit.sh"
trap 'umount "$place/small" 2>/dev/null; rm -rf "$place"' EXIT
export LC_ALL=C TZ=Europe/Berlin HOME="$place/home" XDG_CONFIG_HOME="$place/config" XDG_STATE_HOME="$place/state" \
    XDG_RUNTIME_DIR="$place/run" XDG_CONFIG_DIRS="$place/system"
db=$place/state/ctrlspeak/history.db
mkdir -p "$place/home/.ctrlspeak" "$place/run"
chmod 700 "$place/run"

run() {
    "$program" history "$@" >"$place/out" 2>"$place/err" </dev/null
    status=$?
}

json() {
    command -v python3 >/dev/null || return 0
    python3 -c "import json, sys; d = json.load(open(sys.argv[1])); sys.exit(0 if ($1) else 1)" "$place/out"
}

theirs=$place/home/.ctrlspeak/history.db
sqlite3 "$theirs" "CREATE TABLE schema_version(version INTEGER); INSERT INTO schema_version VALUES (1);
CREATE TABLE history(id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp TEXT, text TEXT, model TEXT, duration_seconds REAL,
language TEXT DEFAULT 'en');
INSERT INTO history(timestamp, text, model, duration_seconds) VALUES
('2026-01-08T12:34:56.789012', 'The quarterly report, please.', 'parakeet', 3.25),
('2026-01-08T12:35:56', 'Zebra at the caf' || char(233) || ', \"quoted\",' || char(10) || 'second line', 'parakeet', 12),
('2026-01-09T08:00:00', 'Escape' || char(27) || '[2J and bell' || char(7), 'parakeet', 1),
('never', 'unusable', 'm', 1);"
cp "$theirs" "$place/theirs"

run list
check "list before there is anything" 0 "$silent" 'err_has "info history $db: there is no history yet"' '[ ! -e "$place/state" ]'
run list --json
check "list --json of nothing" 0 'json "d == {\"version\": 1, \"entries\": []}"' '[ ! -e "$place/state" ]'
run import
check "import" 0 "$quiet" \
    'out_is "3 imported, 0 were there already, 1 cannot be used (no text, no time, or too long)"'
run import "$theirs"
check "import again takes nothing" 0 "$quiet" \
    'out_is "0 imported, 3 were there already, 1 cannot be used (no text, no time, or too long)"' \
    'cmp -s "$theirs" "$place/theirs"'
check "the file and its folder are for the user alone" 0 \
    '[ "$(stat -c %a "$db" "$place/state/ctrlspeak" | tr "\n" " ")" = "600 700 " ]'
run list
check "list" 0 "$quiet" 'out_is "    3  2026-01-09 08:00     1.0 s  Escape [2J and bell 
    2  2026-01-08 12:35    12.0 s  Zebra at the café, \"quoted\", second line
    1  2026-01-08 12:34     3.2 s  The quarterly report, please."'
run list --limit 1
check "list --limit" 0 "$quiet" '[ "$(wc -l <"$place/out")" = 1 ]' 'out_has Escape'
run list --json
check "list --json" 0 "$quiet" 'json "[e[\"id\"] for e in d[\"entries\"]] == [3, 2, 1]"' \
    'json "d[\"entries\"][2][\"time\"] == \"2026-01-08T11:34:56.789Z\" and d[\"entries\"][2][\"speech_seconds\"] == 3.25"' \
    'json "d[\"entries\"][2][\"latency_ms\"] is None and d[\"entries\"][1][\"text\"].endswith(\"\\\"quoted\\\",\\nsecond line\")"'
run search CAFE zeb\*
check "search" 0 "$quiet" '[ "$(wc -l <"$place/out")" = 1 ]' 'out_has Zebra'
run search '"report quarterly"'
check "search finds nothing" 0 "$quiet" "$silent"
run search 'AND' '(' '"' "'; DROP TABLE entry; --"
check "search for what is no word" 0 "$quiet" "$silent"
run show 1
check "show" 0 "$quiet" 'out_has "time      2026-01-08 12:34:56"' 'out_has "source    import"' \
    '[ "$(tail -n 1 "$place/out")" = "The quarterly report, please." ]'
run show --text 2
check "show --text" 0 "$quiet" 'out_is "Zebra at the café, \"quoted\",
second line"'
run show 1 --json
check "show --json" 0 "$quiet" 'json "d[\"id\"] == 1 and d[\"source\"] == \"import\""'
run show 77
check "show of none" 3 "$silent" 'err_has "there is no entry 77"'
for id in x 0 -1 1x 99999999999999999999; do
    run show -- $id
    check "show $id" 2 "$silent" 'err_has "is no id; history list shows them"'
done
run stats
check "stats" 0 "$quiet" 'out_has "entries    3"' 'out_has "speech     0:16"' 'out_has "from       2026-01-08 12:34:56"'
run stats --json
check "stats --json" 0 "$quiet" 'json "d[\"entries\"] == 3 and d[\"words\"] == 15 and d[\"bytes\"] > 4096"'
run export
check "export" 0 "$quiet" '[ "$(head -n 2 "$place/out" | tail -n 1)" = "The quarterly report, please." ]'
run export -f json
check "export json, the oldest first" 0 "$quiet" 'json "[e[\"id\"] for e in d[\"entries\"]] == [1, 2, 3]"'
run export -f csv -o "$place/out.csv"
check "export csv into a file for the user alone" 0 "$quiet" "$silent" '[ "$(stat -c %a "$place/out.csv")" = 600 ]'
if command -v python3 >/dev/null; then
    python3 -c "
import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline='')))
assert rows[0] == 'id time text model language target source speech_seconds latency_ms delivered'.split(), rows[0]
assert rows[2][2] == 'Zebra at the café, \"quoted\",\nsecond line' and len(rows) == 4 and {len(r) for r in rows} == {10}
" "$place/out.csv" 2>"$place/err"
    status=$?
    check "which a CSV reader reads" 0
fi
if [ -w /dev/full ]; then
    "$program" history export >/dev/full 2>"$place/err"
    status=$?
    check "standard output is full" 5 'err_has "No space left on device"'
fi
"$program" history export 2>"$place/err" | true
status=0
check "a closed pipe ends it quietly" 0 "$quiet"

run copy 1
check "copy without a running dictation" 7 "$silent" 'err_has "ctrlspeak dictate must be running"' \
    '[ "$(wc -l <"$place/err")" = 1 ]'
grep -q Zebra "$db" && status=0 || status=1
check "the text is in the file" 0
run delete 2
check "delete" 0 "$quiet" "$silent"
grep -ql -e Zebra -e ebra "$place"/state/ctrlspeak/* && status=1 || status=0
check "and then in none of the files" 0
run delete 2 3
check "delete one that is and one that is not" 1 "$silent" 'err_has "1 of 2 deleted"'
run delete 2
check "delete none" 3 "$silent" 'err_has "0 of 1 deleted"'
if command -v python3 >/dev/null; then
    # on_terminal ANSWER WORD...: with a terminal of 60 columns on all three; ANSWER once it asks.
    on_terminal() {
        python3 - "$program" "$@" >"$place/out" 2>"$place/err" <<'END'
import fcntl, os, pty, struct, sys, termios
program, answer, words = sys.argv[1], sys.argv[2], sys.argv[3:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 20, 60, 0, 0))
    os.execv(program, [program, "history"] + words)
text = b""
while True:
    try:
        piece = os.read(terminal, 1000)
    except OSError:
        break
    if not piece:
        break
    text += piece
    if text.endswith(b"[y/N] "):
        os.write(terminal, answer.encode() + b"\n")
sys.stdout.write(text.decode().replace("\r", ""))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
END
        status=$?
    }
    on_terminal n list
    check "a line is no longer than the terminal is wide" 0 "$quiet" \
        'out_is "    1  2026-01-08 12:34     3.2 s  The quarterly report, ..."'
    on_terminal n clear
    check "clear asks on a terminal" 1 'out_has "Delete all dictations (1) for ever? [y/N]"' 'out_has "nothing was deleted"'
    run list
    check "and takes no for an answer" 0 "$quiet" 'out_has quarterly'
fi
run clear
check "clear does not ask where nobody can answer" 2 "$silent" 'err_has "--yes does not ask"'
run list
check "and nothing was cleared" 0 "$quiet" 'out_has quarterly'
run clear --yes
check "clear --yes" 0 "$quiet" "$silent"
grep -ql -e uarterly "$place"/state/ctrlspeak/* && status=1 || status=0
check "leaves no text" 0
run list
check "an empty list" 0 "$quiet" "$silent"

other=$place/elsewhere/x.db
mkdir -m 755 "$place/elsewhere"
run list --history-db "$other"
check "--history-db that is not there" 3 "$silent" 'err_has "error history $other: there is no history"' '[ ! -e "$other" ]'
run import --history-db "$other"
check "--history-db, and the folder keeps its mode" 0 "$quiet" '[ "$(stat -c %a "$place/elsewhere" "$other" | tr "\n" " ")" = "755 600 " ]'
mkdir -p "$place/config/ctrlspeak"
printf '[history]\nfile = %s\n' "$other" >"$place/config/ctrlspeak/config"
run list
check "the config names it" 0 "$quiet" 'out_has quarterly'
CS_HISTORY_FILE=$db run list
check "and a variable another" 0 "$quiet" "$silent"
rm "$place/config/ctrlspeak/config"
run list --history-db "$theirs"
check "the Python program's file is no history" 5 "$silent" 'err_has "ctrlspeak history import FILE takes it over"' \
    'cmp -s "$theirs" "$place/theirs"'
run import "$other"
check "nor ours the Python program's" 3 "$silent" 'err_has "is not the Python program'"'"'s history"'
printf 'SQLite format 3\0and then nothing that was ever a database' >"$place/bad.db"
cp "$place/bad.db" "$place/bad"
run list --history-db "$place/bad.db"
check "a damaged file is named and left alone" 5 "$silent" 'err_has "error history $place/bad.db: is damaged"' \
    'cmp -s "$place/bad.db" "$place/bad"'
run
check "history alone" 2 "$silent" 'err_has "after history comes one of: list, search, show, copy, delete, clear, export, stats, import"'
if [ "$(id -u)" != 0 ]; then
    chmod 500 "$place/elsewhere"
    run import --history-db "$place/elsewhere/y.db"
    check "a folder that cannot be written" 5 "$silent" 'err_has "Permission denied"'
    chmod 755 "$place/elsewhere"
fi

# A disk of 200 kB: the import does not fit, is undone, and what was there still reads.
mkdir "$place/small"
if [ "$(id -u)" = 0 ] && mount -t tmpfs -o size=200k none "$place/small" 2>/dev/null; then
    run import --history-db "$place/small/x.db"
    check "a small disk" 0 "$quiet"
    sqlite3 "$theirs" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
        INSERT INTO history(timestamp, text, model, duration_seconds)
        SELECT '2026-02-01T10:' || printf('%02d:%02d', i / 60, i % 60), 'filler ' || i || hex(randomblob(60)), 'm', 1 FROM n"
    run import --history-db "$place/small/x.db"
    check "that becomes full" 3 "$silent" 'err_has "$place/small/x.db: cannot write: database or disk is full"'
    run list --history-db "$place/small/x.db"
    check "keeps what was there" 0 "$quiet" '[ "$(wc -l <"$place/out")" = 3 ]'
    run export --history-db "$place/small/x.db" -o "$place/small/out"
    check "and takes what still fits" 0 "$quiet" '[ -s "$place/small/out" ]'
    mount -o remount,ro "$place/small"
    run delete 1 --history-db "$place/small/x.db"
    check "a read-only disk" 5 "$silent" '[ "$(wc -l <"$place/err")" = 1 ]' 'err_has "$place/small/x.db: cannot open: Read-only file system"'
    umount "$place/small"
else
    n=$((n + 1))
    echo "ok $n # SKIP no small disk can be mounted here"
fi
echo "1..$n"
exit $bad
