/* SPDX-License-Identifier: MIT
 *
 * The settings: table, layers, the file's reader and what it refuses, and changing the user's own file. Every test has a
 * folder of its own with its own XDG variables. */
#define _XOPEN_SOURCE 700
#include "check.h"
#include "dictate/settings/settings_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char place[200], error[SETTINGS_ERROR];

static char *at(const char *name)
{
    static char paths[8][300];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", place, name);
    return path;
}

/* An empty place, and no variable of ours set. */
static void fresh(void)
{
    char command[500], variable[SETTINGS_VARIABLE];
    snprintf(command, sizeof command, "chmod -R u+rwx '%s' && rm -rf '%s'/*", place, place);
    CHECK_INT(system(command), 0);
    for (int32_t i = 0; i < N_SETTINGS; i++)
        unsetenv(settings_variable(i, variable));
    setenv("XDG_CONFIG_HOME", at("home"), 1);
    setenv("XDG_CONFIG_DIRS", at("system"), 1);
    setenv("HOME", at("nobody"), 1);
}

static void put(const char *name, const char *text, size_t size)
{
    char command[700];
    const char *path = at(name);
    snprintf(command, sizeof command, "mkdir -p \"$(dirname '%s')\"", path);
    CHECK_INT(system(command), 0);
    FILE *file = fopen(path, "wb");
    CHECK(file && fwrite(text, 1, size, file) == size && fclose(file) == 0);
}

static void put_own(const char *text)
{
    put("home/ctrlspeak/config", text, strlen(text));
}

static const char *own(void)
{
    static char text[20000];
    FILE *file = fopen(at("home/ctrlspeak/config"), "rb");
    size_t n = file ? fread(text, 1, sizeof text - 1, file) : 0;
    text[n] = 0;
    if (file)
        fclose(file);
    return file ? text : NULL;
}

static const char *get(const settings *s, const char *key)
{
    static char buf[16];
    return settings_get(s, key, 0, buf, sizeof buf);
}

/* ----------------------------------------------------------------- table */

static void table_is_coherent(void)
{
    static const char *const kinds[] = {"TEXT", "PATH", "LIST", "INT", "SWITCH", "CHOICE"};
    settings *s = settings_defaults(error);
    char variables[N_SETTINGS][SETTINGS_VARIABLE];
    CHECK(s != NULL);
    for (int32_t i = 0; s && i < N_SETTINGS; i++) {
        const setting_info *info = settings_info(i);
        CHECK_STR(info->kind, kinds[settings_kind(i)]);
        CHECK_INT(settings_find(info->key) == info, 1);
        CHECK_STR(get(s, info->key) ? get(s, info->key) : "", info->standard);
        CHECK_STR(s->origin[i], "built in");
        CHECK(info->help[0] && (info->choices != NULL) == (settings_kind(i) == SETTING_KIND_CHOICE));
        if (info->choices)
            CHECK(strncmp(info->choices, info->standard, strlen(info->standard)) == 0
                  && info->choices[strlen(info->standard)] == '|');
        settings_variable(i, variables[i]);
        CHECK_INT(strspn(variables[i], "ABCDEFGHIJKLMNOPQRSTUVWXYZ_"), strlen(variables[i]));
        for (int32_t k = 0; k < i; k++) {
            CHECK(strcmp(variables[i], variables[k]) != 0);
            CHECK(!info->flag || !settings_info(k)->flag || strcmp(info->flag, settings_info(k)->flag) != 0);
        }
    }
    CHECK(settings_info(N_SETTINGS) == NULL && settings_info(-1) == NULL && settings_find("none") == NULL);
    settings_free(s);
    settings_free(NULL);
}

static void variables_of_other_commands_are_the_same(void)
{
    char variable[SETTINGS_VARIABLE];
    CHECK_STR(settings_variable(SETTING_model, variable), "CS_MODEL");
    CHECK_STR(settings_variable(SETTING_threads, variable), "CS_THREADS");
    CHECK_STR(settings_variable(SETTING_cpu, variable), "CS_CPU");
    CHECK_STR(settings_variable(SETTING_gesture, variable), "CS_DICTATE_GESTURE");
}

