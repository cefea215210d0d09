/* SPDX-License-Identifier: MIT
 * Cutting, wrapping and editing by columns; lines in place of a picture. */
#define _GNU_SOURCE
#include "check.h"

#include "dictate/screen/screen_inside.h"
#include "dictate/screen/screen_plain.h"

#include <locale.h>

static char shown[4 * SCREEN_WIDE];

/* What is shown in so many columns, as UTF-8. */
static const char *fit(const char *text, int columns)
{
    static wchar_t wide[SCREEN_WIDE];
    int used = screen_fit(wide, text, strlen(text), columns, SCREEN_CUT_MARKED);
    CHECK(used <= (columns > 0 ? columns : 0));
    CHECK_INT(used, wcswidth(wide, SCREEN_WIDE));
    if (wcstombs(shown, wide, sizeof shown) == (size_t)-1)
        return "(not printable)";
    return shown;
}

static void short_text_stays_as_it_is(void)
{
    CHECK_STR(fit("plain", 5), "plain");
    CHECK_STR(fit("", 5), "");
    CHECK_STR(fit("\xe6\xbc\xa2\xe5\xad\x97", 4), "\xe6\xbc\xa2\xe5\xad\x97");
}

static void what_does_not_fit_ends_in_an_ellipsis(void)
{
    CHECK_STR(fit("plain text", 6), "plain\xe2\x80\xa6");
    CHECK_STR(fit("ab", 1), "\xe2\x80\xa6");
    CHECK_STR(fit("ab", 0), "");
    CHECK_STR(fit("ab", -3), "");
}

static void a_wide_character_is_never_halved(void)
{
    const char *kanji = "\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2"; /* six columns */
    CHECK_STR(fit(kanji, 5), "\xe6\xbc\xa2\xe5\xad\x97\xe2\x80\xa6");
    CHECK_STR(fit(kanji, 4), "\xe6\xbc\xa2\xe2\x80\xa6"); /* three columns: the ellipsis would not go beside two */
    CHECK_STR(fit(kanji, 1), "\xe2\x80\xa6");
}

static void marks_stay_with_their_letter_and_are_limited(void)
{
    CHECK_STR(fit("e\xcc\x81"
                  "ab",
                  2),
              "e\xcc\x81\xe2\x80\xa6");
    char tower[200] = "x";
    for (int i = 0; i < 50; i++)
        strcat(tower, "\xcc\x81");
    CHECK_INT(strlen(fit(tower, 3)), 1 + 2 * SCREEN_MARKS);
}

