/* SPDX-License-Identifier: MIT
 * See decoder_options.h. */
#include "decoder_options.h"

static cs_choice choice_of(int32_t given)
{
    return given < 0 ? CS_CHOICE_DEFAULT : given ? CS_CHOICE_YES : CS_CHOICE_NO;
}

int decoder_options_fill(const cli_command *command, const decoder_use *use, cs_transcribe_options *options)
{
    static const char *const emotions[] = {"<|emo:undefined|>", "<|emo:neutral|>", "<|emo:angry|>", "<|emo:happy|>",
                                           "<|emo:sad|>"}; /* as DECODER_EMOTIONS */
    const char *of_beams = use->beams                    ? "beams"
                           : use->n_best                 ? "n-best"
                           : !isnan(use->length_penalty) ? "length-penalty"
                                                         : NULL;
    if (use->greedy && of_beams)
        return cli_misuse(command, "--greedy and --%s exclude each other", of_beams);
    options->language = use->language;
    options->target_language = use->target_language;
    options->context = use->context;
    options->punctuation = choice_of(use->punctuation);
    options->itn = choice_of(use->itn);
    options->diarize = choice_of(use->diarize);
    options->chunking = choice_of(use->chunks);
    if (use->emotion >= 0)
        options->emotion = emotions[use->emotion];
    if (use->greedy || of_beams)
        options->search = use->greedy ? CS_SEARCH_GREEDY : CS_SEARCH_BEAM;
    options->beams = use->beams;
    options->n_best = use->n_best;
    if (!isnan(use->length_penalty))
        options->length_penalty = use->length_penalty;
    if (use->max_delta != INT32_MIN)
        options->max_generation_delta = use->max_delta;
    if (use->repeat_guard >= 0)
        options->repeat_guard = use->repeat_guard;
    return APP_DONE;
}