/* ---------------------------------------------------------------- layers */

static void nothing_there_gives_the_defaults(void)
{
    fresh();
    settings *s = settings_load(NULL, error);
    CHECK(s != NULL);
    CHECK_INT(s->tap_ms, 250);
    CHECK_INT(s->gesture.n_items, 1);
    CHECK_STR(s->gesture.items[0], "triple:ctrl");
    CHECK_INT(s->replacements.n_items, 0);
    CHECK_STR(s->model, "");
    settings_free(s);
    CHECK(settings_load(at("named"), error) == NULL);
    CHECK(strstr(error, "/named: cannot open: No such file") != NULL);
}

static void layers_win_in_order(void)
{
    char line[400];
    fresh();
    setenv("XDG_CONFIG_DIRS", "relative:", 1);
    snprintf(line, sizeof line, "%s:relative:%s", at("first"), at("second"));
    setenv("XDG_CONFIG_DIRS", line, 1);
    static const char low[] = "threads = 1\n[dictate]\ntap_ms = 101\nhold_ms = 101\ntap_gap_ms = 101\n";
    static const char middle[] = "[dictate]\ntap_ms = 102\nhold_ms = 102\ntap_gap_ms = 102\n";
    put("second/ctrlspeak/config", low, sizeof low - 1);
    put("first/ctrlspeak/config", middle, sizeof middle - 1);
    put_own("[dictate]\ntap_ms = 103\nhold_ms = 103\n");
    setenv("CS_DICTATE_TAP_MS", "104", 1);
    setenv("CS_DICTATE_HOLD_MS", "", 1); /* counts as not set */
    settings *s = settings_load(NULL, error);
    CHECK(s != NULL);
    CHECK_INT(s->threads, 1);
    CHECK_INT(s->tap_gap_ms, 102);
    CHECK_INT(s->hold_ms, 103);
    CHECK_INT(s->tap_ms, 104);
    CHECK_STR(s->origin[SETTING_tap_ms], "CS_DICTATE_TAP_MS");
    snprintf(line, sizeof line, "%s:3", at("home/ctrlspeak/config"));
    CHECK_STR(s->origin[SETTING_hold_ms], line);
    CHECK(settings_set(s, "dictate.tap_ms", "105", "--tap-ms", error));
    CHECK_INT(s->tap_ms, 105);
    CHECK_STR(s->origin[SETTING_tap_ms], "--tap-ms");
    settings_free(s);
    put("other", "model = x\n", 10);
    s = settings_load(at("other"), error);
    CHECK(s && strcmp(s->model, "x") == 0 && s->hold_ms == 102);
    settings_free(s);
}

static void lists_append_within_a_layer_and_replace_across(void)
{
    fresh();
    static const char system_text[] = "[text]\nreplace = a=b\nreplace = c=d\n[deliver]\nrule = x=type\n";
    put("system/ctrlspeak/config", system_text, sizeof system_text - 1);
    put_own("[text]\nreplace = e=f\nreplace = g=h\n[deliver]\nrule =\n");
    settings *s = settings_load(NULL, error);
    CHECK(s != NULL);
    CHECK_INT(s->replacements.n_items, 2);
    CHECK_STR(s->replacements.items[0], "e=f");
    CHECK_STR(s->replacements.items[1], "g=h");
    CHECK_INT(s->deliver_rules.n_items, 0);
    CHECK(settings_set(s, "text.replace", "i=j", "--replace", error));
    CHECK_INT(s->replacements.n_items, 1);
    CHECK(settings_set(s, "text.replace", "k=l", "--replace", error));
    CHECK_INT(s->replacements.n_items, 2);
    char buf[16];
    CHECK_STR(settings_get(s, "text.replace", 1, buf, sizeof buf), "k=l");
    CHECK(settings_get(s, "text.replace", 2, buf, sizeof buf) == NULL);
    settings_free(s);
    setenv("CS_TEXT_REPLACE", "m=n\n\no=p q\n", 1);
    s = settings_load(NULL, error);
    CHECK(s && s->replacements.n_items == 2 && strcmp(s->replacements.items[1], "o=p q") == 0);
    settings_free(s);
}

