/* SPDX-License-Identifier: MIT
 * The user's rules on a dictation's text. */
#include "check.h"
#include "dictate/voice/joining.h"
#include "dictate/voice/text_case.h"

#include <stdint.h>

typedef struct change {
    const char *said, *written;
} change;

static void apply_all(const text_rules_options *options, const change *changes, size_t n)
{
    char error[TEXT_RULES_ERROR];
    text_rules *rules = text_rules_create(options, error);
    if (!CHECK(rules != NULL)) {
        printf("# %s\n", error);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        textbuf out = {0};
        text_rules_apply(rules, changes[i].said, &out);
        CHECK_STR(out.data ? out.data : "", changes[i].written);
        textbuf_free(&out);
    }
    text_rules_free(rules);
}
#define APPLY(options, ...)                                               \
    do {                                                                  \
        static const change changes[] = {__VA_ARGS__};                    \
        apply_all(&(options), changes, sizeof changes / sizeof *changes); \
    } while (0)

static void without_rules_the_text_stays(void)
{
    text_rules_options o = {0};
    APPLY(o, {"", ""}, {"   ", ""}, {"hello world", "hello world"}, {" Hello,  (world)! ", "Hello, (world)!"},
          {"don't \"stop\" - now...", "don't \"stop\" - now..."}, {"你好 世界", "你好 世界"},
          {"a\nb\n\nc", "a\nb\n\nc"}, {"comma period", "comma period"}, {"é Ω Я", "é Ω Я"},
          {"bad\xFF\xC3 bytes", "bad\xEF\xBF\xBD\xEF\xBF\xBD bytes"});
}

static void space_between_two_dictations(void)
{
    text_rules_options o = {.trailing_space = true, .spoken_punctuation = true};
    APPLY(o, {"hello", "hello "}, {"", ""}, {"  ", ""}, {"hello.", "hello. "}, {"hello new line", "hello\n"},
          {"tab key", "\t"}, {"hello open quote", "hello \""}, {"你好。", "你好。"}, {"hello hyphen", "hello-"},
          {"comma", ", "});
}

static void first_letter(void)
{
    text_rules_options upper = {.first_letter = TEXT_FIRST_UPPER, .spoken_punctuation = true};
    APPLY(upper, {"hello World", "Hello World"}, {"\"hello\"", "\"Hello\""}, {"über", "Über"}, {"ёлка", "Ёлка"},
          {"ωmega", "Ωmega"}, {"3 apples", "3 apples"}, {"open quote hello", "\"Hello"}, {"new line hello", "\nHello"},
          {"ßtrange", "ßtrange"}, {"- hello", "- Hello"});
    text_rules_options lower = {.first_letter = TEXT_FIRST_LOWER};
    APPLY(lower, {"Hello World", "hello World"}, {"I am", "I am"}, {"I'm", "I'm"}, {"NASA is", "NASA is"},
          {"Über", "über"}, {"iPhone", "iPhone"}, {"\"Hello\"", "\"hello\""}, {"A dog", "a dog"});
}

static void spoken_punctuation(void)
{
    text_rules_options o = {.spoken_punctuation = true};
    APPLY(o, {"hello comma new line world", "hello,\nworld"}, {"hello comma world", "hello, world"},
          {"hello period world", "hello. World"}, {"hello full stop new line world", "hello.\nWorld"},
          {"is it question mark yes exclamation point", "is it? Yes!"}, {"a new dawn", "a new dawn"},
          {"one colon two semicolon three", "one: two; three"}, {"hello dash world", "hello - world"},
          {"well hyphen known", "well-known"}, {"say open quote hello close quote now", "say \"hello\" now"},
          {"he said period open quote no close quote", "he said. \"No\""},
          {"see open parenthesis below close parenthesis period", "see (below)."},
          {"list open bracket one close bracket", "list [one]"}, {"first new paragraph second", "first\n\nSecond"},
          {"first new line second", "first\nsecond"}, {"new line new line", "\n\n"},
          {"name tab key value", "name\tvalue"}, {"me at sign example", "me@example"}, {"wait ellipsis", "wait..."},
          {"tom apostrophe s", "tom's"}, {"fifty percent sign more", "fifty% more"}, {"comma", ","},
          {"minus sign five", "-five"});
}

