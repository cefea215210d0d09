/* SPDX-License-Identifier: MIT
 * What a call may ask of a Canary model, and of one that is none: each wrong option is CS_EINVAL in one sentence that names it,
 * the call after it is as good as ever, and what is odd but right is answered. */
#include "check.h"
#include "ctrlspeak.h"

#include <math.h>
#include <stdbool.h>

enum { RATE = 16000 };

/* as canary-1b; flash (times by tokens); post-norm (defaults: German to French); v2 (aligner) */
static struct subject {
    const char *name;
    cs_model *model;
} canary = {"canary", NULL}, flash = {"canary-flash", NULL}, post = {"canary-post", NULL}, v2 = {"canary-v2", NULL},
  parakeet = {"tdt", NULL};

static cs_audio *speech;

static cs_err ask(cs_model *model, const cs_transcribe_options *options, const float *pcm, size_t n, cs_result **result,
                  cs_error *err)
{
    *err = (cs_error){.code = CS_OK};
    *result = NULL;
    cs_err code = cs_transcribe(model, pcm, n, options, result, err);
    CHECK((code == CS_OK) == (*result != NULL));
    CHECK_INT(err->code, code);
    return code;
}

static void refused(const struct subject *of, const cs_transcribe_options *options, const char *names, const char *what,
                    int line)
{
    cs_result *result;
    cs_error err;
    cs_err code = ask(of->model, options, speech->channels[0], speech->n_samples, &result, &err);
    if (code != CS_EINVAL || !strstr(err.message, names) || strchr(err.message, '\n')) {
        check_bad++;
        printf("# line %d: %s: %s: code %d, expected %d naming \"%s\": %s\n", line, of->name, what, code, CS_EINVAL,
               names, code ? err.message : result->text);
    }
    cs_result_free(result);
}

