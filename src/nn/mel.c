/* SPDX-License-Identifier: MIT
 * Log-mel features as NeMo computes them at inference: pre-emphasis, centred short-time Fourier transform with zero
 * padding, power, mel filters, log, normalisation over the valid frames.
 *
 * What surprises: the window is symmetric (periodic=False); there are floor(S / hop) valid frames, not one more; the
 * standard deviation is the unbiased one and one frame alone gives zeros. Sums for the normalisation are in double: a
 * float loop over a long file visibly drifts. They are of what is left after taking away the first frame, in one pass, so
 * that a long file needs no room for all its features.
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
    int64_t n_samples, first, n_frames; /* of this part */
    csi_mel_moment *moments;            /* of a part */
    const csi_mel_moment *all;          /* of all parts, NULL: this is all */
    float *out;                         /* (F, n_frames) */
} mel_job;

/* Windowed, pre-emphasised samples of 16 frames, side by side; frame0 of all. In float on purpose: NeMo rounds at the same places, so
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
    cut_frames(job, job->first + frame0, n, in);
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

/* Before the first frames: `first` of them. */
static csi_mel_moment moment_from(float first)
{
    return (csi_mel_moment){.shift = first};
}

/* n more frames, added one after the other: the same bits in parts. Less shift, so that what the squares have in common
 * does not drown what they differ by. */
static void moment_add(csi_mel_moment *m, const float *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        double d = x[i] - m->shift;
        m->sum += d;
        m->squares += d * d;
    }
}

static void apply(float *x, int64_t n, double mean, double std)
{
    float m = (float)mean, s = (float)std;
    for (int64_t i = 0; i < n; i++)
        x[i] = (x[i] - m) / s;
}

/* x normalised by the moment of `all` numbers. */
static void apply_moment(float *x, int64_t n, const csi_mel_moment *m, int64_t all)
{
    double square = CSI_MAX(m->squares - m->sum * m->sum / (double)all, 0);
    apply(x, n, m->shift + m->sum / (double)all, (all > 1 ? sqrt(square / (double)(all - 1)) : 0) + 1e-5);
}

/* Of all features together. */
static csi_mel_moment moment_of_all(const csi_mel_moment *moments, int32_t n_mels)
{
    csi_mel_moment all = moments[0];
    for (int32_t m = 1; m < n_mels; m++) {
        all.sum += moments[m].sum;
        all.squares += moments[m].squares;
    }
    return all;
}

static void moments_slice(void *context, int m, int worker)
{
    const mel_job *job = context;
    (void)worker;
    moment_add(&job->moments[m], job->out + m * job->n_frames, job->n_frames);
}

static void normalize_slice(void *context, int m, int worker)
{
    const mel_job *job = context;
    const csi_mel *mel = job->mel;
    (void)worker;
    float *x = job->out + m * job->n_frames;
    if (mel->normalize == CSI_NORMALIZE_FIXED) {
        apply(x, job->n_frames, mel->fixed_mean[m], mel->fixed_std[m]);
    } else if (job->all) {
        apply_moment(x, job->n_frames, &job->all[m], csi_mel_frames(mel, job->n_samples));
    } else {
        csi_mel_moment moment = moment_from(x[0]);
        moment_add(&moment, x, job->n_frames);
        apply_moment(x, job->n_frames, &moment, job->n_frames);
    }
}

static void features(const mel_job *job)
{
    csi_pool_run(job->run->pool, job->run->max_threads, (int)((job->n_frames + LANES - 1) / LANES), mel_slice,
                 (void *)(uintptr_t)job);
}

static void normalize(const mel_job *job)
{
    const csi_mel *mel = job->mel;
    const int64_t n = job->n_frames * mel->n_mels;
    if (mel->normalize == CSI_NORMALIZE_NONE)
        return;
    if (mel->normalize != CSI_NORMALIZE_ALL) {
        csi_pool_run(job->run->pool, job->run->max_threads, mel->n_mels, normalize_slice, (void *)(uintptr_t)job);
        return;
    }
    csi_mel_moment all = moment_from(job->out[0]);
    if (job->all)
        all = moment_of_all(job->all, mel->n_mels);
    for (int32_t m = 0; m < mel->n_mels && !job->all; m++) {
        csi_mel_moment one = moment_from(job->out[0]);
        moment_add(&one, job->out + m * job->n_frames, job->n_frames);
        all.sum += one.sum;
        all.squares += one.squares;
    }
    apply_moment(job->out, n, &all, csi_mel_frames(mel, job->n_samples) * mel->n_mels);
}

void csi_mel_run(const csi_run *run, const csi_mel *mel, const float *pcm, int64_t n_samples, float *out)
{
    csi_mel_part(run, mel, pcm, n_samples, 0, csi_mel_frames(mel, n_samples), NULL, out);
}

bool csi_mel_wants_moments(const csi_mel *mel)
{
    return mel->normalize == CSI_NORMALIZE_PER_FEATURE || mel->normalize == CSI_NORMALIZE_ALL;
}

void csi_mel_moments(const csi_run *run, const csi_mel *mel, const float *pcm, int64_t n_samples, int64_t first,
                     int64_t n, float *work, csi_mel_moment *moments)
{
    mel_job job = {run, mel, pcm, n_samples, first, n, moments, NULL, work};
    features(&job);
    for (int32_t m = 0; m < mel->n_mels && first == 0; m++)
        moments[m] = moment_from(mel->normalize == CSI_NORMALIZE_ALL ? work[0] : work[m * n]);
    csi_pool_run(run->pool, run->max_threads, mel->n_mels, moments_slice, &job);
}

void csi_mel_part(const csi_run *run, const csi_mel *mel, const float *pcm, int64_t n_samples, int64_t first, int64_t n,
                  const csi_mel_moment *moments, float *out)
{
    mel_job job = {run, mel, pcm, n_samples, first, n, NULL, moments, out};
    if (n == 0)
        return;
    features(&job);
    normalize(&job);
}
