/* SPDX-License-Identifier: MIT
 *
 * Words to segments: NeMo closes one at a word that ends with a separator (". ? !"), or, with a gap threshold, at a
 * pause of so many frames. With a threshold the separators are only asked at the first word of a segment: that is
 * how NeMo's conditions are nested.
 *
 * Source: nemo/collections/asr/parts/utils/timestamp_utils.py: get_segment_offsets
 */
#include "text/text_inside.h"

/* Does the word end with one of the separators' characters? */
static bool ends_sentence(const char *word, const char *separators)
{
    size_t n = strlen(word), back = 1;
    while (back < n && ((unsigned char)word[n - back] & 0xC0) == 0x80)
        back++;
    for (const char *s = separators; n > 0 && *s;) {
        uint32_t c;
        size_t width = csi_next_char(s, strlen(s), &c);
        if (width == back && memcmp(s, word + n - back, back) == 0)
            return true;
        s += width;
    }
    return false;
}

const char *csi_words_join(csi_arena *arena, const cs_word *words, int32_t first, int32_t end)
{
    size_t n_bytes = 0;
    for (int32_t i = first; i < end; i++)
        n_bytes += strlen(words[i].text) + 1;
    char *text = csi_arena_alloc(arena, n_bytes + 1), *at = text;
    for (int32_t i = first; text && i < end; i++) {
        size_t n = strlen(words[i].text);
        if (i > first)
            *at++ = ' ';
        memcpy(at, words[i].text, n);
        at += n;
    }
    return text;
}

static bool close_segment(csi_arena *arena, const cs_word *words, int32_t first, int32_t end, cs_segment *segment)
{
    *segment = (cs_segment){.text = csi_words_join(arena, words, first, end),
                            .start_frame = words[first].start_frame,
                            .end_frame = words[end - 1].end_frame,
                            .first_word = first,
                            .n_words = end - first};
    return segment->text != NULL;
}

bool csi_segments_build(csi_arena *arena, const csi_compose *options, const cs_word *words, int32_t n_words,
                        cs_segment **segments, int32_t *n_segments)
{
    const char *separators = options->separators ? options->separators : ".?!";
    int32_t n = 0, first = 0; /* words [first, i) are open */
    bool ok = true;
    cs_segment *found = csi_arena_array(arena, (size_t)n_words, sizeof *found);
    if (!found)
        return false;
    for (int32_t i = 0; ok && i < n_words; i++) {
        if (options->segment_gap > 0 && i > first) {
            if (words[i].start_frame - words[i - 1].end_frame >= options->segment_gap) {
                ok = close_segment(arena, words, first, i, &found[n++]);
                first = i;
            }
        } else if (ends_sentence(words[i].text, separators)) {
            ok = close_segment(arena, words, first, i + 1, &found[n++]);
            first = i + 1;
        }
    }
    if (ok && first < n_words)
        ok = close_segment(arena, words, first, n_words, &found[n++]);
    *segments = found;
    *n_segments = n;
    return ok;
}