static void refused_values_change_nothing(void)
{
    fresh();
    settings *s = settings_load(NULL, error);
    CHECK(!settings_set(s, "dictate.tap_ms", "20", "--tap-ms", error));
    CHECK_STR(error, "--tap-ms is '20', expected a whole number from 50 to 1000");
    CHECK(!settings_set(s, "dictate.keys", "wayland", "--keys", error));
    CHECK_STR(error, "--keys is 'wayland', expected one of auto, x11, evdev, none");
    CHECK(!settings_set(s, "history.keep", "yes", "CS_HISTORY_KEEP", error));
    CHECK_STR(error, "CS_HISTORY_KEEP is 'yes', expected on or off");
    CHECK(!settings_set(s, "dictate.gesure", "x", "--x", error));
    CHECK_STR(error, "unknown key 'dictate.gesure'; did you mean 'dictate.gesture'?");
    CHECK(!settings_set(s, "gesture", "x", "--x", error));
    CHECK_STR(error, "unknown key 'gesture'; did you mean 'dictate.gesture'?");
    CHECK(!settings_set(s, "model", "a\x1b[0m", "CS_MODEL", error));
    CHECK(!settings_set(s, "model", "\xff", "CS_MODEL", error));
    static const char *const numbers[] = {"", "-", "+5", "5 ", " 5", "0x5", "5.0", "99999999999999999999", "--5"};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        CHECK(!settings_set(s, "threads", numbers[i], "--threads", error));
    CHECK_INT(s->tap_ms, 250);
    CHECK_INT(s->threads, 0);
    CHECK_STR(s->model, "");
    CHECK_STR(s->origin[SETTING_tap_ms], "built in");
    CHECK(settings_set(s, "dictate.unload_seconds", "-1", "--x", error) && s->unload_seconds == -1);
    settings_free(s);
    setenv("CS_DICTATE_TAP_MS", "x", 1);
    CHECK(settings_load(NULL, error) == NULL);
    CHECK_STR(error, "CS_DICTATE_TAP_MS is 'x', expected a whole number from 50 to 1000");
}

static void homes_are_filled_in(void)
{
    fresh();
    setenv("HOME", "/somewhere", 1);
    put_own("[history]\nfile = ~/h.db\n");
    settings *s = settings_load(NULL, error);
    CHECK(s && strcmp(s->history_db, "/somewhere/h.db") == 0);
    settings_free(s);
    put_own("[history]\nfile = h.db\n");
    CHECK(settings_load(NULL, error) == NULL);
    CHECK(strstr(error, ":2: file is 'h.db', expected a whole path") != NULL);
}

/* ------------------------------------------------------------------ file */

