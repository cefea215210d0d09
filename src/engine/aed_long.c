/* SPDX-License-Identifier: MIT
 *
 * Long recordings of a Canary, which learned on what is under 40 s: pieces of an hour, each in chunks that overlap by a second. What two
 * chunks have both heard is said once: by the decoder's ids, by the aligner's where it gives the times, or by the times
 * where the decoder writes them. Memory is that of one chunk and of the text.
 *
 * Source: NeMo nemo/collections/asr/parts/utils/chunking_utils.py: merge_parallel_chunks, merge_hypotheses_of_same_audio.
 * There only models with an aligner are cut; the rest hear everything in one pass and lose what their positions cannot hold. */
#include "engine/engine.h"

enum { PIECE_SECONDS = 3600, OVERLAP_SECONDS = 1 };

typedef struct recording {
    csi_call *call;
    csi_item *item; /* whole; its emissions are those of all chunks, said once */
    csi_arena *arena;
    double mel_ms, encoder_ms, decode_ms;
    /* Of the piece in progress: */
    csi_chunk_plan plan;
    size_t first;             /* of its tokens among the item's */
    csi_buf ids, aligned_ids; /* int32_t, merged so far: the decoder's; the aligner's */
    csi_chunk_tokens *chunks; /* (plan.n) with an aligner */
    csi_lap *laps;            /* (plan.n) with time tokens */
} recording;

bool csi_is_long(const csi_call *c, const csi_item *item)
{
    const size_t rate = (size_t)c->model->info.sample_rate_hz;
    return c->head == CS_HEAD_AED && c->ask.chunks
           && (item->n_samples > PIECE_SECONDS * rate
               || csi_chunks_plan(item->n_samples, c->model->info.sample_rate_hz).n > 1);
}

/* ------------------------------------------------------------------ one chunk */

static cs_err add_tokens(recording *r, const csi_emissions *from, size_t first, size_t end)
{
    cs_err code = CS_OK;
    for (size_t i = first; i < end && !code; i++)
        code = csi_emissions_add(&r->item->emissions, from->items[i], r->call->err);
    return code;
}

/* What the decoder said, less what it had said before. */
static cs_err merge_tokens(recording *r, const csi_item *heard, const int32_t *ids)
{
    const csi_call *c = r->call;
    csi_seam seam;
    cs_err code = csi_merge_ids(&r->ids, ids, heard->emissions.n, c->model->encoder.factor, &seam, c->err);
    if (code)
        return code;
    r->item->emissions.n = r->first + seam.kept;
    return add_tokens(r, &heard->emissions, seam.from, heard->emissions.n);
}

/* Words with the chunk's times. Its tokens are not merged: a time token says something else in each chunk. */
static cs_err take_lap(recording *r, csi_item *heard, size_t k)
{
    csi_call *c = r->call;
    bool has_times;
    size_t closed;
    csi_lap *lap = &r->laps[k];
    lap->start_seconds = (double)(k * r->plan.step) / c->model->info.sample_rate_hz;
    cs_err code = csi_aed_times(c, heard, r->arena, &lap->timed, &has_times);
    if (!lap->timed.text)
        lap->timed.text = "";
    r->item->n_untimed += !has_times && heard->emissions.n > 0;
    csi_timed_content(c->model->tokenizer, heard->emissions.items, heard->emissions.n, NULL, &closed);
    return code ? code : add_tokens(r, &heard->emissions, 0, closed);
}

/* Tokens that have more text than frames: one after the other, as they fit. */
static void spread(csi_emission *tokens, size_t n, int64_t n_frames)
{
    for (size_t i = 0; i < n; i++) {
        tokens[i].frame = (int64_t)i * n_frames / (int64_t)n;
        tokens[i].duration = (int32_t)((int64_t)(i + 1) * n_frames / (int64_t)n - tokens[i].frame);
    }
}

