/* SPDX-License-Identifier: MIT
 * How long audio is cut, and short audio padded, for a model with an aligner.
 *
 * Below 40 s audio goes whole. Otherwise chunks of 30 to 40 s overlap by a second; of these lengths the first that leaves the longest
 * last chunk is taken.
 *
 * Source: NeMo nemo/collections/asr/data/audio_to_text_lhotse_prompted.py: _find_optimal_chunk_size, _chunk_waveform. */
#include "engine/engine.h"

enum { LEAST_SECONDS = 30, MOST_SECONDS = 40, OVERLAP_SECONDS = 1 };

csi_chunk_plan csi_chunks_plan(size_t n_samples, int32_t rate_hz)
{
    const size_t rate = (size_t)CSI_MAX(1, rate_hz), overlap = OVERLAP_SECONDS * rate;
    csi_chunk_plan plan = {.total = n_samples, .chunk = n_samples, .step = n_samples, .n = 1};
    size_t longest_last = 0;
    if (n_samples < MOST_SECONDS * rate)
        return plan;
    for (size_t chunk = LEAST_SECONDS * rate; chunk <= MOST_SECONDS * rate && chunk <= n_samples; chunk += rate) {
        size_t step = chunk - overlap, n = (n_samples - 1) / step + 1, last = n_samples - step * (n - 1);
        if (last > longest_last) {
            longest_last = last;
            plan.chunk = chunk;
        }
    }
    if (plan.chunk >= n_samples)
        return plan;
    plan.step = plan.chunk - overlap;
    plan.n = (n_samples - overlap - 1) / plan.step + 1; /* those that begin more than the overlap before the end */
    return plan;
}

size_t csi_chunk_length(const csi_chunk_plan *plan, size_t k)
{
    return CSI_MIN(plan->chunk, plan->total - k * plan->step);
}

csi_padding csi_padding_of(size_t n_samples, int32_t rate_hz, bool is_file)
{
    const size_t rate = (size_t)CSI_MAX(0, rate_hz), missing = n_samples < rate ? rate - n_samples : 0;
    const size_t front = is_file ? (missing + 1) / 2 : missing / 2;
    return (csi_padding){.front = front, .behind = missing - front};
}
