#!/bin/sh
# SPDX-License-Identifier: MIT
# Every format, alone and for several inputs; channels; raw samples; --dump; models info; bench.
. "$(dirname "$0")/cli.sh"
tab=$(printf '\t')

transcribe "$short"
check "txt" 0 both quiet 'out_is "$text_short"'
[ -n "$text_short" ] && ok "there is text" || not_ok "there is text"
transcribe "$short" "$long"
check "txt of two" 0 both quiet 'out_is "$short:$tab$text_short
$long:$tab$text_long"'
for head in ctc tdt; do
    transcribe --head $head -f json "$short"
    check "json, head $head" 0 both quiet 'json "d[\"head\"] == \"$head\""'
done
transcribe -f json "$short"
check "json's keys" 0 json 'list(d) == "version file model head precision language duration text segments words tokens".split() and d["version"] == 1'
transcribe -f json "$short" "$long"
check "json of two is an array" 0 json '[x["file"].rsplit("/")[-1] for x in d] == ["short.wav", "long.wav"]'
transcribe -f json "$place/none.wav" "$place/none2.wav"
check "json of nothing is an empty array" 3 out_is "[]"
transcribe -f jsonl "$short" "$long" "$short"
check "jsonl is a line each" 0 test "$(grep -c '^{"version": *1' "$place/out")" = 3
transcribe -f srt "$short"
check "srt" 0 both quiet 'out_has " --> " && head -n 1 "$place/out" | grep -q "^1$"'
transcribe -f vtt "$short"
check "vtt" 0 both quiet 'head -n 1 "$place/out" | grep -q "^WEBVTT"'
transcribe -f ctm "$short" "$long"
check "ctm" 0 both quiet 'grep -qE "^short 1 [0-9.]+ [0-9.]+ " "$place/out" && grep -qE "^long 1 " "$place/out"'
transcribe -f tsv "$short"
check "tsv" 0 both quiet 'head -n 1 "$place/out" | grep -q "^start${tab}end${tab}text$"'
transcribe -f tsv "$short" "$long"
check "tsv of two" 0 test "$(grep -c "^file${tab}start" "$place/out")$(grep -c "^$long$tab" "$place/out")" != 10
transcribe -f json --timestamps none "$short"
check "no timestamps" 0 out_has '"text"'
transcribe --confidence max_prob --confidence-aggregate mean -f json "$short"
check "another confidence" 0 json '0 < d["words"][0]["confidence"] <= 1'
cp "$place/out" "$place/first"
transcribe --confidence entropy-renyi-lin:0.5 -f json "$short"
cmp -s "$place/out" "$place/first" && not_ok "gives other numbers" || ok "gives other numbers"
CS_MODEL=$model CS_THREADS=1 CS_CPU=c run "$program" transcribe "$short"
check "environment" 0 out_is "$text_short"
for t in 1 3; do
    transcribe -t $t -j 3 "$short" "$long"
    check "$t threads say the same" 0 out_has "$text_long"
done

# The recordings are 16-bit mono WAV with a 44-byte head.
tail -c +45 "$short" >"$place/raw"
rate=$(od -An -tu4 -j24 -N4 "$short" | tr -d ' ')
"$program" transcribe -m "$model" --raw s16le:$rate:1 - <"$place/raw" >"$place/out" 2>"$place/err"
status=$?
check "raw on standard input" 0 out_is "$text_short"
"$program" transcribe -m "$model" - <"$short" >"$place/out" 2>"$place/err"
status=$?
check "a WAV on standard input" 0 out_is "$text_short"
"$program" transcribe -m "$model" -f jsonl --raw s16le:$rate:1 "$short" - <"$place/raw" >"$place/out" 2>"$place/err"
status=$?
check "raw speaks of standard input alone" 0 test "$(grep -c . "$place/out")" = 2
transcribe --raw s16le:$rate:1 "$place/raw"
check "a raw file" 0 out_is "$text_short"
transcribe --raw s16:16000:1 "$place/raw"
check "a wrong description" 2 err_has "format:rate:channels"
transcribe --channel 0 "$short"
check "channel 0" 0 out_is "$text_short"
transcribe --channel 4 "$short"
check "channel 4" 3 err_has "$short: has no channel 4, it has 1"
transcribe --channel each --raw s16le:$((rate / 2)):2 "$place/raw"
check "each channel, txt" 0 both 'grep -q "^channel 0: " "$place/out"' 'grep -q "^channel 1: " "$place/out"'
transcribe --channel each --raw s16le:$((rate / 2)):2 -f json "$place/raw"
check "each channel, json" 0 json 'd[0]["file"].endswith("raw#0") and d[1]["file"].endswith("raw#1")'
transcribe --channel each --raw s16le:$((rate / 2)):2 -f srt --output-dir "$place/each" "$place/raw"
check "each channel, files" 0 test -f "$place/each/raw.ch0.srt" -a -f "$place/each/raw.ch1.srt"