/* The aligner's tokens, which are merged by themselves: their ids need not be the decoder's. */
static cs_err take_aligned(recording *r, csi_item *heard, const int32_t *ids, size_t k)
{
    csi_call *c = r->call;
    const csi_compose compose = csi_compose_of(c);
    csi_aligned a;
    csi_timed timed;
    int64_t n_frames;
    bool fits;
    const char *text = csi_aed_text(c, r->arena, ids, heard->emissions.n);
    if (!text)
        return csi_fail_memory(c->err, heard->emissions.n, "the text of a chunk");
    cs_err code = csi_align(c, heard, r->arena, text, true, &a, &n_frames, &fits);
    if (!code && fits)
        code = csi_aligned_times(r->arena, &compose, &a, &timed, c->err);
    else if (!code)
        spread(a.tokens, a.n_tokens, n_frames);
    int32_t *aligned_ids = code ? NULL : csi_arena_array(r->arena, a.n_tokens, sizeof *aligned_ids);
    if (code || !aligned_ids)
        return code ? code : csi_fail_memory(c->err, a.n_tokens * sizeof *aligned_ids, "the tokens of a chunk");
    for (size_t i = 0; i < a.n_tokens; i++)
        aligned_ids[i] = a.tokens[i].id;
    r->item->n_untimed += !fits && a.n_tokens > 0;
    r->chunks[k] = (csi_chunk_tokens){.tokens = a.tokens, .n_tokens = a.n_tokens, .n_frames = n_frames};
    return csi_merge_ids(&r->aligned_ids, aligned_ids, a.n_tokens, c->model->encoder.factor, NULL, c->err);
}

static cs_err take_chunk(recording *r, csi_item *heard, size_t k)
{
    csi_item *item = r->item;
    item->n_chunks++;
    item->n_looped += heard->n_looped;
    item->n_cut += heard->n_cut;
    item->n_steps += heard->n_steps;
    item->emissions.score += heard->emissions.score;
    if (item->n_chunks == 1) {
        item->language = heard->language;
        item->target = heard->target;
    }
    if (r->call->ask.times == CSI_TIMES_TOKENS)
        return take_lap(r, heard, k);
    const int32_t *ids = csi_aed_ids(r->arena, &heard->emissions);
    if (!ids)
        return csi_fail_memory(r->call->err, heard->emissions.n * sizeof *ids, "the tokens of a chunk");
    cs_err code = merge_tokens(r, heard, ids);
    return code || r->call->ask.times == CSI_TIMES_NONE ? code : take_aligned(r, heard, ids, k);
}

/* Hear samples of the recording. A chunk that fails by itself fails the whole. */
static cs_err hear_chunk(recording *r, const float *pcm, size_t n_samples, size_t k)
{
    csi_call *c = r->call;
    csi_item heard = {.pcm = pcm, .n_samples = n_samples, .err = r->item->err};
    csi_group g = {.call = c, .items = &heard, .n_items = 1};
    const size_t fresh = k + 1 < r->plan.n ? r->plan.step : n_samples; /* what the next chunk does not hear again */
    c->group_seconds = (double)fresh / c->model->info.sample_rate_hz;
    c->shown = 0;
    cs_err code = csi_item_begin(c, &heard, c->err);
    code = code ? code : csi_group_hear(&g);
    r->item->code = heard.code;
    uint64_t clock = csi_now_ns();
    if (!code && !heard.code)
        code = take_chunk(r, &heard, k);
    r->mel_ms += g.mel_ms;
    r->encoder_ms += g.encoder_ms;
    r->decode_ms += g.decode_ms + csi_call_spent(c, &clock, "words and times");
    c->before_seconds += c->group_seconds;
    csi_item_finish(&heard);
    return code;
}

/* ------------------------------------------------------------------ one piece */

static cs_err aligned_words(recording *r, csi_timed *timed)
{
    const csi_call *c = r->call;
    csi_compose compose = csi_compose_of(c);
    csi_emission *tokens;
    size_t n;
    cs_result found = {0};
    compose.head = CS_HEAD_CTC;
    compose.natural_ctc_times = compose.raw_spacing = true;
    compose.marks = ",.!?";
    cs_err code = csi_merge_times(r->arena, r->chunks, r->plan.n, compose.subsampling_factor,
                                  (const int32_t *)(const void *)r->aligned_ids.data,
                                  r->aligned_ids.size / sizeof(int32_t), &tokens, &n, c->err);
    code = code ? code : csi_compose_result(r->arena, &compose, tokens, n, &found, c->err);
    if (code)
        return code;
    *timed = (csi_timed){.text = found.text,
                         .n_words = found.n_words,
                         .n_segments = found.n_segments,
                         .words = csi_arena_array(r->arena, (size_t)found.n_words, sizeof *timed->words),
                         .segments = csi_arena_array(r->arena, (size_t)found.n_segments, sizeof *timed->segments)};
    if (!timed->words || !timed->segments)
        return csi_fail_memory(c->err, (size_t)found.n_words * sizeof *timed->words, "the words of a recording");
    for (int32_t i = 0; i < found.n_words; i++)
        timed->words[i] = found.words[i];
    for (int32_t i = 0; i < found.n_segments; i++)
        timed->segments[i] = found.segments[i];
    return CS_OK;
}

