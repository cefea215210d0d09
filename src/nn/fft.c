/* SPDX-License-Identifier: MIT
 * Power spectra of 16 real signals at once. The signals lie side by side (sample n of signal l at n * 16 + l), so every
 * butterfly is the same operation on 16 neighbours and compilers turn the inner loops into vectors.
 *
 * For n_fft a power of two: the even and odd samples of a signal form one complex signal of half the length, a radix-2
 * transform in place, then the two halves are untangled. Any other n_fft: the plain sum, slow and right.
 *
 * In double: log turns what a float transform rounds off where there is no energy into errors of 1e-4, and with NeMo's own
 * such errors added those would double. Twiddles: cos and -sin of 2 pi k / n_fft, k < n_fft. */
#include "nn/nn.h"

#include <math.h>

enum { LANES = CSI_FFT_LANES };

size_t csi_fft_n_twiddles(int32_t n_fft)
{
    return 2 * (size_t)n_fft;
}

void csi_fft_twiddles(int32_t n_fft, double *twiddles)
{
    for (int32_t k = 0; k < n_fft; k++) {
        double angle = 2 * 3.14159265358979323846 * k / n_fft;
        twiddles[2 * k] = cos(angle);
        twiddles[2 * k + 1] = -sin(angle);
    }
}

static void plain_power(int32_t n, const double *twiddles, const float *in, float *power)
{
    for (int32_t k = 0; k <= n / 2; k++)
        for (int l = 0; l < LANES; l++) {
            double re = 0, im = 0;
            for (int32_t t = 0; t < n; t++) {
                size_t w = (size_t)((int64_t)k * t % n);
                re += in[t * LANES + l] * twiddles[2 * w];
                im += in[t * LANES + l] * twiddles[2 * w + 1];
            }
            power[k * LANES + l] = (float)(re * re + im * im);
        }
}

/* Real part of element e at z + e * 32, imaginary part 16 floats on. */
static void swap_elements(double *a, double *b)
{
    for (int l = 0; l < 2 * LANES; l++) {
        double t = a[l];
        a[l] = b[l];
        b[l] = t;
    }
}

static void butterfly(double *restrict a, double *restrict b, double wr, double wi)
{
    for (int l = 0; l < LANES; l++) {
        double br = b[l] * wr - b[LANES + l] * wi, bi = b[l] * wi + b[LANES + l] * wr;
        b[l] = a[l] - br;
        b[LANES + l] = a[LANES + l] - bi;
        a[l] += br;
        a[LANES + l] += bi;
    }
}

static void half_transform(int32_t n, const double *twiddles, double *z)
{
    for (int32_t i = 1, j = 0; i < n; i++) { /* bit reversal */
        int32_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j)
            swap_elements(z + i * 2 * LANES, z + j * 2 * LANES);
    }
    for (int32_t half = 1; half < n; half *= 2)
        for (int32_t start = 0; start < n; start += 2 * half)
            for (int32_t k = 0; k < half; k++) {
                const double *w =
                    twiddles + 2 * (int64_t)k * (n / half); /* of the full length: exp(-2 pi i k / (2 half)) */
                butterfly(z + (start + k) * 2 * LANES, z + (start + k + half) * 2 * LANES, w[0], w[1]);
            }
}

void csi_fft_power(int32_t n_fft, const double *twiddles, const float *in, float *power, double *work)
{
    const int32_t n = n_fft / 2;
    if (n_fft < 4 || (n_fft & (n_fft - 1))) {
        plain_power(n_fft, twiddles, in, power);
        return;
    }
    for (int32_t i = 0; i < n_fft * LANES; i++) /* (n, 2, 16): even samples real, odd imaginary */
        work[i] = in[i];
    half_transform(n, twiddles, work);
    for (int32_t k = 0; k <= n; k++) {
        const double *a = work + k % n * 2 * LANES, *b = work + (n - k) % n * 2 * LANES;
        double wr = twiddles[2 * k], wi = twiddles[2 * k + 1];
        float *out = power + k * LANES;
        for (int l = 0; l < LANES; l++) {
            double er = 0.5 * (a[l] + b[l]), ei = 0.5 * (a[LANES + l] - b[LANES + l]);
            double or = 0.5 * (a[LANES + l] + b[LANES + l]), oi = -0.5 * (a[l] - b[l]);
            double re = er + or *wr - oi * wi, im = ei + or *wi + oi * wr;
            out[l] = (float)(re * re + im * im);
        }
    }
}
