/* SPDX-License-Identifier: MIT
 *
 * Languages of a job, with a small model that has prompts: a thread and a process say what cs_transcribe() says with the same
 * options; a language that the model lacks fails its own job alone; a model without prompts is not disturbed. */
#define _GNU_SOURCE
#include "worker_kit.h"

static const worker_ask asks[] = {
    {{"", "", CS_CHOICE_DEFAULT}, false},   {{"en", "", CS_CHOICE_DEFAULT}, false},
    {{"de", "", CS_CHOICE_DEFAULT}, false}, {{"de", "en", CS_CHOICE_DEFAULT}, false},
    {{"en", "", CS_CHOICE_NO}, false},      {{"en", "de", CS_CHOICE_YES}, false},
    {{"de", "", CS_CHOICE_DEFAULT}, true},
};
enum { N_ASKS = sizeof asks / sizeof *asks, AS_GERMAN = 2, TRANSLATED = 3 };

static kit_clip clip;
static const char *bundled;

/* What the library says, with the options that the ask stands for. */
static cs_result *expected_result(cs_model *model, const worker_ask *ask)
{
    cs_transcribe_options options;
    cs_result *result = NULL;
    cs_error err = {0};
    cs_transcribe_options_init(&options);
    if (ask->spoken.language[0])
        options.language = ask->spoken.language;
    if (ask->spoken.target[0])
        options.target_language = ask->spoken.target;
    options.punctuation = (cs_choice)ask->spoken.punctuation;
    options.timestamps = ask->times ? CS_CHOICE_YES : CS_CHOICE_DEFAULT;
    if (!CHECK(cs_transcribe(model, clip.pcm, clip.n_samples, &options, &result, &err) == CS_OK))
        printf("# %s\n", err.message);
    return result;
}

static void check_asks(worker_kind kind)
{
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.unload_seconds = -1});
    cs_model *model = NULL;
    CHECK(cs_model_open(kit_model, NULL, &model, NULL) == CS_OK);
    for (int i = 0; i < N_ASKS; i++)
        worker_submit(w, clip.pcm, clip.n_samples, &asks[i]);
    kit_wait_answers(k, N_ASKS);
    for (int i = 0; model && i < N_ASKS; i++) {
        cs_result *result = expected_result(model, &asks[i]);
        const kit_answer *a = &k->answers[i];
        if (!result)
            continue;
        CHECK(a->ok);
        CHECK_STR(a->error, "");
        CHECK_STR(a->text, result->text);
        CHECK_STR(a->language, result->language);
        CHECK_STR(a->target, result->target_language);
        CHECK_INT(a->n_words > 0, asks[i].times);
        CHECK_INT(a->n_words, result->has_times ? result->n_words : 0);
        cs_result_free(result);
    }
    CHECK_STR(k->answers[AS_GERMAN].language, "de");
    CHECK_STR(k->answers[TRANSLATED].target, "en");
    CHECK(strcmp(k->answers[AS_GERMAN].text, k->answers[TRANSLATED].text) != 0);
    cs_model_close(model);
    kit_free(k);
}

static void thread_hears_as_it_is_told(void)
{
    check_asks(WORKER_THREAD);
}

static void process_hears_as_it_is_told(void)
{
    check_asks(WORKER_PROCESS);
}

static void check_lacking(worker_kind kind)
{
    const worker_ask russian = {{"ru", "", 0}, false}, german = {{"de", "", 0}, false};
    worker_facts facts;
    char why[WORKER_ERROR] = "";
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.unload_seconds = -1});
    worker_submit(w, clip.pcm, clip.n_samples, &russian);
    worker_submit(w, clip.pcm, clip.n_samples, &german);
    kit_wait_answers(k, 2);
    CHECK(!k->answers[0].ok && strstr(k->answers[0].error, "ru") && strstr(k->answers[0].error, "fr"));
    CHECK_STR(k->answers[0].text, "");
    CHECK(k->answers[1].ok);
    worker_get_facts(w, &facts);
    CHECK(facts.known && facts.prompted && facts.times);
    CHECK_STR(facts.languages, "en de es fr auto");
    CHECK(!worker_takes(&facts, "model", &russian.spoken, why));
    CHECK_STR(why, "model has no language 'ru', expected one of: en de es fr auto");
    CHECK(worker_takes(&facts, "model", &german.spoken, why));
    kit_free(k);
}

