#!/bin/sh
# SPDX-License-Identifier: MIT
# Misuse, help, what is made from the option table.
. "$(dirname "$0")/cli.sh"

run "$program"
check "no command is misuse" 2 err_has "expected a command"
run "$program" transcrib x
check "a command is suggested" 2 err_has "'transcrib' is no command; did you mean 'transcribe'?"
run "$program" "$short"
check "a file is no command" 2 err_has "did you mean 'transcribe $short'?"
run "$program" models
check "half a command" 2 err_has "after models comes one of: list, get, import, verify, remove, path, info, cache"
run "$program" models lst
check "half a wrong command" 2 err_has "'models lst' is no command; after models comes one of: "
run "$program" transcribe --formt json x
check "misuse is two lines" 2 err_is "ctrlspeak transcribe: unknown option --formt; did you mean --format?
Try 'ctrlspeak transcribe --help'."
run "$program" transcribe
check "no input is misuse" 2 err_has "expected FILE|DIR|-..."
for wrong in --format=xml --threads=0 --channel=-1 --channel=two --confidence=maxprob --confidence=max_prob:0 \
    --confidence=max_prob:x --confidence=entropy-renyi-exp:inf --att-context=7 --att-context=1,2,3,4 --jobs=x \
    --precision=f16 --precision=both --timestamps=char --batch=0 --batch=17 --batch=all; do
    transcribe "$wrong" "$short"
    check "$wrong is misuse" 2 err_has "Try 'ctrlspeak transcribe --help'."
done
transcribe -o x --output-dir y "$short"
check "one place for output" 2 err_has "exclude each other"
transcribe -f srt "$short" "$long"
check "subtitles of several inputs" 2 err_has "subtitles of several inputs need --output-dir"
transcribe --dump "$place/d" "$short" "$long"
check "one input to dump" 2 err_has "--dump takes one input"
cp "$short" "$place/copy.wav"
transcribe -o "$place/copy.wav" "$place/copy.wav"
check "output onto an input" 2 err_has "is one of the inputs"
cmp -s "$short" "$place/copy.wav" && ok "and the input is whole" || not_ok "and the input is whole"

run "$program" transcribe -m "$data/rnnt-stream/model.nemo" --att-context 1,2 "$short" "$long"
check "an attention context that the model lacks" 2 err_has "has no attention context [1, 2]: it has chunked_limited"
transcribe --att-context 20,20 "$short"
check "a band of full attention" 0 out_has "."
transcribe --att-context 20,-2 "$short"
check "a band that is none" 2 err_has "--att-context is '20,-2'"

run "$program" transcribe -m "$place/none.nemo" "$short"
check "model not there" 4 err_has "$place/none.nemo"
run "$program" transcribe -m "$short" "$short"
check "a recording is no model" 4 err_has "$short"
run "$program" transcribe -m "$data/tdt/model.nemo" --head ctc "$short"
check "a head that the model lacks" 2 err_has "error options model has no ctc head: its family is tdt"
transcribe --cpu z80 "$short"
check "an unknown CPU path" 2 err_has "z80"
for wrong in f16 f32, f32,f32 ,int8 f32:int8; do
    run "$program" bench -m "$model" --precision "$wrong" "$short"
    check "bench --precision $wrong is misuse" 2 err_has "expected auto, f32, int8, bf16, some of them as f32,int8, or both"
done

for command in transcribe "models list" "models get" "models import" "models verify" "models remove" "models path" \
    "models info" "models cache" bench completion help; do
    run "$program" $command --help
    check "$command --help goes to stdout" 0 both quiet 'head -n 1 "$place/out" | grep -q "^Examples:"'
done
run "$program" --help
check "--help" 0 both quiet 'out_has "  transcribe    "'
run "$program" help transcribe
check "help transcribe" 0 out_has "--confidence-aggregate"
check "help has the statuses" 0 out_has "  130  interrupted"
run "$program" --version
check "--version" 0 both quiet 'grep -qE "^ctrlspeak [0-9]+\.[0-9]+\.[0-9]+$" "$place/out"'

run "$program" help --man
check "man page" 0 both quiet 'out_has ".TH CTRLSPEAK 1"'
if command -v groff >/dev/null; then
    groff -man -ww -Tutf8 "$place/out" >"$place/page" 2>"$place/err"
    status=$?
    check "groff has nothing to say about it" 0 quiet
else
    skip "groff is not installed"
fi
for shell in bash zsh fish; do
    run "$program" completion $shell
    check "completion for $shell" 0 both quiet 'out_has "output-dir"'
    if command -v $shell >/dev/null; then
        $shell -n "$place/out" 2>"$place/err"
        status=$?
        check "$shell accepts it" 0 quiet
    else
        skip "$shell is not installed"
    fi
done
run "$program" completion csh
check "no such shell" 2 err_has "expected bash, zsh or fish"
if command -v bash >/dev/null; then
    "$program" completion bash >"$place/completion"
    run bash -c '. "$0"; COMP_WORDS=(ctrlspeak transcribe --form); COMP_CWORD=2; _ctrlspeak; echo "${COMPREPLY[*]}"
        COMP_WORDS=(ctrlspeak transcribe -f js); COMP_CWORD=3; _ctrlspeak; echo "${COMPREPLY[*]}"
        COMP_WORDS=(ctrlspeak mod); COMP_CWORD=1; _ctrlspeak; echo "${COMPREPLY[*]}"
        COMP_WORDS=(ctrlspeak models ""); COMP_CWORD=2; _ctrlspeak; echo "${COMPREPLY[*]}"
        COMP_WORDS=(ctrlspeak models get canary-180); COMP_CWORD=3; _ctrlspeak; echo "${COMPREPLY[*]}"
        COMP_WORDS=(ctrlspeak models remove --); COMP_CWORD=3; _ctrlspeak; echo "${COMPREPLY[*]}"' "$place/completion"
    check "bash completes" 0 out_is "--format
json jsonl
models
list get import verify remove path info cache
canary-180m-flash
--help --yes"
else
    skip "bash is not installed"
fi
done_testing
