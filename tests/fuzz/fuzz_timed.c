/* SPDX-License-Identifier: MIT
 * What a decoder of foreign weights may write: text with time tokens to words, two of it joined, and its bytes as ids of chunks that are
 * merged. The first byte is the subsampling factor and where the ids are cut in two. */
#include "text/text.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check(const csi_timed *t)
{
    int32_t words = 0;
    require(t->text != NULL);
    for (int32_t i = 0; i < t->n_words; i++)
        require(t->words[i].text[0] != 0 && t->words[i].start_frame >= 0 && t->words[i].end_frame >= 0);
    for (int32_t i = 0; i < t->n_segments; i++) {
        require(t->segments[i].first_word == words && t->segments[i].n_words > 0);
        words += t->segments[i].n_words;
    }
    require(words == t->n_words);
}

static void read_text(csi_arena *arena, const char *text, size_t n_bytes)
{
    const csi_compose options = {.frame_stride_seconds = 0.01, .subsampling_factor = 8, .segment_gap = -1};
    csi_timed pieces[2], joined;
    require(csi_timed_read(arena, &options, text, n_bytes, &pieces[0], NULL) == CS_OK);
    require(csi_timed_read(arena, &options, text, n_bytes / 2, &pieces[1], NULL) == CS_OK);
    check(&pieces[0]);
    check(&pieces[1]);
    require(csi_timed_join(arena, pieces, 2, 3600, 45000, &joined, NULL) == CS_OK);
    check(&joined);
    require(joined.n_words == pieces[0].n_words + pieces[1].n_words);
}

static void merge(csi_arena *arena, const uint8_t *bytes, size_t n, uint8_t choice)
{
    const size_t cut = n * (choice >> 4) / 16;
    csi_emission *tokens = csi_arena_array(arena, n, sizeof *tokens), *found;
    int32_t *ids = csi_arena_array(arena, n, sizeof *ids);
    size_t n_found;
    csi_buf merged;
    require(tokens && ids);
    csi_buf_init(&merged, arena->env);
    for (size_t i = 0; i < n; i++) {
        ids[i] = bytes[i] % 8;
        tokens[i] = (csi_emission){.id = ids[i], .frame = bytes[i], .duration = bytes[i] / 8};
    }
    require(csi_merge_ids(&merged, ids, cut, choice & 15, NULL, NULL) == CS_OK);
    require(csi_merge_ids(&merged, ids + cut, n - cut, choice & 15, NULL, NULL) == CS_OK);
    require(merged.size <= n * sizeof *ids);
    const csi_chunk_tokens chunks[2] = {{tokens, cut, 375}, {tokens + cut, n - cut, choice}};
    const size_t n_merged = merged.size / sizeof *ids;
    require(csi_merge_times(arena, chunks, 2, choice & 15, (const int32_t *)(const void *)merged.data, n_merged, &found,
                            &n_found, NULL)
            == CS_OK);
    require(n_found <= n_merged);
    for (size_t i = 1; i < n_found; i++)
        require(found[i].frame >= found[i - 1].frame + found[i - 1].duration);
    csi_buf_finish(&merged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    csi_env env;
    csi_arena arena;
    if (size < 1)
        return 0;
    csi_env_init(&env, NULL, NULL, NULL);
    csi_arena_init(&arena, &env);
    read_text(&arena, (const char *)data + 1, size - 1);
    merge(&arena, data + 1, size - 1, data[0]);
    csi_arena_finish(&arena);
    return 0;
}