static void errors_name_file_and_line(void)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"[dictate]\ngesure = x\n", "f:2: unknown key 'gesure'; did you mean 'gesture'?"},
        {"gesture = x\n", "f:1: unknown key 'gesture'; did you mean 'dictate.gesture'?"},
        {"[text]\nthreads = 1\n", "f:2: unknown key 'threads'; did you mean 'threads' above all sections?"},
        {"[text]\ntap_gapms = 1\n", "f:2: unknown key 'tap_gapms'"},
        {"[text]\ntap_ms = 100\n", "f:2: unknown key 'tap_ms'; did you mean 'tap_ms' below [dictate]?"},
        {"zzzzzzzz = x\n", "f:1: unknown key 'zzzzzzzz'"},
        {"[dictat]\n", "f:1: unknown section 'dictat'; did you mean 'dictate'?"},
        {"[dictate\n", "f:1: expected [SECTION] and nothing after it"},
        {"[dictate] x\n", "f:1: expected [SECTION] and nothing after it"},
        {"[]\n", "f:1: unknown section ''"},
        {"\n\n[dictate]\ntap_ms = 9000\n", "f:4: tap_ms is '9000', expected a whole number from 50 to 1000"},
        {"dictate.keys=wayland\n", "f:1: dictate.keys is 'wayland', expected one of auto, x11, evdev, none"},
        {"[history]\nkeep = true", "f:2: keep is 'true', expected on or off"},
        {"threads = 1\nthreads = 2\n", "f:2: 'threads' is set a second time, the first was in line 1"},
        {"dictate.tap_ms = 90\n[dictate]\ntap_ms = 90\n",
         "f:3: 'tap_ms' is set a second time, the first was in line 1"},
        {"model\n", "f:1: expected KEY = VALUE or [SECTION], met 'model'"},
        {"= x\n", "f:1: expected a key before '='"},
        {"model = \"x\n", "f:1: a quoted value has no closing \""},
        {"model = \"x\" y\n", "f:1: there is more after the closing \" of a value"},
        {"model = \"\\x\"\n", "f:1: unknown escape in a quoted value, expected \\n, \\t, \\\" or \\\\"},
        {"model = \"\\", "f:1: unknown escape in a quoted value, expected \\n, \\t, \\\" or \\\\"},
        {"model = a\xff\n", "f:1: byte 0xFF in column 10 is not UTF-8"},
        {"model = \xed\xa0\x80\n", "f:1: byte 0xED in column 9 is not UTF-8"},
        {"# \x1b[2J\n", "f:1: there is a control character, 0x1B, in column 3"},
        {"a\rb\n", "f:1: there is a control character, 0x0D, in column 2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        settings *s = settings_defaults(error);
        CHECK(!settings_read_text(s, "f", cases[i].text, strlen(cases[i].text), error));
        CHECK_STR(error, cases[i].expected);
        settings_free(s);
    }
    settings *s = settings_defaults(error);
    CHECK(!settings_read_text(s, "f", "model = a\0b\n", 12, error));
    CHECK_STR(error, "f:1: there is a NUL byte in column 10, expected text");
    settings_free(s);
}

static void everything_allowed_is_read(void)
{
    static const char text[] = "\xEF\xBB\xBF# a comment\r\n"
                               "model = C# and \"more\"   # not this\r\n"
                               "\tthreads=3\n"
                               " [ text ] # words\n"
                               "snippet = \"sig=Best,\\n\\tMe \\\\ \\\"x\\\" # kept \"# not this\n"
                               "replace = \xC3\xA4=\xE2\x82\xAC\n"
                               "replace = #\n"
                               "dictate.keys = x11\n";
    settings *s = settings_defaults(error);
    CHECK(!settings_read_text(s, "f", text, sizeof text - 1, error)); /* the last: inside [text] */
    CHECK_STR(error, "f:8: unknown key 'dictate.keys'; did you mean 'keys' below [dictate]?");
    CHECK_STR(s->model, "C# and \"more\"");
    CHECK_INT(s->threads, 3);
    CHECK_STR(s->snippets.items[0], "sig=Best,\n\tMe \\ \"x\" # kept ");
    CHECK_INT(s->replacements.n_items, 0); /* "#" began a comment: an empty value empties */
    settings_free(s);
}

