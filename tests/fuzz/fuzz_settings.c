/* SPDX-License-Identifier: MIT
 * The first byte chooses a key; a config file's text follows. What is read must come back from the settings within its
 * bounds, and a text that is right must still be right after the key was changed in it, with the new value. */
#define _POSIX_C_SOURCE 200809L
#include "dictate/settings/settings_inside.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool truth)
{
    if (!truth)
        abort();
}

static void look(const settings *s)
{
    char buf[16];
    for (int32_t i = 0; i < N_SETTINGS; i++) {
        const setting_info *info = settings_info(i);
        const char *value = settings_get(s, info->key, 0, buf, sizeof buf);
        expect(value || settings_kind(i) == SETTING_KIND_LIST);
        expect(s->origin[i] != NULL);
        if (settings_kind(i) == SETTING_KIND_INT)
            expect(atoi(value) >= info->low && atoi(value) <= info->high);
    }
}

static void change(const char *text, size_t size, int32_t index)
{
    static const char *const items[] = {"/a # \"b\\", "/c d"};
    static const char *const choices[] = {"", "", "", "50", "on", NULL};
    char error[SETTINGS_ERROR], buf[16];
    setting_kind kind = settings_kind(index);
    const char *one = kind >= SETTING_KIND_INT ? choices[kind] : items[0];
    const setting_info *info = settings_info(index);
    if (kind == SETTING_KIND_CHOICE)
        one = info->standard;
    if (kind == SETTING_KIND_INT && (info->low > 50 || info->high < 50))
        one = info->standard;
    const char *const list[] = {one, items[1]};
    textbuf out = {0};
    if (settings_edit_text(&out, "f", text, size, index, list, kind == SETTING_KIND_LIST ? 2 : 1, false, error)) {
        settings *s = settings_defaults(error);
        expect(s && settings_read_text(s, "f", out.data, out.size, error));
        expect(strcmp(settings_get(s, info->key, 0, buf, sizeof buf), one) == 0);
        expect(kind != SETTING_KIND_LIST || !settings_get(s, info->key, 2, buf, sizeof buf));
        settings_free(s);
    }
    textbuf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[SETTINGS_ERROR] = "";
    if (size == 0)
        return 0;
    size_t n = size - 1;
    char *text = malloc(n + 1); /* as a file is read: with a 0 behind it */
    settings *s = settings_defaults(error);
    expect(text && s);
    memcpy(text, data + 1, n);
    text[n] = 0;
    if (settings_read_text(s, "f", text, n, error)) {
        look(s);
        change(text, n, data[0] % N_SETTINGS);
    } else {
        expect(strncmp(error, "f:", 2) == 0);
    }
    settings_free(s);
    free(text);
    return 0;
}
