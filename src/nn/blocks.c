/* SPDX-License-Identifier: MIT
 * A long utterance through the layers in blocks of panels, by either of two ways. No number changes.
 *
 * A layer takes blocks one after the other. What came in has its first feed-forward, and keys and values are made of it;
 * it gets its attention when the last key that it may look at came in, and the rest when the convolution has what it
 * reads of the frames behind. So three marks go over the utterance, and between them and behind them frames wait in
 * windows: x from the last mark on, keys and values and the convolution's input as far back as they are read.
 *
 *     filled     FF1, K, V
 *     attended   filled - lag.right:          attention, the convolution's first half
 *     done       attended - lag.conv_right:   convolution, FF2, norm
 *
 * By layer: one layer takes all blocks, then the next one. x is held for the whole length. That is for attention without
 * limits, and for what is not so long.
 *
 * Flowing: a block goes through all layers, and on to the caller; features come a block at a time too. Memory is the
 * layers times what waits in the windows (the layer's tail), whatever the length. The windows themselves are there once: a
 * layer's tail is copied in before its step, and out after it. */
#include "nn/layer.h"

/* ----------------------------------------------------------------- windows */

/* Floats of a panel of x. */
static int64_t panel_floats(const csi_encoding *s)
{
    return (int64_t)s->e->d * CSI_PANEL;
}

/* Of keys or of values. */
static int64_t kv_floats(const csi_encoding *s)
{
    return csi_encoding_kv_rows(s->e) * CSI_PANEL;
}

static int64_t all_panels(const csi_encoding *s)
{
    return s->columns / CSI_PANEL;
}

static float *window_at(const csi_window *w, int64_t panel, int64_t floats)
{
    return w->data + (panel - w->base) * floats;
}

/* Forget panels before `base`; floats of a panel. */
static void window_forget(csi_window *w, int64_t base, int64_t floats)
{
    if (base <= w->base)
        return;
    memmove(w->data, window_at(w, base, floats), (size_t)((w->filled - base) * floats) * sizeof *w->data);
    w->base = base;
}

/* ------------------------------------------------------------------- steps */

/* x and n are those of panels [panel, end). */
static void go_to(csi_encoding *s, int64_t panel, int64_t end)
{
    s->x = window_at(&s->xs, panel, panel_floats(s));
    s->n = CSI_MIN(s->all_n, end * CSI_PANEL) - panel * CSI_PANEL;
}

/* What came in, in xs before `end`: the first feed-forward, keys and values. */
static void take_in(csi_encoding *s, const csi_conformer_layer *w, csi_progress *p, int64_t end)
{
    const csi_encoder *e = s->e;
    if (p->filled == end)
        return;
    go_to(s, p->filled, end);
    csi_step_first(s, w);
    csi_step_look(s, w);
    float *k = window_at(&s->keys, p->filled, kv_floats(s)), *v = window_at(&s->values, p->filled, kv_floats(s));
    float *wide_k = s->wide, *wide_v = s->wide + CSI_BLOCK * panel_floats(s);
    const csi_linear kv[2] = {csi_step_dense(s, &w->k_w, w->k_b, e->d, e->words ? wide_k : k),
                              csi_step_dense(s, &w->v_w, w->v_b, e->d, e->words ? wide_v : v)};
    csi_linear_run(s->run, kv, 2);
    if (e->words) {
        csi_attention part = {.k = wide_k, .v = wide_v, .d = e->d, .n_keys = s->n};
        csi_attention_words_run(s->run, &part, 1, (uint32_t *)(void *)k, (uint32_t *)(void *)v);
    }
    csi_encoding_spent(s, "queries, keys, values");
    s->keys.filled = s->values.filled = p->filled = end;
}

/* Attention of panels [attended, end). */
static void attend(csi_encoding *s, const csi_conformer_layer *w, const csi_progress *p, int64_t end,
                   const float *positions)
{
    const csi_window *keys = &s->keys;
    go_to(s, p->attended, end);
    csi_step_look(s, w);
    const csi_linear l = csi_step_dense(s, &w->q_w, w->q_b, s->e->d, s->wide);
    csi_linear_run(s->run, &l, 1);
    csi_encoding_spent(s, "queries, keys, values");
    for (int64_t i = 0; i < s->n; i++) {
        int64_t first, last;
        csi_allowed_keys(s->e, s->context, p->attended * CSI_PANEL + i, s->all_n, &first, &last);
        s->first[i] = (int32_t)(first - keys->base * CSI_PANEL);
        s->end[i] = (int32_t)(last - keys->base * CSI_PANEL);
    }
    csi_attention a = csi_step_attention(s, w, positions);
    a.q = s->wide;
    a.k = keys->data;
    a.v = s->values.data;
    if (s->e->words) {
        a.k_words = (const uint32_t *)(const void *)a.k;
        a.v_words = (const uint32_t *)(const void *)a.v;
    }
    a.n_queries = s->n;
    a.n_keys = CSI_MIN(keys->filled * CSI_PANEL, s->all_n) - keys->base * CSI_PANEL;
    a.first = s->first;
    a.end = s->end;
    a.out = s->h;
    a.q_panel = p->attended - keys->base;
    csi_attention_run(s->run, &a, 1);
    csi_encoding_spent(s, "attention");
    csi_step_attended(s, w);
}