static void controls_and_broken_bytes_are_replaced(void)
{
    CHECK_STR(fit("a\033[2Jb\x7f\xc2\x9b\xe2\x80\xae\xff", 40),
              "a\xef\xbf\xbd[2Jb\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    CHECK_STR(fit("\xe6\xbc", 40), "\xef\xbf\xbd\xef\xbf\xbd");                 /* ends within a character */
    CHECK_STR(fit("\xed\xa0\x80", 40), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* a surrogate */
    CHECK_STR(fit("a\nb\tc", 40), "a b c");
    CHECK_STR(fit("\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x92\xbb\xef\xb8\x8f", 9),
              "\xf0\x9f\x91\xa9\xf0\x9f\x92\xbb"); /* no joiner */
}

static void without_utf8_everything_foreign_is_a_question_mark(void)
{
    setlocale(LC_CTYPE, "C");
    CHECK_STR(fit("Stu\xcc\x88hle \xe6\xbc\xa2", 40), "Stu?hle ?");
    CHECK_STR(fit("long text", 5), "long~");
    setlocale(LC_CTYPE, "C.UTF-8");
}

/* The lines with | between. */
static const char *wrap(const char *text, int columns)
{
    size_t skip, n = 0;
    shown[0] = 0;
    for (; *text; text += skip) {
        size_t bytes = screen_wrap(text, columns, &skip);
        CHECK(skip > 0 && bytes <= skip);
        if (skip == 0)
            break;
        n += (size_t)snprintf(shown + n, sizeof shown - n, "%.*s|", (int)bytes, text);
    }
    return shown;
}

static void wraps_between_words(void)
{
    CHECK_STR(wrap("one two three", 7), "one two|three|");
    CHECK_STR(wrap("one two three", 8), "one two|three|");
    CHECK_STR(wrap("one\ntwo\n\nthree", 80), "one|two||three|");
    CHECK_STR(wrap("abcdefgh", 3), "abc|def|gh|");
    CHECK_STR(wrap("a abcdefgh", 3), "a|abc|def|gh|");
    CHECK_STR(wrap("\xe6\xbc\xa2\xe5\xad\x97\xe6\xbc\xa2", 5), "\xe6\xbc\xa2\xe5\xad\x97|\xe6\xbc\xa2|");
    CHECK_STR(wrap("\xe6\xbc\xa2\xe6\xbc\xa2", 1), "\xe6\xbc\xa2|\xe6\xbc\xa2|"); /* goes on though it cannot fit */
}

static void type(line_edit *e, const char *text)
{
    for (; *text; text++)
        edit_key(e, (uint32_t)(unsigned char)*text);
}

static void a_line_is_edited_by_whole_characters(void)
{
    line_edit e;
    edit_set(&e, "");
    type(&e, "ac");
    edit_key(&e, SCREEN_KEY_LEFT);
    edit_key(&e, 0x6F22);
    CHECK_STR(e.text, "a\xe6\xbc\xa2"
                      "c");
    edit_key(&e, SCREEN_KEY_BACKSPACE);
    CHECK_STR(e.text, "ac");
    edit_key(&e, SCREEN_KEY_HOME);
    edit_key(&e, SCREEN_KEY_BACKSPACE);
    edit_key(&e, SCREEN_KEY_DELETE);
    CHECK_STR(e.text, "c");
    edit_key(&e, SCREEN_KEY_END);
    edit_key(&e, SCREEN_KEY_DELETE);
    edit_key(&e, SCREEN_KEY_RIGHT);
    type(&e, "e\xcc"); /* no byte of UTF-8 comes here, only characters: 0xCC is one */
    CHECK_STR(e.text, "ce\xc3\x8c");
    edit_set(&e, "e\xcc\x81");
    edit_key(&e, SCREEN_KEY_BACKSPACE);
    CHECK_STR(e.text, "");
    CHECK(!edit_key(&e, 27) && !edit_key(&e, 0x202E) && !edit_key(&e, SCREEN_KEY_UP));
    for (int i = 0; i < 2000; i++)
        edit_key(&e, 0x1F3A4);
    CHECK(strlen(e.text) < sizeof e.text && strlen(e.text) % 4 == 0);
    edit_key(&e, 'u' & 31);
    CHECK_STR(e.text, "");
}

static void a_list_keeps_the_chosen_row_on_screen(void)
{
    screen_list list = {0};
    for (int i = 0; i < 30; i++)
        list_key(&list, 20, 5, SCREEN_KEY_DOWN);
    CHECK_INT(list.chosen, 19);
    CHECK_INT(list.top, 15);
    list_key(&list, 20, 5, SCREEN_KEY_PAGE_UP);
    CHECK_INT(list.chosen, 14);
    CHECK_INT(list.top, 14);
    list_clamp(&list, 3, 5);
    CHECK_INT(list.chosen, 2);
    CHECK_INT(list.top, 0);
    list_clamp(&list, 0, 0);
    CHECK_INT(list.chosen, 0);
}

static void lines_come_once_per_change(void)
{
    static screen_plain p;
    static screen_view v = {.state = STATE_RECORDING, .model = "m", .text = "live"};
    plain_note(&p, &v);
    plain_note(&p, &v);
    v.state = STATE_DELIVERED;
    strcpy(v.text, "the text\nof\033 it");
    plain_note(&p, &v);
    plain_note(&p, &v);
    v.state = STATE_RECORDING;
    strcpy(v.languages, "de > en");
    plain_note(&p, &v);
    v.languages[0] = 0;
    v.state = STATE_DELIVERED; /* the same words again */
    plain_note(&p, &v);
    p.lines[p.n] = 0;
    CHECK_STR(p.lines, "model m\nstate recording\ntext the text of? it\nstate delivered\n"
                       "state recording de > en\n"
                       "text the text of? it\nstate delivered\n");
}

static void unread_lines_are_dropped_from_the_oldest(void)
{
    static screen_plain p;
    char text[40];
    for (int i = 0; i < 5000; i++) {
        snprintf(text, sizeof text, "number %d", i);
        plain_line(&p, "message", text);
        CHECK(p.n <= PLAIN_BYTES);
    }
    CHECK(p.n_dropped > 0);
    int64_t dropped = p.n_dropped;
    CHECK(memmem(p.lines, p.n, "number 4999\n", 12) != NULL);
    p.n = p.sent = 0;
    plain_line(&p, "state", "ready");
    p.lines[p.n] = 0;
    snprintf(text, sizeof text, "message %d lines were", (int)dropped);
    CHECK(strncmp(p.lines, text, strlen(text)) == 0 && strstr(p.lines, "\nstate ready\n"));
}

int main(void)
{
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        return check_skip_all("there is no C.UTF-8 locale here");
    RUN(short_text_stays_as_it_is);
    RUN(what_does_not_fit_ends_in_an_ellipsis);
    RUN(a_wide_character_is_never_halved);
    RUN(marks_stay_with_their_letter_and_are_limited);
    RUN(controls_and_broken_bytes_are_replaced);
    RUN(without_utf8_everything_foreign_is_a_question_mark);
    RUN(wraps_between_words);
    RUN(a_line_is_edited_by_whole_characters);
    RUN(a_list_keeps_the_chosen_row_on_screen);
    RUN(lines_come_once_per_change);
    RUN(unread_lines_are_dropped_from_the_oldest);
    return check_done();
}