transcribe --dump "$place/dump" "$short"
check "--dump" 0 out_is "$text_short"
for name in mel subsampling layer_00 encoder; do
    head -c 6 "$place/dump/$name.npy" | tail -c 5 | grep -q NUMPY && ok "$name.npy" || not_ok "$name.npy"
done
grep -q '"tokens"' "$place/dump/tokens.json" && ok "tokens.json" || not_ok "tokens.json"
if python3 -c 'import numpy' 2>/dev/null; then
    run python3 -c "import numpy, sys; m = numpy.load(sys.argv[1] + '/mel.npy'); e = numpy.load(sys.argv[1] + '/encoder.npy'); print(m.dtype, m.ndim, e.ndim)" "$place/dump"
    check "NumPy reads them" 0 out_is "float32 2 2"
else
    skip "NumPy is not installed"
fi

run "$program" models info "$model"
check "models info" 0 both quiet 'grep -qE "^family +tdt_ctc$" "$place/out"'
run "$program" models info --json --tensors "$model"
check "models info --json --tensors" 0 json 'd["heads"] == ["ctc", "tdt"] and len(d["tensors"]) > 20 and isinstance(d["tensors"][0]["shape"], list)'
CS_CPU=c run "$program" models info "$model"
check "models info says what CS_CPU leaves" 0 both 'grep -qE "^cpu_path +c$" "$place/out"' 'grep -qE "^precision +f32 " "$place/out"'
run "$program" models info "$short"
check "models info of a recording" 4 err_has "$short"
run "$program" bench -m "$model" --seconds 2 --repeat 3 --json
check "bench --json" 0 json 'set("cpu cpu_path precision threads audio_seconds load_ms mel_ms encoder_ms decode_ms total_ms real_time_factor decode_steps peak_rss_bytes".split()) <= set(d) and d["encoder_ms_min"] <= d["encoder_ms"] <= d["encoder_ms_max"] and d["audio_seconds"] == 2'
run "$program" bench -m "$model" --seconds 2 --repeat 2 --warm 0 --profile --json
check "bench --profile: the stages are the whole" 0 json 'set("mel sub-sampling feed-forward attention decode".split()) <= set(d["stages"]) and 0 < sum(d["stages"].values()) <= d["mel_ms_max"] + d["encoder_ms_max"] + d["decode_ms_max"] + 0.1'
run "$program" bench -m "$model" --seconds 2 --repeat 2 --profile --precision both
check "bench --profile of two precisions" 0 both 'grep -qE "^  feed-forward +[0-9.]+ ms +[0-9.]+ %$" "$place/out"' 'test "$(grep -c "^  mel " "$place/out")" = 2'
run "$program" bench -m "$model" --repeat 1 "$short"
check "bench of a recording" 0 out_has real_time_factor
run "$program" bench -m "$model" --seconds 2 --repeat 2 --precision both
check "bench of two precisions" 0 both 'out_has "f32 / int8 "' 'grep -qE "^precision +int8 .asked for.$" "$place/out"'
run "$program" bench -m "$model" --seconds 2 --repeat 2 --precision int8,f32 --json
check "bench of two precisions as JSON" 0 json '[r["precision"] for r in d["runs"]] == ["int8", "f32"] and d["ratios"][0]["of"] == "int8" and d["runs"][0]["weight_bytes"] < d["runs"][1]["weight_bytes"] and d["runs"][1]["encoder_ms"] > 0'
run "$program" models info --precision int8 --json "$model"
check "models info of int8" 0 json 'd["precision"] == "int8" and d["weight_bytes"] < 3 * d["n_parameters"]'
run "$program" models info --precision bf16 --json "$model"
check "models info of bf16" 0 json 'd["precision"] == "bf16" and d["weight_bytes"] < 3.5 * d["n_parameters"]'
transcribe --precision bf16 -f json "$short"
check "bf16 says so in its result" 0 json 'd["precision"] == "bf16" and len(d["words"]) > 0'
transcribe --precision int8 -f json "$short"
check "int8 says so in its result" 0 json 'd["precision"] == "int8" and len(d["words"]) > 0'
done_testing
