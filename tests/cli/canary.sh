#!/bin/sh
# SPDX-License-Identifier: MIT
# Canary from the command line: languages, prompts, searches, times, long recordings, and what is written of them.
. "$(dirname "$0")/cli.sh"
english="The harbour was quiet, too quiet, and the train left at 7:30. Where did it go? Nobody knew; nobody asked! We'll wait."
german="Die Brücke ist schön, aber der Fluß ist größer."

# canary MODEL OPTION...
canary() {
    folder=$1
    shift
    run "$program" transcribe -m "$data/$folder/model.nemo" "$@"
}

# raw FIRST N FILE: samples of the recording, which is 16-bit mono of 16 kHz with a head of 44 bytes.
raw() {
    tail -c +$((45 + 2 * $1)) "$3" | head -c $((2 * $2))
}

for folder in canary canary-flash; do
    canary $folder "$long"
    check "$folder" 0 both quiet 'out_is "$english"'
    canary $folder --language de "$short"
    check "$folder, German" 0 both quiet 'out_is "$german"'
    canary $folder --language de --translate-to en "$short"
    check "$folder, German in English" 0 both quiet 'out_is "The bridge is fine, but the river is bigger."'
    canary $folder --translate-to de "$long"
    check "$folder, English in German" 0 both quiet 'out_is "Der Hafen war still. Wohin fuhr der Zug? Keiner fragte!"'
    canary $folder --no-punctuation "$long"
    check "$folder without punctuation" 0 both quiet 'out_has "the harbour was quiet too quiet and the train left at "'
    canary $folder --greedy --language de "$short"
    check "$folder, greedy" 0 both quiet 'out_is "$german"'
done
canary canary-v2 --language "<|de|>" --punctuation --head aed --no-itn --no-diarize "$short"
check "a model with one tokenizer" 0 both quiet 'out_is "$german"'
canary canary-flash --context "Nobody knew." "$long"
check "--context" 0 both quiet 'out_is "Nobody left the bridge at night."'
canary canary-flash --itn "$long"
check "--itn" 0 both quiet 'out_is "The train left at 7:30."'
canary canary-flash --diarize --language de "$short"
check "--diarize" 0 both quiet 'out_is "Der Zug ist schön."'
canary canary-v2 --emotion happy --language de "$short"
check "--emotion" 0 both quiet 'out_is "Der Zug ist schön."'
canary canary-flash --raw-spacing "$long"
check "--raw-spacing" 0 both quiet 'out_is " $english"'
canary canary-flash --language auto "$short" "$long"
check "--language auto of a model that never learned to tell" 3 both 'err_has "$short: model does not tell the language of this recording"' 'err_has "$long: model does not"'

# JSON
canary canary -f json --language de --translate-to en "$short"
check "json's keys" 0 json 'list(d) == "version file model head precision language duration text segments words tokens target_language chunks looped alternatives".split()'
check "json's values" 0 json '(d["head"], d["language"], d["target_language"], d["chunks"], d["looped"], d["alternatives"]) == ("aed", "de", "en", 1, False, [])'
check "json without times" 0 json 'all(x["start"] is None and x["end"] is None for x in d["segments"] + d["words"] + d["tokens"]) and len(d["words"]) == 9 and d["tokens"][0]["frame"] is None and d["tokens"][0]["logprob"] < 0'
canary canary -f json --language de "$short"
check "json of the language spoken" 0 json 'd["language"] == "de" and d["target_language"] is None'
canary canary-flash -f json "$long"
check "no times unless asked" 0 json 'd["words"][0]["start"] is None and d["words"][0]["word"] == "The"'
for folder in canary-flash canary-v2; do
    canary $folder -f json --timestamps word "$long"
    check "$folder with times" 0 json 'all(w["start"] <= w["end"] for w in d["words"]) and len(d["words"]) == 22 and [len(s["text"].split()) for s in d["segments"]] == [12, 4, 4, 2] and d["tokens"][0]["start"] is None'
    canary $folder -f json --timestamps segment "$long"
    check "$folder with times of segments" 0 json 'd["segments"][0]["start"] >= 0 and d["words"] == d["tokens"] == []'
    canary $folder -f json --timestamps none "$long"
    check "$folder without" 0 json 'd["segments"] == d["words"] == d["tokens"] == [] and d["text"]'
    canary $folder -f srt "$long"
    check "$folder as srt" 0 both quiet 'grep -qE "^00:00:0[0-9],[0-9]{3} --> " "$place/out" && out_has "The harbour was quiet,"'
    canary $folder -f vtt --timestamps segment "$long"
    check "$folder as vtt of segments" 0 both quiet 'test "$(grep -c " --> " "$place/out")" = 4'
    canary $folder -f tsv --timestamps none "$long"
    check "$folder as tsv" 0 both quiet 'test "$(wc -l <"$place/out")" = 5'
