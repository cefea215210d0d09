/* SPDX-License-Identifier: MIT
 * Languages as people write them, and whose word holds. */
#include "common/spoken.h"
#include "check.h"

#include <string.h>

static void texts(void)
{
    static const char *const good[][4] = {
        {"de", "de", "", "de"},          {"de>en", "de", "en", "de>en"},
        {">en", "", "en", ">en"},        {"de > en", "de", "en", "de>en"},
        {"de> en", "de", "en", "de>en"}, {"auto>zh-Hans1", "auto", "zh-Hans1", "auto>zh-Hans1"},
    };
    static const char *const bad[] = {"",          " ",        ">",     "de>",    "de >",        "de en",
                                      "de>en>fr",  "de>en fr", "de,en", "<|de|>", "ninebytes>x", "x>ninebytes",
                                      "d\xc3\xa9", " de"};
    char text[SPOKEN_TEXT];
    spoken_as s;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        CHECK(spoken_parse(good[i][0], &s));
        CHECK_STR(s.language, good[i][1]);
        CHECK_STR(s.target, good[i][2]);
        CHECK_STR(spoken_text(&s, "", text), good[i][3]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!CHECK(!spoken_parse(bad[i], &s)))
            printf("# \"%s\"\n", bad[i]);
    CHECK(spoken_parse("de>en", &s));
    CHECK_STR(spoken_text(&s, " ", text), "de > en");
    CHECK(spoken_parse(">en", &s));
    CHECK_STR(spoken_text(&s, " ", text), "> en");
    CHECK_STR(spoken_text(&(spoken_as){0}, " ", text), "");
    CHECK_STR(spoken_text(&(spoken_as){"zh-Hans1", "zh-Hant1", 0}, " ", text), "zh-Hans1 > zh-Hant1");
}

static void names(void)
{
    char error[200] = "";
    spoken_as s = {"xx", "", 0};
    CHECK(spoken_set(&s, "", "", error, sizeof error) && !spoken_is_said(&s));
    CHECK(spoken_set(&s, "de", "en", error, sizeof error) && spoken_is_said(&s) && spoken_is_translated(&s));
    CHECK(spoken_set(&s, "de", "de", error, sizeof error) && !spoken_is_translated(&s));
    CHECK(!spoken_set(&s, "German!", "", error, sizeof error));
    CHECK_STR(error, "the language to hear is 'German!', expected a name such as de");
    CHECK(!spoken_set(&s, "de", "ninebytes", error, sizeof error));
    CHECK_STR(error, "the language to write is 'ninebytes', expected a name such as de");
    CHECK_STR(s.target, "de");
}

/* asked, for all, what holds; "" for none. */
static void whose_word_holds(void)
{
    static const char *const rows[][3] = {
        {"", "", ""},       {"", "de>en", "de>en"},   {"fr", "de>en", "fr"}, {">fr", "de>en", "de>fr"},
        {">fr", "", ">fr"}, {"fr>de", "en", "fr>de"},
    };
    char text[SPOKEN_TEXT];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        spoken_as asked = {0}, standard = {0};
        spoken_parse(rows[i][0], &asked);
        spoken_parse(rows[i][1], &standard);
        standard.punctuation = 2;
        spoken_as s = spoken_over(&asked, &standard);
        CHECK_STR(spoken_text(&s, "", text), rows[i][2]);
        CHECK_INT(s.punctuation, 2);
    }
}

int main(void)
{
    RUN(texts);
    RUN(names);
    RUN(whose_word_holds);
    return check_done();
}