static void hostile_files_are_refused(void)
{
    static char big[SETTINGS_FILE_MAX + 2], line[SETTINGS_LINE_MAX + 20];
    fresh();
    memset(big, '\n', sizeof big);
    put("home/ctrlspeak/config", big, SETTINGS_FILE_MAX);
    settings *s = settings_load(NULL, error);
    CHECK(s != NULL);
    settings_free(s);
    put("home/ctrlspeak/config", big, SETTINGS_FILE_MAX + 1);
    CHECK(settings_load(NULL, error) == NULL);
    CHECK(strstr(error, "/config: has more than 1048576 bytes, expected a config file") != NULL);
    memset(line, 'x', sizeof line);
    memcpy(line, "model = ", 8);
    put("home/ctrlspeak/config", line, SETTINGS_LINE_MAX);
    s = settings_load(NULL, error);
    CHECK(s && strlen(s->model) == SETTINGS_LINE_MAX - 8);
    settings_free(s);
    put("home/ctrlspeak/config", line, SETTINGS_LINE_MAX + 1);
    CHECK(settings_load(NULL, error) == NULL);
    CHECK(strstr(error, "/config:1: the line has 4097 bytes, expected at most 4096") != NULL);
    CHECK_INT(unlink(at("home/ctrlspeak/config")), 0);
    CHECK_INT(mkdir(at("home/ctrlspeak/config"), 0700), 0);
    CHECK(settings_load(NULL, error) == NULL);
    CHECK(strstr(error, "/config: is a folder, expected a file") != NULL);
    CHECK_INT(rmdir(at("home/ctrlspeak/config")), 0);
    CHECK_INT(mkfifo(at("home/ctrlspeak/config"), 0600), 0); /* would hang if it were waited for */
    CHECK(settings_load(NULL, error) == NULL);
    CHECK(strstr(error, "/config: is no regular file, expected a file") != NULL);
    if (getuid() != 0) {
        put("locked", "", 0);
        chmod(at("locked"), 0);
        CHECK(settings_load(at("locked"), error) == NULL && strstr(error, "Permission denied"));
    }
}

/* A fixed sequence. */
static uint32_t pick(uint32_t *state, uint32_t n)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 8) % n;
}

static void any_value_comes_back(void)
{
    static const char *const parts[] = {"a",  " ", "\t", "\n", "\"",       "\\", "#",
                                        " #", "=", "[",  "]",  "\xC3\xA9", "n",  "  "};
    uint32_t state = 1;
    for (int round = 0; round < 3000; round++) {
        char value[200] = "";
        const char *items[] = {value};
        for (uint32_t n = pick(&state, 12); n > 0; n--)
            strcat(value, parts[pick(&state, sizeof parts / sizeof *parts)]);
        textbuf text = {0};
        settings *s = settings_defaults(error);
        CHECK(settings_edit_text(&text, "f", "", 0, SETTING_model, items, 1, false, error));
        CHECK(settings_read_text(s, "f", text.data, text.size, error));
        if (!CHECK_STR(s->model, value))
            printf("# text: %s", text.data);
        settings_free(s);
        textbuf_free(&text);
    }
}

/* --------------------------------------------------------------- writing */

