/* SPDX-License-Identifier: MIT
 *
 * Another sample rate, by libsoxr at its high quality: band-limited, linear phase, 20 bits. It is the resampler that
 * NeMo's file loader asks librosa for. Streaming and whole-buffer use give the same samples. One thread: the caller
 * decodes many files at once instead. */
#include "audio/intake.h"

#ifdef HAVE_SOXR

#include <soxr.h>

struct csi_resampler {
    const csi_env *env;
    const char *name;
    soxr_t soxr;
    bool flushing;
};

cs_err csi_resampler_create(const csi_env *env, const char *name, int32_t from_hz, int32_t to_hz, int32_t n_channels,
                            csi_resampler **resampler, cs_error *err)
{
    csi_resampler *made = csi_alloc_zero(env, sizeof *made);
    if (!made)
        return csi_fail_memory(err, sizeof *made, name);
    soxr_error_t failure = NULL;
    soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_S, SOXR_FLOAT32_S);
    soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
    soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
    made->env = env;
    made->name = name;
    made->soxr = soxr_create(from_hz, to_hz, (unsigned)n_channels, &failure, &io, &quality, &runtime);
    if (!made->soxr || failure) {
        csi_resampler_free(made);
        return csi_fail(err, CS_EUNSUPPORTED, -1, "%s: libsoxr cannot change %d Hz to %d Hz: %s", name, from_hz, to_hz,
                        failure ? failure : "no reason given");
    }
    *resampler = made;
    return CS_OK;
}

void csi_resampler_free(csi_resampler *resampler)
{
    if (!resampler)
        return;
    soxr_delete(resampler->soxr);
    csi_free(resampler->env, resampler);
}

cs_err csi_resampler_run(csi_resampler *resampler, const float *const *in, size_t n_in, size_t *n_used,
                         float *const *out, size_t n_out, size_t *n_made, cs_error *err)
{
    *n_used = *n_made = 0;
    soxr_error_t failure =
        soxr_process(resampler->soxr, (soxr_in_t)in, n_in, n_used, (soxr_out_t)(uintptr_t)out, n_out, n_made);
    if (failure)
        return csi_fail(err, CS_EAUDIO, -1, "%s: libsoxr failed: %s", resampler->name, failure);
    return CS_OK;
}

#else

cs_err csi_resampler_create(const csi_env *env, const char *name, int32_t from_hz, int32_t to_hz, int32_t n_channels,
                            csi_resampler **resampler, cs_error *err)
{
    (void)env, (void)n_channels, (void)resampler;
    return csi_fail(err, CS_EUNSUPPORTED, -1,
                    "%s: is at %d Hz, expected %d Hz: this build cannot change rates (it has no libsoxr)", name,
                    from_hz, to_hz);
}

void csi_resampler_free(csi_resampler *resampler)
{
    (void)resampler;
}

cs_err csi_resampler_run(csi_resampler *resampler, const float *const *in, size_t n_in, size_t *n_used,
                         float *const *out, size_t n_out, size_t *n_made, cs_error *err)
{
    (void)resampler, (void)in, (void)n_in, (void)out, (void)n_out;
    *n_used = *n_made = 0;
    return csi_fail(err, CS_EUNSUPPORTED, -1, "this build has no libsoxr");
}

#endif