/* The convolution, and what follows it, of panels [done, end). */
static void finish(csi_encoding *s, const csi_conformer_layer *w, const csi_progress *p, int64_t end)
{
    const csi_window *wides = &s->wides;
    go_to(s, p->done, end);
    const csi_strip part = {.in = wides->data,
                            .out = s->h,
                            .panels = wides->filled - wides->base,
                            .frames = CSI_MIN(s->all_n, wides->filled * CSI_PANEL) - wides->base * CSI_PANEL,
                            .skip = p->done - wides->base,
                            .n_out = end - p->done};
    csi_step_convolve(s, w, &part);
    csi_step_last(s, w);
}

/* Each mark of a layer goes on, by a block at most, when panels before `end` are in xs. */
static void advance(csi_encoding *s, const csi_conformer_layer *w, csi_progress *p, int64_t end, const float *positions)
{
    const int64_t all = all_panels(s), wide = 2 * panel_floats(s);
    take_in(s, w, p, end);
    const int64_t attended = CSI_MIN(p->attended + CSI_BLOCK, p->filled == all ? all : p->filled - s->lag.right);
    if (attended > p->attended) {
        attend(s, w, p, attended, positions);
        csi_step_widen(s, w, window_at(&s->wides, p->attended, wide));
        s->wides.filled = p->attended = attended;
        window_forget(&s->keys, attended - s->lag.left, kv_floats(s));
        window_forget(&s->values, attended - s->lag.left, kv_floats(s));
    }
    const int64_t done = CSI_MIN(p->done + CSI_BLOCK, p->attended == all ? all : p->attended - s->lag.conv_right);
    if (done > p->done) {
        finish(s, w, p, done);
        p->done = done;
        window_forget(&s->wides, done - s->lag.conv_left, wide);
    }
}

/* Features to panels [panel, end) of the first layer's x. */
static void enter(csi_encoding *s, const csi_utterance *utterance, int64_t panel, int64_t end, float *x)
{
    const csi_encoder *e = s->e;
    s->x = x;
    s->n = CSI_MIN(s->all_n, end * CSI_PANEL) - panel * CSI_PANEL;
    csi_subsampling_part(s->run, &e->subsampling, utterance, panel * CSI_PANEL, s->n, s->wide);
    csi_encoding_spent(s, "sub-sampling");
    csi_step_enter(s);
    if (e->xscale != 1.0f)
        csi_scale_run(s->run, x, (end - panel) * panel_floats(s), e->xscale);
}

/* ---------------------------------------------------------------- by layer */

cs_err csi_blocks_by_layer(csi_encoding *s, cs_error *err)
{
    const csi_encoder *e = s->e;
    const int64_t all = all_panels(s);
    const double work = (double)(all * (e->n_layers + 1));
    for (int64_t panel = 0; panel < all; panel += CSI_BLOCK) {
        enter(s, s->utterances, panel, CSI_MIN(panel + CSI_BLOCK, all), window_at(&s->xs, panel, panel_floats(s)));
        if (csi_encoding_stopped(s, (double)panel / work))
            return csi_fail(err, CS_ECANCELLED, -1, "cancelled");
    }
    for (int32_t i = 0; i < e->n_layers; i++) {
        const float *positions = csi_step_positions(s, i);
        csi_encoding_spent(s, "positions");
        csi_progress *p = s->progress;
        *p = (csi_progress){0};
        s->keys.base = s->values.base = s->wides.base = 0;
        while (p->done < all) {
            advance(s, &e->layers[i], p, CSI_MIN(p->filled + CSI_BLOCK, all), positions);
            if (csi_encoding_stopped(s, (double)((i + 1) * all + p->done) / work))
                return csi_fail(err, CS_ECANCELLED, -1, "cancelled");
        }
    }
    return CS_OK;
}

/* ----------------------------------------------------------------- flowing */

/* Floats of the parts of a layer's tail. */
typedef struct tail_sizes {
    int64_t x, kv, wides; /* kv: of keys, and again of values */
} tail_sizes;