static void writing_keeps_everything_else(void)
{
    static const struct {
        const char *before, *key, *items[4];
        int32_t append;
        const char *after;
    } cases[] = {
        {"", "model", {"x"}, 0, "model = x\n"},
        {"", "dictate.keys", {"x11"}, 0, "[dictate]\nkeys = x11\n"},
        {"# mine\n  threads\t=   2   # two\n", "threads", {"3"}, 0, "# mine\n  threads\t=   3   # two\n"},
        {"threads = 2", "threads", {"3"}, 0, "threads = 3"},
        {"threads = 2", "model", {"x"}, 0, "threads = 2\nmodel = x\n"},
        {"threads = 2", "dictate.keys", {"x11"}, 0, "threads = 2\n\n[dictate]\nkeys = x11\n"},
        {"# top\n\n# keys\n[dictate]\nkeys = x11\n",
         "model",
         {"x"},
         0,
         "# top\n\nmodel = x\n\n# keys\n[dictate]\nkeys = x11\n"},
        {"[dictate]\nkeys = x11\n\n[text]\nreplace = a=b\n",
         "dictate.tap_ms",
         {"90"},
         0,
         "[dictate]\nkeys = x11\ntap_ms = 90\n\n[text]\nreplace = a=b\n"},
        {"[dictate]\n# none yet\n[text]\n",
         "dictate.tap_ms",
         {"90"},
         0,
         "[dictate]\ntap_ms = 90\n# none yet\n[text]\n"},
        {"dictate.keys = x11\n[text]\n", "dictate.keys", {"none"}, 0, "dictate.keys = none\n[text]\n"},
        {"[dictate]\nkeys = x11 # c\ntap_ms = 90\n", "dictate.keys", {NULL}, 0, "[dictate]\ntap_ms = 90\n"},
        {"[dictate]\n", "dictate.keys", {NULL}, 0, "[dictate]\n"},
        {"[text]\nreplace = a=b # one\n# c\nreplace = c=d\n",
         "text.replace",
         {"e=f"},
         0,
         "[text]\nreplace = e=f # one\n# c\n"},
        {"[text]\nreplace = a=b\n# c\nreplace = c=d\n#d\n",
         "text.replace",
         {"1=1", "2=2", "3=3"},
         0,
         "[text]\nreplace = 1=1\n# c\nreplace = 2=2\nreplace = 3=3\n#d\n"},
        {"[text]\nreplace = a=b\n#d\n",
         "text.replace",
         {"c=d", "e= f"},
         1,
         "[text]\nreplace = a=b\nreplace = c=d\nreplace = e= f\n#d\n"},
        {"[text]\nsnippet = a=b\n", "text.replace", {"c=d"}, 1, "[text]\nsnippet = a=b\nreplace = c=d\n"},
        {"model = x\r\nthreads = 2\r\n", "model", {"\"y\""}, 0, "model = \"\\\"y\\\"\"\r\nthreads = 2\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int32_t n = 0;
        while (n < 4 && cases[i].items[n])
            n++;
        textbuf out = {0};
        textbuf_append(&out, "", 0);
        CHECK(settings_edit_text(&out, "f", cases[i].before, strlen(cases[i].before), settings_index(cases[i].key),
                                 cases[i].items, n, cases[i].append, error));
        CHECK_STR(out.data, cases[i].after);
        textbuf_free(&out);
    }
}

static unsigned mode_of(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (unsigned)st.st_mode & 07777u : 0;
}

static int entries_of(const char *path)
{
    int n = 0;
    DIR *dir = opendir(path);
    while (dir && readdir(dir))
        n++;
    if (dir)
        closedir(dir);
    return n - 2;
}

static void the_file_is_for_the_user_alone(void)
{
    static const mode_t masks[] = {0, 022, 0777};
    for (size_t i = 0; i < 3; i++) {
        fresh();
        CHECK_INT(mkdir(at("home"), 0755), 0);
        mode_t before = umask(masks[i]);
        CHECK(settings_write("model", "x", error));
        umask(before);
        CHECK_INT(mode_of(at("home/ctrlspeak")), 0700);
        CHECK_INT(mode_of(at("home/ctrlspeak/config")), 0600);
        CHECK_INT(mode_of(at("home")), 0755);
        CHECK_INT(entries_of(at("home/ctrlspeak")), 1);
    }
    CHECK_STR(own(), "model = x\n");
    CHECK(settings_write("model", NULL, error));
    CHECK_STR(own(), "");
    CHECK_INT(chmod(at("home/ctrlspeak/config"), 0644), 0);
    CHECK(settings_write("model", "y", error));
    CHECK_INT(mode_of(at("home/ctrlspeak/config")), 0644); /* the user's choice stays */
    CHECK_INT(rename(at("home/ctrlspeak/config"), at("elsewhere")), 0);
    CHECK_INT(symlink(at("elsewhere"), at("home/ctrlspeak/config")), 0);
    CHECK(settings_write("model", "z", error));
    struct stat st;
    CHECK(lstat(at("home/ctrlspeak/config"), &st) == 0 && S_ISLNK(st.st_mode));
    CHECK_STR(own(), "model = z\n");
    static const char *const items[] = {"a=b", "c=d"};
    CHECK(settings_write_list("text.replace", items, 2, error));
    CHECK_STR(own(), "model = z\n\n[text]\nreplace = a=b\nreplace = c=d\n");
    CHECK(settings_write_list("text.replace", NULL, 0, error));
    CHECK_STR(own(), "model = z\n\n[text]\nreplace = \n"); /* the line keeps its own blank */
}

static void what_is_wrong_is_not_written(void)
{
    fresh();
    put_own("# c\n[dictate]\ntap_ms = 9000\nkeys = x11\n");
    CHECK(!settings_write("dictate.keys", "none", error));
    CHECK(strstr(error, "config:3: tap_ms is '9000'") != NULL);
    CHECK_STR(own(), "# c\n[dictate]\ntap_ms = 9000\nkeys = x11\n");
    CHECK(settings_write("dictate.tap_ms", "900", error)); /* the one line that is wrong can be put right */
    CHECK(!settings_write("dictate.keys", "wayland", error));
    CHECK_STR(error, "dictate.keys is 'wayland', expected one of auto, x11, evdev, none");
    CHECK(!settings_write("dictate.kes", "none", error));
    CHECK_STR(error, "unknown key 'dictate.kes'; did you mean 'dictate.keys'?");
    static const char *const two[] = {"a", "b"};
    CHECK(!settings_write_list("model", two, 2, error));
    CHECK_STR(error, "model takes one value, met 2");
    CHECK(!settings_write("history.file", "here.db", error));
    static char longer[SETTINGS_LINE_MAX + 2];
    memset(longer, 'x', sizeof longer - 1);
    CHECK(!settings_write("model", longer, error));
    CHECK_STR(own(), "# c\n[dictate]\ntap_ms = 900\nkeys = x11\n");
    fresh();
    put("home", "", 0); /* a file where the folder should be */
    CHECK(!settings_write("model", "x", error));
    CHECK(strstr(error, "/home/ctrlspeak: cannot make the folder: Not a directory") != NULL);
    if (getuid() != 0) {
        fresh();
        put_own("model = x\n");
        chmod(at("home/ctrlspeak"), 0500);
        CHECK(!settings_write("model", "y", error) && strstr(error, "Permission denied"));
        CHECK_STR(own(), "model = x\n");
    }
}

/* Each child appends to its own list; neither may undo the other. */
static void two_at_once_lose_nothing(void)
{
    enum { CHILDREN = 2, ROUNDS = 40 };
    static const char *const keys[CHILDREN] = {"text.replace", "text.snippet"};
    pid_t children[CHILDREN];
    fresh();
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = fork();
        if (children[i] != 0)
            continue;
        for (int k = 0; k < ROUNDS; k++) {
            char value[20];
            const char *items[] = {value};
            snprintf(value, sizeof value, "%d=x", k);
            if (settings_edit(keys[i], items, 1, true, error) != 0)
                _exit(1);
        }
        _exit(0);
    }
    for (int i = 0; i < CHILDREN; i++) {
        int status;
        CHECK(waitpid(children[i], &status, 0) == children[i] && status == 0);
    }
    settings *s = settings_load(NULL, error);
    CHECK(s && s->replacements.n_items == ROUNDS && s->snippets.n_items == ROUNDS);
    settings_free(s);
    CHECK_INT(entries_of(at("home/ctrlspeak")), 1);
}

int main(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(place, sizeof place, "%.150s/settings-XXXXXX", tmp && tmp[0] == '/' ? tmp : "/tmp");
    if (!mkdtemp(place))
        return check_skip_all("no folder for temporary files");
    RUN(table_is_coherent);
    RUN(variables_of_other_commands_are_the_same);
    RUN(nothing_there_gives_the_defaults);
    RUN(layers_win_in_order);
    RUN(lists_append_within_a_layer_and_replace_across);
    RUN(refused_values_change_nothing);
    RUN(homes_are_filled_in);
    RUN(errors_name_file_and_line);
    RUN(everything_allowed_is_read);
    RUN(hostile_files_are_refused);
    RUN(any_value_comes_back);
    RUN(writing_keeps_everything_else);
    RUN(the_file_is_for_the_user_alone);
    RUN(what_is_wrong_is_not_written);
    RUN(two_at_once_lose_nothing);
    fresh();
    rmdir(place);
    return check_done();
}