/* Models with punctuation write marks of their own around the spoken one. */
static void spoken_punctuation_of_a_model_that_punctuates(void)
{
    text_rules_options o = {.spoken_punctuation = true};
    APPLY(o, {"Hello, comma, world.", "Hello, world."}, {"Hello. Comma. World.", "Hello, world."},
          {"Hello comma, NASA.", "Hello, NASA."}, {"Hello. Period. World.", "Hello. World."},
          {"Is it you? Question mark.", "Is it you?"}, {"Hello. New line. World.", "Hello.\nWorld."},
          {"Dear John, new line, thanks.", "Dear John,\nthanks."},
          {"He said, open quote, hello, close quote.", "He said, \"hello,\""}, {"\"hello comma\"", "\"hello,\""},
          {"Hello, Comma, I know.", "Hello, I know."});
}

/* Prose about marks, and a way to say a mark's name anywhere. */
static void names_of_marks_in_prose(void)
{
    text_rules_options o = {.spoken_punctuation = true};
    APPLY(o, {"the period was long", "the period was long"}, {"write a comma here", "write a comma here"},
          {"add a new line of code", "add a new line of code"}, {"literal comma is a word", "comma is a word"},
          {"say literal question mark now", "say question mark now"}, {"a literal truth", "a literal truth"},
          {"literal", "literal"}, {"commas and periods", "commas and periods"}, {"the period. Period.", "the period."});
}

static void replacements(void)
{
    static const char *const pairs[] = {
        "git hub=GitHub",    "github=GitHub", "git=Git",   "gonna=going to", "um=",
        "C++=see plus plus", "straße=Street", "Привет=Hi", "o'clock=h",      "e-mail=email",
        "eye phone=iPhone",  "a=b",           "b=a",       "smiley=:-)",     "same=first",
        "same=last",         "dots=..."};
    text_rules_options o = {.replacements = pairs, .n_replacements = sizeof pairs / sizeof *pairs};
    APPLY(o, {"open git hub now", "open GitHub now"}, {"GITHUB, please", "GitHub, please"},
          {"git is git.", "Git is Git."}, {"digit gitter", "digit gitter"}, {"git, hub", "Git, hub"},
          {"Gonna go", "Going to go"}, {"gonna", "going to"}, {"so um, well", "so well"}, {"Um, hello", "Hello"},
          {"that is it um.", "that is it."}, {"um", ""}, {"um um yes", "yes"}, {"(c++)", "(see plus plus)"},
          {"STRASSE straße STRAßE", "STRASSE Street Street"}, {"ПРИВЕТ мир", "Hi мир"}, {"five o\u2019clock", "five h"},
          {"e-mail", "email"}, {"Eye phone", "iPhone"}, {"a b a", "b a b"}, {"smiley", ":-)"}, {"same", "last"},
          {"wait dots now", "wait... now"}, {"\"git\"", "\"Git\""});
}

static void snippets(void)
{
    static const char *const pairs[] = {"signature=Best regards,\\n\\tJane \\\\o/\\n", "my address=1 Main Street",
                                        "logo=\\tX"};
    text_rules_options o = {.snippets = pairs, .n_snippets = 3, .trailing_space = true};
    APPLY(o, {"signature", "Best regards,\n\tJane \\o/\n"}, {"Signature.", "Best regards,\n\tJane \\o/\n"},
          {"insert signature", "Best regards,\n\tJane \\o/\n"},
          {"thanks insert signature bye", "thanks Best regards,\n\tJane \\o/\nbye "}, {"my address", "1 Main Street "},
          {"send it to my address", "send it to my address "},
          {"send it to insert my address.", "send it to 1 Main Street. "}, {"my signature", "my signature "},
          {"Insert my address, please", "1 Main Street, please "}, {"see insert logo", "see\tX "});
}

