/* SPDX-License-Identifier: MIT
 *
 * What a selection holds: a list of forms (targets), each with its bytes. Counted references, because a slow reader may
 * still be taking pieces of one after another has taken its place. */
#include "deliver_x11_parts.h"

#include <stdlib.h>
#include <string.h>

deliver_clip *deliver_clip_new(void)
{
    deliver_clip *clip = calloc(1, sizeof *clip);
    if (clip)
        clip->n_references = 1;
    return clip;
}

deliver_clip *deliver_clip_ref(deliver_clip *clip)
{
    if (clip)
        clip->n_references++;
    return clip;
}

void deliver_clip_unref(deliver_clip *clip)
{
    if (!clip || --clip->n_references > 0)
        return;
    for (int32_t i = 0; i < clip->n_items; i++)
        free(clip->items[i].data);
    free(clip->items);
    free(clip);
}

bool deliver_clip_add(deliver_clip *clip, xcb_atom_t target, xcb_atom_t type, uint8_t format, const void *bytes,
                      size_t n_bytes)
{
    if (clip->n_items == clip->capacity) {
        int32_t capacity = clip->capacity ? 2 * clip->capacity : 8;
        deliver_item *items = realloc(clip->items, (size_t)capacity * sizeof *items);
        if (!items)
            return false;
        clip->items = items;
        clip->capacity = capacity;
    }
    uint8_t *data = malloc(n_bytes ? n_bytes : 1);
    if (!data)
        return false;
    if (n_bytes)
        memcpy(data, bytes, n_bytes);
    clip->items[clip->n_items++] = (deliver_item){target, type, format, data, n_bytes};
    return true;
}

const deliver_item *deliver_clip_find(const deliver_clip *clip, xcb_atom_t target)
{
    for (int32_t i = 0; i < clip->n_items; i++)
        if (clip->items[i].target == target)
            return &clip->items[i];
    return NULL;
}

uint32_t deliver_next_char(const char **at)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *s = (const unsigned char *)*at;
    uint32_t c = s[0];
    int n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    if (c == 0)
        return 0;
    if (n > 1) {
        c &= 0xffu >> (n + 1);
        for (int i = 1; i < n; i++) {
            if ((s[i] & 0xc0) != 0x80) {
                n = 0;
                break;
            }
            c = c << 6 | (s[i] & 0x3fu);
        }
    }
    *at += n ? n : 1;
    return n == 0 || c < smallest[n] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c;
}

/* ICCCM's STRING is Latin-1; what it lacks becomes '?'. Returns the length, at most that of text. */
static size_t latin1_of(const char *text, char *latin1)
{
    size_t n = 0;
    uint32_t c;
    while ((c = deliver_next_char(&text)))
        latin1[n++] = (char)(c < 0x100 ? c : '?');
    return n;
}

deliver_clip *deliver_clip_of_text(const deliver_x11 *x, const char *text, bool passing)
{
    static const char hint[] = "secret";
    size_t n = strlen(text);
    xcb_atom_t utf8 = DELIVER_ATOM(x, UTF8_STRING), hint_atom = DELIVER_ATOM(x, PASSWORD_HINT);
    deliver_clip *clip = deliver_clip_new();
    char *latin1 = malloc(n + 1);
    bool ok = clip && latin1;
    ok = ok && deliver_clip_add(clip, utf8, utf8, 8, text, n);
    ok = ok && deliver_clip_add(clip, DELIVER_ATOM(x, PLAIN_UTF8), DELIVER_ATOM(x, PLAIN_UTF8), 8, text, n);
    ok = ok && deliver_clip_add(clip, DELIVER_ATOM(x, PLAIN), DELIVER_ATOM(x, PLAIN), 8, text, n);
    ok = ok && deliver_clip_add(clip, DELIVER_ATOM(x, TEXT), utf8, 8, text, n);
    ok = ok && deliver_clip_add(clip, XCB_ATOM_STRING, XCB_ATOM_STRING, 8, latin1, latin1_of(text, latin1));
    if (passing)
        ok = ok && deliver_clip_add(clip, hint_atom, hint_atom, 8, hint, sizeof hint - 1);
    free(latin1);
    if (ok)
        return clip;
    deliver_clip_unref(clip);
    return NULL;
}
