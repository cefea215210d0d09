/* SPDX-License-Identifier: MIT
 * Log-mel features as NeMo computes them at inference: pre-emphasis, centred short-time Fourier transform with zero
 * padding, power, mel filters, log, normalisation over the valid frames.
 *
 * What surprises: the window is symmetric (periodic=False); there are floor(S / hop) valid frames, not one more; the
 * standard deviation is the unbiased one and one frame alone gives zeros. Sums for the normalisation are in double: a
 * float loop over a long file visibly drifts.
 *
 * Source: NeMo nemo/collections/asr/parts/preprocessing/features.py, FilterbankFeatures and normalize_batch. */
#include "nn/nn.h"

#include <math.h>

enum { LANES = CSI_FFT_LANES };

static int64_t padding(const csi_mel *mel)
{
    return mel->exact_pad ? (mel->n_fft - mel->hop) / 2 : mel->n_fft / 2;
}

int64_t csi_mel_frames(const csi_mel *mel, int64_t n_samples)
{
    int64_t room = n_samples + 2 * padding(mel) - mel->n_fft;
    return n_samples > 0 && room >= 0 ? room / mel->hop : 0;
}

size_t csi_mel_scratch(const csi_mel *mel)
{
    return ((size_t)mel->n_fft * 3 + (size_t)mel->n_fft / 2 + 1) * LANES; /* samples, transform in double, power */
}

typedef struct mel_job {
    const csi_run *run;
    const csi_mel *mel;
    const float *pcm;
    int64_t n_samples, n_frames;
    float *out;
} mel_job;

/* Windowed, pre-emphasised samples of 16 frames, side by side. In float on purpose: NeMo rounds at the same places, so
 * these errors are equal to its own; in double the result is nearer the truth and farther from NeMo. */
static void cut_frames(const mel_job *job, int64_t frame0, int n_frames, float *in)
{
    const csi_mel *mel = job->mel;
    int64_t margin = (mel->n_fft - mel->window_length) / 2;
    /* With exact_pad NeMo masks the padded signal at the unpadded length, so the last samples do not count. */
    int64_t n_samples = job->n_samples - (mel->cuts_tail ? padding(mel) : 0);
    memset(in, 0, (size_t)mel->n_fft * LANES * sizeof *in);
    for (int f = 0; f < n_frames; f++) {
        int64_t start = (frame0 + f) * mel->hop - padding(mel) + margin;
        int64_t from = CSI_MAX(0, -start), to = CSI_MIN(mel->window_length, n_samples - start);
        for (int64_t n = from; n < to; n++) {
            int64_t s = start + n;
            float x = job->pcm[s];
            if (s > 0)
                x -= mel->preemphasis * job->pcm[s - 1];
            in[(margin + n) * LANES + f] = x * mel->window[n];
        }
    }
}

static void mel_slice(void *context, int slice, int worker)
{
    const mel_job *job = context;
    const csi_mel *mel = job->mel;
    int64_t frame0 = (int64_t)slice * LANES;
    int n = (int)CSI_MIN(LANES, job->n_frames - frame0);
    float *in = csi_run_scratch(job->run, worker), *power = in + (size_t)mel->n_fft * 3 * LANES;
    double *work = (double *)(void *)(in + (size_t)mel->n_fft * LANES); /* 64-byte aligned, as 16 floats are */
    cut_frames(job, frame0, n, in);
    csi_fft_power(mel->n_fft, mel->twiddles, in, power, work);
    if (mel->mag_power != 2.0f)
        for (int64_t i = 0; i < (mel->n_fft / 2 + 1) * LANES; i++)
            power[i] = powf(power[i], mel->mag_power / 2);
    for (int32_t m = 0; m < mel->n_mels; m++) {
        float sum[LANES] = {0};
        const float *bins = power + (int64_t)mel->band_first[m] * LANES;
        for (int32_t k = 0; k < mel->band_count[m]; k++)
            for (int l = 0; l < LANES; l++)
                sum[l] += mel->band_weights[m][k] * bins[k * LANES + l];
        float *out = job->out + m * job->n_frames + frame0;
        for (int l = 0; l < n; l++) {
            float x = sum[l];
            if (mel->take_log)
                x = logf(mel->guard_clamps ? CSI_MAX(x, mel->log_guard) : x + mel->log_guard);
            out[l] = x;
        }
    }
}

static void moments(const float *x, int64_t n, double *sum, double *squares, double mean)
{
    double s = 0, q = 0;
    for (int64_t i = 0; i < n; i++) {
        s += x[i];
        q += (x[i] - mean) * (x[i] - mean);
    }
    *sum = s;
    *squares = q;
}

static void apply(float *x, int64_t n, double mean, double std)
{
    float m = (float)mean, s = (float)std;
    for (int64_t i = 0; i < n; i++)
        x[i] = (x[i] - m) / s;
}

static void normalize_slice(void *context, int m, int worker)
{
    const mel_job *job = context;
    (void)worker;
    float *x = job->out + m * job->n_frames;
    int64_t n = job->n_frames;
    if (job->mel->normalize == CSI_NORMALIZE_FIXED) {
        apply(x, n, job->mel->fixed_mean[m], job->mel->fixed_std[m]);
        return;
    }
    double sum, squares, ignored;
    moments(x, n, &sum, &ignored, 0);
    double mean = sum / (double)n;
    moments(x, n, &ignored, &squares, mean);
    apply(x, n, mean, (n > 1 ? sqrt(squares / (double)(n - 1)) : 0) + 1e-5);
}

void csi_mel_run(const csi_run *run, const csi_mel *mel, const float *pcm, int64_t n_samples, float *out)
{
    mel_job job = {run, mel, pcm, n_samples, csi_mel_frames(mel, n_samples), out};
    if (job.n_frames == 0)
        return;
    csi_pool_run(run->pool, run->max_threads, (int)((job.n_frames + LANES - 1) / LANES), mel_slice, &job);
    if (mel->normalize == CSI_NORMALIZE_PER_FEATURE || mel->normalize == CSI_NORMALIZE_FIXED) {
        csi_pool_run(run->pool, run->max_threads, mel->n_mels, normalize_slice, &job);
    } else if (mel->normalize == CSI_NORMALIZE_ALL) {
        int64_t n = job.n_frames * mel->n_mels;
        double sum, squares, ignored;
        moments(out, n, &sum, &ignored, 0);
        moments(out, n, &ignored, &squares, sum / (double)n);
        apply(out, n, sum / (double)n, (n > 1 ? sqrt(squares / (double)(n - 1)) : 0) + 1e-5);
    }
}