/* The user's words go before marks, and the longest before both. */
static void rules_of_equal_words(void)
{
    static const char *const pairs[] = {"comma=KOMMA", "new line of code=statement"};
    static const char *const named[] = {"comma=snippet"};
    text_rules_options o = {
        .spoken_punctuation = true, .replacements = pairs, .n_replacements = 2, .snippets = named, .n_snippets = 1};
    APPLY(o, {"one comma two", "one KOMMA two"}, {"one new line of code", "one statement"},
          {"one new line two", "one\ntwo"}, {"one insert comma", "one snippet"}, {"gonna period git", "gonna. Git"});
}

static void mistakes_in_rules_are_named(void)
{
    static const char *const bad[] = {"no equals", "=nothing", "  =x", "\xFF=x", "x=\\q", "x=\\"};
    static const char *const said[] = {"\"no equals\"", "\"=nothing\"", "nothing before", "number 1", "x=\\q", "x=\\"};
    for (int i = 0; i < 6; i++) {
        char error[TEXT_RULES_ERROR] = "";
        text_rules_options o = {.snippets = &bad[i], .n_snippets = 1};
        CHECK(!text_rules_create(&o, error));
        CHECK(strstr(error, said[i]) != NULL && strstr(error, "snippet"));
        o = (text_rules_options){.replacements = &bad[i], .n_replacements = 1};
        text_rules *rules = text_rules_create(&o, error);
        CHECK(i < 4 ? !rules && strstr(error, "replacement") : rules != NULL);
        text_rules_free(rules);
    }
    text_rules_free(NULL);
}

/* Options are copied; what was in out stays. */
static void rules_own_their_words(void)
{
    char pair[] = "one=two", error[TEXT_RULES_ERROR];
    const char *const pairs[] = {pair};
    text_rules_options o = {.replacements = pairs, .n_replacements = 1};
    text_rules *rules = text_rules_create(&o, error);
    memset(pair, 'x', 3);
    textbuf out = {0};
    textbuf_append(&out, "before", 6);
    text_rules_apply(rules, "one", &out);
    CHECK_STR(out.data, "beforetwo");
    textbuf_free(&out);
    text_rules_free(rules);
}

static void cases_come_in_pairs(void)
{
    int n_pairs = 0;
    for (uint32_t c = 0; c < 0x11000; c++) {
        uint32_t lower = text_lower(c), upper = text_upper(c);
        if (lower != c && c != 0x1E9E) {
            n_pairs++;
            CHECK(text_upper(lower) == c && text_lower(lower) == lower && text_is_upper(c) && !text_is_lower(c));
        }
        if (upper != c && c != 0x3C2)
            CHECK(text_lower(upper) == c && text_is_lower(c));
    }
    CHECK(n_pairs > 500);
    CHECK_INT(text_lower('Z'), 'z');
    CHECK_INT(text_lower(0x10C), 0x10D);
    CHECK_INT(text_lower(0x178), 0xFF);
    CHECK_INT(text_lower(0x388), 0x3AD);
    CHECK_INT(text_lower(0x401), 0x451);
    CHECK_INT(text_fold(0x3C2), text_fold(0x3A3));
    CHECK_INT(text_lower(0xD7), 0xD7);
    CHECK_INT(text_upper(0xF7), 0xF7);
}

int main(void)
{
    RUN(without_rules_the_text_stays);
    RUN(space_between_two_dictations);
    RUN(first_letter);
    RUN(spoken_punctuation);
    RUN(spoken_punctuation_of_a_model_that_punctuates);
    RUN(names_of_marks_in_prose);
    RUN(replacements);
    RUN(snippets);
    RUN(rules_of_equal_words);
    RUN(mistakes_in_rules_are_named);
    RUN(rules_own_their_words);
    RUN(cases_come_in_pairs);
    return check_done();
}