done
canary canary-flash -f ctm "$long"
check "flash as ctm" 0 both quiet 'grep -qE "^long 1 0.160 0.160 The " "$place/out"'

# Searches
canary canary -f json --language de --n-best 3 --length-penalty 1 "$short"
check "three lines of a search" 0 json '[round(x["score"], 3) for x in d["alternatives"]] == [-1.539, -5.948, -6.333]'
check "the first is the text" 0 json 'd["alternatives"][0]["text"] == d["text"] and d["alternatives"][0]["ids"] == [t["id"] for t in d["tokens"]]'
canary canary -f json --language de --n-best 2 --beams 4 "$short"
check "two of four" 0 json 'len(d["alternatives"]) == 2'
canary canary -f jsonl --greedy "$long" "$short"
check "greedy has confidences" 0 test "$(grep -c '"confidence": [0-9]' "$place/out")" = 2
canary canary -f json --max-delta -1 --repeat-guard 2 "$short"
check "limits" 0 json 'd["text"] and not d["alternatives"]'

# An answer that goes round and round
raw 9000 1 "$long" >"$place/one"
canary canary-v2 --raw s16le:16000:1 -f json "$place/one"
check "the guard says that it acted, once" 0 both 'json "d[\"looped\"]"' 'err_has "warning transcribe $place/one: " && test "$(wc -l <"$place/err")" = 1'
canary canary-v2 --raw s16le:16000:1 -f json --repeat-guard 0 "$place/one"
check "and acts when it may" 0 json 'not d["looped"] and len(d["tokens"]) > 40'
cat "$place/one" "$place/one" >"$place/two"
canary canary-v2 --raw s16le:16000:2 --channel each "$place/two"
check "the guard says in which channel" 0 both 'err_has "$place/two#0: "' 'err_has "$place/two#1: "'

# Sound that does not change
i=0
while [ $i -lt 320 ]; do printf '%0200d' 0; i=$((i + 1)); done >"$place/still"
canary canary-v2 --raw s16le:16000:1 "$place/still"
check "something is written where nothing is said" 0 grep -q . "$place/out"
canary canary-v2 --raw s16le:16000:1 --vad "$place/still"
check "--vad" 0 both quiet 'out_is ""'
canary canary-v2 --vad "$short"
check "--vad where something is" 0 both quiet 'out_is "The bridge is fine, but the river is bigger."'

# Long recordings
for i in 1 2 3 4 5; do raw 0 166592 "$long"; done >"$place/minute"
canary canary-v2 --raw s16le:16000:1 -f json --timestamps word "$place/minute"
check "52 seconds in two pieces" 0 json 'd["chunks"] == 2 and d["words"][-1]["end"] > 40 and all(a["end"] <= b["end"] for a, b in zip(d["words"], d["words"][1:]))'
canary canary-v2 --raw s16le:16000:1 -f json --no-chunks "$place/minute"
check "and in one" 0 json 'd["chunks"] == 1'

# Many at once, each as by itself
canary canary-flash --language en -f jsonl "$short" "$long"
sed 's/^.*"text": //; s/, "segments.*//' "$place/out" >"$place/together"
for file in "$short" "$long"; do
    "$program" transcribe -m "$data/canary-flash/model.nemo" --language en -f jsonl "$file" 2>/dev/null
done | sed 's/^.*"text": //; s/, "segments.*//' | cmp - "$place/together" && ok "two at once" || not_ok "two at once"

# What a model is
run "$program" models info "$data/canary-flash/model.nemo"
check "models info" 0 both quiet 'grep -qE "^prompt_format +canary2$" "$place/out" && grep -qE "^tasks +transcribe translate$" "$place/out" && grep -qE "^languages +en de es fr$" "$place/out"'
run "$program" models info --json "$data/canary/model.nemo"
check "models info of one without times" 0 json '(d["family"], d["heads"], d["times"], d["prompt_format"]) == ("aed", ["aed"], "none", "canary") and d["gives"] == ["text", "confidence"] and d["decoder_layers"] > 0 and d["decoder_d_model"] > 0 and d["max_positions"] > 0'
run "$program" models info --json "$data/canary-v2/model.nemo"
check "models info of one with an aligner" 0 json 'd["times"] == "aligner" and d["gives"] == ["text", "word_times", "segment_times", "confidence"]'
run "$program" models info --json "$model"
check "models info of a Parakeet" 0 json '(d["times"], d["tasks"], d["prompt_format"], d["max_positions"]) == ("frames", ["transcribe"], "", 0) and "token_times" in d["gives"]'
run "$program" bench -m "$data/canary/model.nemo" --seconds 2 --repeat 2 --language de --beams 2 --json
check "bench" 0 json 'd["decode_steps"] > 0 and d["step_ms"] > 0'
run "$program" bench -m "$data/canary-v2/model.nemo" --seconds 2 --repeat 2 --profile
check "bench --profile" 0 out_has "step_ms"
done_testing