/* The statements on `o` make an option wrong; the sentence names it. */
#define REFUSED(of, names, ...)                              \
    do {                                                     \
        cs_transcribe_options o;                             \
        cs_transcribe_options_init(&o);                      \
        __VA_ARGS__;                                         \
        refused(&(of), &o, (names), #__VA_ARGS__, __LINE__); \
    } while (0)

/* They ask for something that is answered: result, to be freed. Without one the function ends. */
#define ANSWERED(of, result, ...)                                                                              \
    do {                                                                                                       \
        cs_transcribe_options o;                                                                               \
        cs_error said;                                                                                         \
        cs_transcribe_options_init(&o);                                                                        \
        __VA_ARGS__;                                                                                           \
        if (!CHECK_INT(ask((of).model, &o, speech->channels[0], speech->n_samples, (result), &said), CS_OK)) { \
            printf("# line %d: %s\n", __LINE__, said.message);                                                 \
            return;                                                                                            \
        }                                                                                                      \
    } while (0)

static void languages_are_the_models(void)
{
    static const char *const odd[] = {"tlh", "",    "EN", "en ",      " en",  "en-US",        "<|xx|>",       "<|pnc|>",
                                      "<|",  "pnc", "e",  "\xff\xfe", "en\n", "<|en|><|de|>", "<|emo:happy|>"};
    char longest[4000];
    memset(longest, 'e', sizeof longest - 1);
    longest[sizeof longest - 1] = 0;
    for (size_t i = 0; i <= sizeof odd / sizeof *odd; i++) {
        const char *name = i < sizeof odd / sizeof *odd ? odd[i] : longest;
        REFUSED(canary, "en, de, es, fr", o.language = name);
        REFUSED(flash, "en, de, es, fr", o.target_language = name; o.language = "en");
        REFUSED(v2, "en, de, es, fr", o.language = "de"; o.target_language = name);
    }
    REFUSED(flash, "auto", o.target_language = "auto"; o.language = "en");
    REFUSED(canary, "language", o.language = "auto");
}

static void what_a_prompt_has_no_place_for(void)
{
    REFUSED(canary, "context", o.context = "Nobody knew.");
    REFUSED(canary, "emotion", o.emotion = "<|emo:happy|>");
    REFUSED(canary, "", o.itn = CS_CHOICE_YES);
    REFUSED(canary, "", o.diarize = CS_CHOICE_YES);
    REFUSED(canary, "times", o.timestamps = CS_CHOICE_YES);
    REFUSED(flash, "happy", o.emotion = "happy");
    REFUSED(flash, "emotion", o.emotion = "<|emo:bored|>");
    REFUSED(v2, "emotion", o.emotion = "");
    REFUSED(flash, "<|", o.context = "Nobody <|en|> knew.");
    REFUSED(v2, "<|", o.context = "<|");
    REFUSED(v2, "", o.context = "\xff\xfe\xc0\x80");
}

static void choices_are_three(void)
{
    REFUSED(flash, "", o.punctuation = (cs_choice)3);
    REFUSED(flash, "", o.timestamps = (cs_choice)-1);
    REFUSED(flash, "", o.itn = (cs_choice)100);
    REFUSED(flash, "", o.diarize = (cs_choice)7);
    REFUSED(canary, "", o.translate = (cs_choice)7);
    REFUSED(v2, "", o.chunking = (cs_choice)7);
    REFUSED(flash, "", o.search = (cs_search)3);
    REFUSED(flash, "", o.search = (cs_search)-1);
}

static void context_must_fit_the_positions(void)
{
    char context[20000] = "";
    for (int i = 0; i < 1000; i++)
        memcpy(context + 13 * i, "Nobody knew. ", 14);
    REFUSED(flash, "context", o.context = context);
    REFUSED(post, "context", o.context = context);
    REFUSED(v2, "context", o.context = context);
}

static void numbers_have_bounds(void)
{
    static const int32_t beams[] = {-1, 33, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof beams / sizeof *beams; i++) {
        REFUSED(flash, "beams", o.search = CS_SEARCH_BEAM; o.beams = beams[i]);
        REFUSED(flash, "alternatives", o.search = CS_SEARCH_BEAM; o.n_best = beams[i]);
    }
    REFUSED(flash, "alternatives", o.beams = 2; o.n_best = 3);
    REFUSED(flash, "length penalty", o.search = CS_SEARCH_BEAM; o.length_penalty = INFINITY);
    REFUSED(flash, "length penalty", o.search = CS_SEARCH_BEAM; o.length_penalty = -INFINITY);
    REFUSED(flash, "length penalty", o.search = CS_SEARCH_BEAM; o.length_penalty = 100.5);
    REFUSED(flash, "length penalty", o.search = CS_SEARCH_BEAM; o.length_penalty = -1e300);
    REFUSED(flash, "max_generation_delta", o.max_generation_delta = -2);
    REFUSED(flash, "max_generation_delta", o.max_generation_delta = INT32_MIN + 1);
    REFUSED(flash, "repeat_guard", o.repeat_guard = 1);
    REFUSED(flash, "repeat_guard", o.repeat_guard = -1);
    REFUSED(flash, "repeat_guard", o.repeat_guard = 33);
    REFUSED(flash, "head", o.head = CS_HEAD_TDT);
    REFUSED(parakeet, "head", o.head = CS_HEAD_AED);
}

static void a_parakeet_takes_none_of_them(void)
{
    REFUSED(parakeet, "language", o.language = "en");
    REFUSED(parakeet, "target_language", o.target_language = "en");
    REFUSED(parakeet, "punctuation", o.punctuation = CS_CHOICE_YES);
    REFUSED(parakeet, "punctuation", o.punctuation = CS_CHOICE_NO);
    REFUSED(parakeet, "context", o.context = "Nobody knew.");
    REFUSED(parakeet, "emotion", o.emotion = "<|emo:happy|>");
    REFUSED(parakeet, "itn", o.itn = CS_CHOICE_YES);
    REFUSED(parakeet, "diarize", o.diarize = CS_CHOICE_YES);
    REFUSED(parakeet, "translate", o.translate = CS_CHOICE_YES);
    REFUSED(parakeet, "search", o.search = CS_SEARCH_GREEDY);
    REFUSED(parakeet, "beams", o.beams = 2);
    REFUSED(parakeet, "n_best", o.n_best = 1);
    REFUSED(parakeet, "length_penalty", o.length_penalty = 1);
    REFUSED(parakeet, "max_generation_delta", o.max_generation_delta = 10);
    REFUSED(parakeet, "repeat_guard", o.repeat_guard = 0);
    REFUSED(parakeet, "chunking", o.chunking = CS_CHOICE_NO);
    for (int choice = CS_CHOICE_DEFAULT; choice <= CS_CHOICE_YES; choice++) { /* which always gives times */
        cs_result *result;
        ANSWERED(parakeet, &result, o.timestamps = (cs_choice)choice);
        CHECK(result && result->has_times == 1 && result->n_words > 0 && result->n_chunks == 1);
        cs_result_free(result);
    }
}

static void what_is_odd_but_right(void)
{
    cs_result *plain, *result;
    ANSWERED(flash, &plain, o.language = "de");
    ANSWERED(flash, &result, o.language = "<|de|>"; o.target_language = "<|de|>"; o.context = "");
    CHECK_STR(result->text, plain->text);
    CHECK_STR(result->language, "de");
    CHECK_STR(result->target_language, "de");
    CHECK(!result->has_times && result->n_alternatives == 0 && !result->looped && !result->warning);
    cs_result_free(result);
    for (int32_t beams = 1; beams <= CS_MOST_BEAMS; beams++) {
        ANSWERED(flash, &result, o.language = "de"; o.search = CS_SEARCH_BEAM; o.beams = beams; o.n_best = beams);
        CHECK_INT(result->n_alternatives, beams);
        if (beams == 1) {
            CHECK_STR(result->text, plain->text);
            CHECK_STR(result->alternatives[0].text, plain->text);
        }
        cs_result_free(result);
    }
    ANSWERED(flash, &result, o.language = "de"; o.n_best = 3); /* beams follow */
    CHECK_INT(result->n_alternatives, 3);
    cs_result_free(result);
    ANSWERED(post, &result, o.search = CS_SEARCH_AUTO); /* prompt_defaults, which NeMo leaves to arrays */
    CHECK_STR(result->language, "de");
    CHECK_STR(result->target_language, "fr");
    cs_result_free(result);
    ANSWERED(post, &result, o.language = "en"); /* the written one is the spoken one where that is given */
    CHECK_STR(result->target_language, "en");
    cs_result_free(result);
    ANSWERED(flash, &result, o.length_penalty = -100; o.max_generation_delta = 0; o.repeat_guard = 2);
    cs_result_free(result);
    ANSWERED(flash, &result, o.max_generation_delta = INT32_MAX; o.repeat_guard = 32);
    cs_result_free(result);
    cs_result_free(plain);
}

/* These were never taught to, so theirs is no language: of sound it cannot be told, and nothing is heard of none. */
static void a_decoder_that_cannot_tell_says_so(void)
{
    cs_transcribe_options o;
    cs_error err;
    cs_result *result;
    cs_transcribe_options_init(&o);
    o.language = "auto";
    CHECK_INT(ask(flash.model, &o, speech->channels[0], speech->n_samples, &result, &err), CS_EUNSUPPORTED);
    CHECK(strstr(err.message, "language") != NULL);
    CHECK_INT(ask(flash.model, &o, NULL, 0, &result, &err), CS_OK);
    CHECK_STR(result ? result->language : NULL, "");
    cs_result_free(result);
    o.target_language = "en";
    CHECK_INT(ask(v2.model, &o, NULL, 0, &result, &err), CS_OK);
    CHECK_STR(result ? result->target_language : NULL, "en");
    cs_result_free(result);
}

/* Options are never stored: after a refusal, and after another language, the same call gives the same. */
static void nothing_is_remembered(void)
{
    cs_result *first, *other, *again;
    ANSWERED(v2, &first, o.language = "de");
    REFUSED(v2, "tlh", o.language = "tlh");
    ANSWERED(v2, &other, o.language = "de"; o.target_language = "en"; o.timestamps = CS_CHOICE_YES);
    ANSWERED(v2, &again, o.language = "de");
    CHECK(strcmp(first->text, other->text) != 0);
    CHECK_STR(again->text, first->text);
    CHECK_INT(again->has_times, 0);
    cs_result_free(first);
    cs_result_free(other);
    cs_result_free(again);
}

/* One sample of speech in a second of zeros, to which this model says one word without end. */
static void an_answer_that_goes_round_is_cut(void)
{
    cs_audio *clip = NULL;
    cs_transcribe_options o;
    cs_error err;
    cs_result *endless, *cut;
    if (!CHECK_INT(cs_audio_read_file("tests/golden/data/audio/long.wav", NULL, &clip, &err), CS_OK))
        return;
    cs_transcribe_options_init(&o);
    CHECK_INT(ask(v2.model, &o, clip->channels[0] + 9000, 1, &cut, &err), CS_OK);
    o.repeat_guard = 0;
    CHECK_INT(ask(v2.model, &o, clip->channels[0] + 9000, 1, &endless, &err), CS_OK);
    if (CHECK(cut && endless)) {
        CHECK(!endless->looped && endless->n_tokens == 54);
        CHECK(cut->looped && cut->warning && cut->n_steps < endless->n_steps);
        CHECK_STR(cut->text, "The trrrrrrain left");
    }
    cs_result_free(cut);
    cs_result_free(endless);
    cs_audio_free(clip);
}

/* Nothing, silence and what is no sound at all. */
static void sound_that_is_none(void)
{
    static float pcm[RATE];
    cs_transcribe_options o;
    cs_error err;
    cs_result *result;
    cs_transcribe_options_init(&o);
    o.language = "en";
    for (size_t n = 0; n <= RATE; n += RATE / 2) { /* less than a second is padded, and nothing is heard of nothing */
        CHECK_INT(ask(flash.model, &o, n ? pcm : NULL, n, &result, &err), CS_OK);
        CHECK_STR(result ? result->text : "", "");
        CHECK(result && result->n_frames == (n ? 13 : 0) && result->n_words == 0 && result->n_segments == 0);
        CHECK_STR(result ? result->language : NULL, "en");
        CHECK_STR(result ? result->target_language : NULL, "en");
        CHECK_NEAR(result ? result->duration_seconds : -1, (double)n / RATE, 1e-9);
        cs_result_free(result);
    }
    pcm[777] = NAN;
    CHECK_INT(ask(v2.model, &o, pcm, RATE, &result, &err), CS_EAUDIO);
    CHECK_STR(err.message, "sample 777 is NaN, expected a number");
    CHECK_INT(err.where, 777);
    pcm[777] = -INFINITY;
    CHECK_INT(ask(canary.model, &o, pcm, 1000, &result, &err), CS_EAUDIO);
    CHECK_STR(err.message, "sample 777 is infinite, expected a number");
    CHECK_INT(ask(flash.model, &o, NULL, 5, &result, &err), CS_EINVAL);
    pcm[777] = 0;
}

static void models_say_what_they_take(void)
{
    const cs_model_info *a = cs_model_get_info(canary.model), *b = cs_model_get_info(flash.model);
    const cs_model_info *c = cs_model_get_info(v2.model), *d = cs_model_get_info(parakeet.model);
    CHECK_STR(a->family, "aed");
    CHECK_STR(a->prompt_format, "canary");
    CHECK_STR(b->prompt_format, "canary2");
    CHECK_STR(a->times, "none");
    CHECK_STR(b->times, "tokens");
    CHECK_STR(c->times, "aligner");
    CHECK_STR(d->times, "frames");
    CHECK_STR(d->prompt_format, "");
    CHECK_INT(a->heads, 1u << CS_HEAD_AED);
    CHECK_INT(c->heads, 1u << CS_HEAD_AED);
    CHECK_INT(c->max_positions, 256);
    CHECK_INT(c->decoder_layers, 2);
    CHECK_INT(c->decoder_d_model, 32);
    CHECK_INT(d->decoder_layers, 0);
    CHECK_INT(b->n_languages, 4);
    CHECK_STR(b->n_languages == 4 ? b->languages[1] : "", "de");
    CHECK_STR(a->nemo_class, "EncDecMultiTaskModel");
}

static cs_model *open_named(const char *name)
{
    char path[128];
    cs_error err = {.code = CS_OK};
    cs_model *model = NULL;
    snprintf(path, sizeof path, "tests/golden/data/%s/model.nemo", name);
    if (cs_model_open(path, NULL, &model, &err) != CS_OK)
        printf("Bail out! %s\n", err.message);
    return model;
}

int main(void)
{
    cs_error err = {.code = CS_OK};
    if (!(canary.model = open_named(canary.name)) || !(flash.model = open_named(flash.name))
        || !(post.model = open_named(post.name)) || !(v2.model = open_named(v2.name))
        || !(parakeet.model = open_named(parakeet.name))
        || cs_audio_read_file("tests/golden/data/audio/short.wav", NULL, &speech, &err) != CS_OK)
        return 1;
    RUN(models_say_what_they_take);
    RUN(languages_are_the_models);
    RUN(what_a_prompt_has_no_place_for);
    RUN(choices_are_three);
    RUN(context_must_fit_the_positions);
    RUN(numbers_have_bounds);
    RUN(a_parakeet_takes_none_of_them);
    RUN(what_is_odd_but_right);
    RUN(a_decoder_that_cannot_tell_says_so);
    RUN(nothing_is_remembered);
    RUN(an_answer_that_goes_round_is_cut);
    RUN(sound_that_is_none);
    cs_audio_free(speech);
    cs_model_close(canary.model);
    cs_model_close(flash.model);
    cs_model_close(post.model);
    cs_model_close(v2.model);
    cs_model_close(parakeet.model);
    return check_done();
}