static void a_thread_names_what_there_is(void)
{
    check_lacking(WORKER_THREAD);
}

static void a_process_names_what_there_is(void)
{
    check_lacking(WORKER_PROCESS);
}

/* This model has not learnt to tell. */
static void check_auto(worker_kind kind)
{
    const worker_ask own = {{"", "", 0}, false}, automatic = {{"auto", "", 0}, false};
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.unload_seconds = -1});
    worker_submit(w, clip.pcm, clip.n_samples, &own);
    worker_submit(w, clip.pcm, clip.n_samples, &automatic);
    kit_wait_answers(k, 2);
    CHECK(k->answers[0].ok && k->answers[1].ok);
    CHECK_STR(k->answers[0].warning, "");
    CHECK_STR(k->answers[1].text, k->answers[0].text);
    CHECK_STR(k->answers[1].language, "en");
    CHECK_STR(k->answers[1].warning, "model does not tell the language of this recording, it was heard as 'en'");
    kit_free(k);
}

static void a_thread_that_cannot_tell(void)
{
    check_auto(WORKER_THREAD);
}

static void a_process_that_cannot_tell(void)
{
    check_auto(WORKER_PROCESS);
}

static void check_without_prompts(worker_kind kind)
{
    const worker_ask plain = {{"", "", 0}, false}, translated = {{"de", "en", CS_CHOICE_YES}, true};
    worker_facts facts;
    char why[WORKER_ERROR] = "";
    kit *k = kit_create();
    worker *w = kit_start(k, kind, (worker_options){.model_path = bundled, .unload_seconds = -1});
    worker_submit(w, clip.pcm, clip.n_samples, &plain);
    worker_submit(w, clip.pcm, clip.n_samples, &translated);
    kit_wait_answers(k, 2);
    CHECK(k->answers[0].ok && k->answers[1].ok);
    CHECK_STR(k->answers[1].text, k->answers[0].text);
    worker_get_facts(w, &facts);
    CHECK(facts.known && !facts.prompted && facts.times);
    CHECK(!worker_takes(&facts, "model", &translated.spoken, why));
    CHECK_STR(why, "model takes no languages: 'de > en' is not used, the text is in the language that is spoken");
    CHECK(worker_takes(&facts, "model", &plain.spoken, why));
    kit_free(k);
}

static void a_thread_without_prompts(void)
{
    check_without_prompts(WORKER_THREAD);
}

static void a_process_without_prompts(void)
{
    check_without_prompts(WORKER_PROCESS);
}

int main(int argc, char **argv)
{
    cs_error err = {0};
    if (argc == 2 && strcmp(argv[1], "worker") == 0)
        return worker_child_main();
    if (argc < 4)
        return 2;
    bundled = argv[1];
    kit_model = argv[2];
    if (access(bundled, R_OK) != 0)
        return check_skip_all("the bundled model is absent");
    if (cs_audio_read_file(argv[3], NULL, &clip.audio, &err) != CS_OK) {
        printf("# %s\n", err.message);
        return 1;
    }
    clip.pcm = clip.audio->channels[0];
    clip.n_samples = clip.audio->n_samples;
    RUN(thread_hears_as_it_is_told);
    RUN(process_hears_as_it_is_told);
    RUN(a_thread_names_what_there_is);
    RUN(a_process_names_what_there_is);
    RUN(a_thread_that_cannot_tell);
    RUN(a_process_that_cannot_tell);
    RUN(a_thread_without_prompts);
    RUN(a_process_without_prompts);
    cs_audio_free(clip.audio);
    return check_done();
}