static tail_sizes sizes_of(const csi_encoding *s)
{
    const csi_reach *lag = &s->lag;
    return (tail_sizes){(lag->right + lag->conv_right) * panel_floats(s), (lag->left + lag->right) * kv_floats(s),
                        (lag->conv_left + lag->conv_right) * 2 * panel_floats(s)};
}

size_t csi_blocks_tail_floats(const csi_encoding *s)
{
    const tail_sizes t = sizes_of(s);
    return (size_t)(t.x + 2 * t.kv + t.wides);
}

/* Panels [base, filled) of a window into a part of the tail, or out of it; floats of a panel. */
static void carry(csi_window *w, int64_t base, int64_t filled, float *tail, int64_t floats, bool out)
{
    w->base = base;
    w->filled = filled;
    memcpy(out ? tail : w->data, out ? w->data : tail, (size_t)((filled - base) * floats) * sizeof *tail);
}

/* A layer's tail into the windows, or out of them. */
static void carry_tail(csi_encoding *s, int32_t layer, bool out)
{
    const csi_progress *p = &s->progress[layer];
    const tail_sizes t = sizes_of(s);
    const int64_t key = CSI_MAX(p->attended - s->lag.left, 0), wide = CSI_MAX(p->done - s->lag.conv_left, 0);
    float *tail = s->tails + (size_t)layer * csi_blocks_tail_floats(s);
    carry(&s->xs, p->done, p->filled, tail, panel_floats(s), out);
    carry(&s->keys, key, p->filled, tail + t.x, kv_floats(s), out);
    carry(&s->values, key, p->filled, tail + t.x + t.kv, kv_floats(s), out);
    carry(&s->wides, wide, p->attended, tail + t.x + 2 * t.kv, 2 * panel_floats(s), out);
}

/* n panels in `handed` to a layer; how many of its own are there then. */
static int64_t hand_on(csi_encoding *s, int32_t layer, int64_t n)
{
    csi_progress *p = &s->progress[layer];
    const int64_t panel = panel_floats(s), before = p->done;
    if (n == 0 && (p->filled < all_panels(s) || p->done == p->filled))
        return 0;
    carry_tail(s, layer, false);
    memcpy(window_at(&s->xs, p->filled, panel), s->handed, (size_t)(n * panel) * sizeof *s->handed);
    s->xs.filled = p->filled + n;
    const float *positions = csi_step_positions(s, layer);
    csi_encoding_spent(s, "positions");
    advance(s, &s->e->layers[layer], p, p->filled + n, positions);
    memcpy(s->handed, s->xs.data, (size_t)((p->done - before) * panel) * sizeof *s->handed);
    window_forget(&s->xs, p->done, panel);
    carry_tail(s, layer, true);
    csi_encoding_spent(s, NULL);
    return p->done - before;
}

/* The next block of features to `handed`. */
static void source(csi_encoding *s, const csi_flow *flow, int64_t panel, int64_t end)
{
    csi_utterance part = s->utterances[0];
    const int64_t first = panel * CSI_PANEL, n = CSI_MIN(part.n_frames, end * CSI_PANEL) - first;
    const csi_span needs = csi_subsampling_needs(&s->e->subsampling, part.n_mel_frames, first, n);
    part.mel = s->mel;
    part.mel_first = needs.first;
    part.mel_pitch = needs.n;
    flow->source(flow->user, needs.first, needs.n, s->mel);
    csi_encoding_spent(s, NULL);
    enter(s, &part, panel, end, s->handed);
}

cs_err csi_blocks_flow(csi_encoding *s, const csi_flow *flow, cs_error *err)
{
    const int32_t layers = s->e->n_layers;
    const int64_t all = all_panels(s);
    int64_t entered = 0, left = 0, done = 0;
    memset(s->progress, 0, (size_t)layers * sizeof *s->progress);
    while (left < all) {
        int64_t n = CSI_MIN(CSI_BLOCK, all - entered);
        if (n > 0)
            source(s, flow, entered, entered + n);
        entered += n;
        for (int32_t i = 0; i < layers; i++) {
            n = hand_on(s, i, n);
            done += n;
            if (csi_encoding_stopped(s, (double)done / (double)(all * layers)))
                return csi_fail(err, CS_ECANCELLED, -1, "cancelled");
        }
        if (n == 0)
            continue;
        const int64_t frames = CSI_MIN(s->all_n, (left + n) * CSI_PANEL) - left * CSI_PANEL;
        cs_err code = flow->sink(flow->user, s->handed, frames);
        csi_encoding_spent(s, NULL);
        if (code)
            return code;
        left += n;
    }
    return CS_OK;
}
