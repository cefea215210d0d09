/* SPDX-License-Identifier: MIT
 * Many utterances in one call. Short ones are bound by reading the weights, so a group of them goes through the encoder
 * together, as many as keep the arithmetic busier than the memory; sorted by length, so that what is long enough by
 * itself stays by itself. Results go back in the caller's order. */
#include "engine/engine.h"

#include <stdlib.h>

/* Longest first: what memory is needed is needed at once. Ties in the caller's order. */
static int by_length(const void *a, const void *b)
{
    const csi_item *x = a, *y = b;
    if (x->n_frames != y->n_frames)
        return x->n_frames < y->n_frames ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

/* Frames of a group. From about 200 on more gain nothing: a dense layer reads its weights once for so many panels. */
enum { GROUP_FRAMES = CSI_PANEL_BLOCK * CSI_PANEL };

/* How many items from `items` on go together. */
static int group_size(const csi_call *c, const csi_item *items, size_t n)
{
    int64_t frames = 0;
    int size = 0;
    while ((size_t)size < n && size < CSI_GROUP_ITEMS && frames + items[size].n_frames <= GROUP_FRAMES)
        frames += items[size++].n_frames;
    return size == 0 || c->options.tensor ? 1 : size;
}

static cs_err transcribe_groups(csi_call *c, csi_item *items, size_t n)
{
    for (size_t at = 0; at < n;) {
        const int size = group_size(c, items + at, n - at);
        cs_err code = csi_items_transcribe(c, items + at, size);
        if (code)
            return code;
        at += (size_t)size;
        if (csi_call_told(c, 1) && at < n)
            return csi_fail(c->err, CS_ECANCELLED, -1, "cancelled");
        c->before_seconds += c->group_seconds;
    }
    return CS_OK;
}

/* Fill items with the utterances that can be transcribed; the others' errors are told. Returns how many. */
static size_t admit(csi_call *c, csi_item *items, size_t n, const float *const *pcm, const size_t *n_samples,
                    cs_error *errors)
{
    size_t n_items = 0;
    for (size_t i = 0; i < n; i++) {
        cs_error *err = errors ? &errors[i] : NULL;
        csi_item item = {.pcm = pcm[i], .n_samples = n_samples[i], .index = i, .err = err};
        cs_err code = CS_OK;
        if (err)
            *err = (cs_error){.where = -1};
        if (!pcm[i] && n_samples[i])
            code = csi_fail(err, CS_EINVAL, -1, "the samples are NULL");
        if (code || csi_item_begin(c, &item, err)) {
            csi_item_finish(&item);
            continue;
        }
        c->total_seconds += item.duration_seconds;
        items[n_items++] = item;
    }
    return n_items;
}

cs_err cs_session_transcribe_batch(cs_session *session, size_t n, const float *const *pcm, const size_t *n_samples,
                                   const cs_transcribe_options *options, cs_result **results, cs_error *item_errors,
                                   cs_error *err)
{
    if (!session || (n && (!pcm || !n_samples || !results)))
        return csi_fail(err, CS_EINVAL, -1, "cs_session_transcribe_batch: an argument is NULL");
    for (size_t i = 0; i < n; i++)
        results[i] = NULL;
    const csi_env *env = &session->model->env;
    csi_call c = {.session = session, .model = session->model, .err = err};
    cs_err code = csi_call_begin(&c, options);
    csi_item *items = code ? NULL : csi_alloc_array(env, n, sizeof *items);
    if (!code && !items)
        code = csi_fail_memory(err, n * sizeof *items, "the list of utterances");
    size_t n_items = code ? 0 : admit(&c, items, n, pcm, n_samples, item_errors);
    if (n_items)
        qsort(items, n_items, sizeof *items, by_length);
    code = code ? code : transcribe_groups(&c, items, n_items);
    for (size_t i = 0; i < n_items; i++) {
        csi_item_finish(&items[i]);
        if (code)
            cs_result_free(items[i].result);
        else
            results[items[i].index] = items[i].result;
    }
    csi_free(env, items);
    csi_call_end(&c);
    return code;
}
