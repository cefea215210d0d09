/* SPDX-License-Identifier: MIT
 * What a job asks for and what a model takes, as strings and back: right ones, and those of a parent or child that has gone mad. */
#include "check.h"
#include "dictate/worker/worker_ask.h"

static void asks_come_back(void)
{
    static const worker_ask asks[] = {
        {{"", "", 0}, false}, {{"de", "", 1}, true}, {{"auto", "en", 2}, false}, {{"zh-Hant1", "zh_Hans1", 2}, true}};
    for (size_t i = 0; i < sizeof asks / sizeof *asks; i++) {
        char how[ASK_HOW];
        worker_ask read;
        ask_write(&asks[i], how);
        CHECK(ask_read(asks[i].spoken.language, asks[i].spoken.target, how, &read));
        CHECK_STR(read.spoken.language, asks[i].spoken.language);
        CHECK_STR(read.spoken.target, asks[i].spoken.target);
        CHECK_INT(read.spoken.punctuation, asks[i].spoken.punctuation);
        CHECK_INT(read.times, asks[i].times);
    }
}

static void asks_that_make_no_sense(void)
{
    static const char *const bad[][3] = {{"de", "", ""},          {"de", "", "0"},          {"de", "", "3 0"},
                                         {"de", "", "0 2"},       {"de", "", "0 0 "},       {"de", "", "-1 0"},
                                         {"d e", "", "0 0"},      {"", "ninebytes", "0 0"}, {"<|de|>", "", "0 0"},
                                         {"d\xc3\xa9", "", "0 0"}};
    worker_ask ask = {{"xx", "", 0}, false};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!CHECK(!ask_read(bad[i][0], bad[i][1], bad[i][2], &ask)))
            printf("# %zu\n", i);
    CHECK_STR(ask.spoken.language, "xx");
}

static void facts_come_back(void)
{
    char text[FACTS_TEXT];
    worker_facts facts = {.known = true, .prompted = true}, read;
    facts_add_language(&facts, "en");
    facts_add_language(&facts, "de");
    facts_write(&facts, text);
    CHECK_STR(text, "1 0 en de");
    CHECK(facts_read(text, &read));
    CHECK(read.known && read.prompted && !read.times);
    CHECK_STR(read.languages, "en de");
    for (int i = 0; i < WORKER_LANGUAGES / 4 - 2; i++)
        facts_add_language(&facts, "xyz");
    CHECK_INT(strlen(facts.languages), WORKER_LANGUAGES - 3);
    facts_write(&facts, text);
    CHECK(facts_read(text, &read));
    CHECK_STR(read.languages, facts.languages);
    facts_add_language(&facts, "longer than the room");
    CHECK_STR(facts.languages, ""); /* not told, rather than some of them */
    facts_write(&facts, text);
    CHECK(facts_read(text, &read) && read.prompted);
}

static void facts_that_make_no_sense(void)
{
    static const char *const bad[] = {"", "1", "1 1", "2 1 en", "1 x en", "1,1 en", "1 1en"};
    char longer[WORKER_LANGUAGES + 10];
    worker_facts facts = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(!facts_read(bad[i], &facts));
    memset(longer, 'x', sizeof longer);
    memcpy(longer, "1 1 ", 4);
    longer[WORKER_LANGUAGES + 4] = 0;
    CHECK(!facts_read(longer, &facts));
    CHECK(!facts.known);
    longer[WORKER_LANGUAGES + 3] = 0;
    CHECK(facts_read(longer, &facts));
    CHECK_INT(strlen(facts.languages), WORKER_LANGUAGES - 1);
}

static void what_fits(void)
{
    static const spoken_as nothing, german = {"de", "", 0}, to_english = {"de", "en", 0}, to_fr = {"", "fr", 0};
    char why[WORKER_ERROR];
    worker_facts facts = {0};
    CHECK(worker_takes(&facts, "m", &to_english, why)); /* nothing is known */
    facts = (worker_facts){.known = true};
    CHECK(worker_takes(&facts, "m", &nothing, why) && !worker_takes(&facts, "m", &german, why));
    facts = (worker_facts){.known = true, .prompted = true, .languages = "den en deu"};
    CHECK(!worker_takes(&facts, "m", &german, why));
    CHECK_STR(why, "m has no language 'de', expected one of: den en deu");
    facts = (worker_facts){.known = true, .prompted = true, .languages = "en de"};
    CHECK(worker_takes(&facts, "m", &to_english, why) && !worker_takes(&facts, "m", &to_fr, why));
    facts.languages[0] = 0; /* not told */
    CHECK(worker_takes(&facts, "m", &to_fr, why));
}

int main(void)
{
    RUN(asks_come_back);
    RUN(asks_that_make_no_sense);
    RUN(facts_come_back);
    RUN(facts_that_make_no_sense);
    RUN(what_fits);
    return check_done();
}