static cs_err end_piece(recording *r, csi_timed *timed)
{
    const csi_compose compose = csi_compose_of(r->call);
    if (r->call->ask.times == CSI_TIMES_TOKENS)
        return csi_timed_laps(r->arena, &compose, r->laps, r->plan.n, OVERLAP_SECONDS, timed, r->call->err);
    return r->call->ask.times == CSI_TIMES_ALIGNER ? aligned_words(r, timed) : CS_OK;
}

static cs_err hear_piece(recording *r, const float *pcm, size_t n_samples, csi_timed *timed)
{
    r->plan = csi_chunks_plan(n_samples, r->call->model->info.sample_rate_hz);
    r->first = r->item->emissions.n;
    csi_buf_clear(&r->ids);
    csi_buf_clear(&r->aligned_ids);
    r->chunks = csi_arena_array(r->arena, r->plan.n, sizeof *r->chunks);
    r->laps = csi_arena_array(r->arena, r->plan.n, sizeof *r->laps);
    if (!r->chunks || !r->laps)
        return csi_fail_memory(r->call->err, r->plan.n * sizeof *r->laps, "the chunks");
    cs_err code = CS_OK;
    for (size_t k = 0; k < r->plan.n && !code && !r->item->code; k++)
        code = hear_chunk(r, pcm + k * r->plan.step, csi_chunk_length(&r->plan, k), k);
    return code || r->item->code ? code : end_piece(r, timed);
}

/* --------------------------------------------------------------------- whole */

static cs_err hear_all(recording *r, csi_timed *timed)
{
    csi_call *c = r->call;
    const csi_item *item = r->item;
    const size_t piece = PIECE_SECONDS * (size_t)c->model->info.sample_rate_hz;
    const size_t n_pieces = (item->n_samples + piece - 1) / piece;
    csi_timed *pieces = csi_arena_array(r->arena, n_pieces, sizeof *pieces);
    if (!pieces)
        return csi_fail_memory(c->err, n_pieces * sizeof *pieces, "the pieces of a recording");
    for (size_t i = 0; i < n_pieces && !item->code; i++) {
        cs_err code = hear_piece(r, item->pcm + i * piece, CSI_MIN(piece, item->n_samples - i * piece), &pieces[i]);
        if (code)
            return code;
    }
    if (item->code || c->ask.times == CSI_TIMES_NONE)
        return CS_OK;
    return csi_timed_join(r->arena, pieces, n_pieces, PIECE_SECONDS,
                          (int64_t)(PIECE_SECONDS / c->model->info.frame_seconds + 0.5), timed, c->err);
}

cs_err csi_long_transcribe(csi_call *c, csi_item *item)
{
    recording r = {.call = c, .item = item};
    csi_timed timed = {0};
    const double before_seconds = c->before_seconds;
    cs_result *result = csi_result_create(c->model, &r.arena, c->err);
    if (!result)
        return CS_ENOMEM;
    csi_buf_init(&r.ids, &c->model->env);
    csi_buf_init(&r.aligned_ids, &c->model->env);
    cs_err code = hear_all(&r, &timed);
    c->before_seconds = before_seconds;
    c->group_seconds = item->duration_seconds;
    if (!code && !item->code)
        code = csi_aed_fill(c, item, r.arena, timed.n_words > 0 ? &timed : NULL, result);
    csi_buf_finish(&r.ids);
    csi_buf_finish(&r.aligned_ids);
    if (code || item->code) {
        cs_result_free(result);
        return code;
    }
    result->mel_ms = r.mel_ms;
    result->encoder_ms = r.encoder_ms;
    result->decode_ms = r.decode_ms;
    item->result = result;
    return CS_OK;
}
