/* SPDX-License-Identifier: MIT
 * Log-mel features: window, filters and every option of the front end, from config and checkpoint. The filters and the
 * window are tensors of the checkpoint and are used as stored; they are computed only where the file has none.
 *
 * Source: NeMo nemo/collections/asr/parts/preprocessing/features.py, FilterbankFeatures.__init__. */
#include "nn/nn.h"

#include <math.h>

static const double pi = 3.14159265358979323846;

static cs_err make_window(csi_loader *loader, const char *kind, csi_mel *mel)
{
    int64_t n = mel->window_length;
    float *w = csi_arena_array(loader->arena, (size_t)n, sizeof *w);
    if (!w)
        return csi_fail_memory(loader->err, (size_t)n * sizeof *w, "the window");
    for (int64_t i = 0; i < n; i++) {
        double x = n > 1 ? (double)i / (double)(n - 1) : 0.5;
        if (strcmp(kind, "hann") == 0)
            w[i] = (float)(0.5 - 0.5 * cos(2 * pi * x));
        else if (strcmp(kind, "hamming") == 0)
            w[i] = (float)(0.54 - 0.46 * cos(2 * pi * x));
        else if (strcmp(kind, "blackman") == 0)
            w[i] = (float)(0.42 - 0.5 * cos(2 * pi * x) + 0.08 * cos(4 * pi * x));
        else if (strcmp(kind, "bartlett") == 0)
            w[i] = (float)(1 - fabs(2 * x - 1));
        else if (strcmp(kind, "ones") == 0 || strcmp(kind, "none") == 0)
            w[i] = 1;
        else
            return csi_fail(loader->err, CS_EUNSUPPORTED, -1,
                            "%s: preprocessor.window is \"%.40s\", expected hann, hamming, blackman, bartlett or ones",
                            csi_archive_path(loader->archive), kind);
    }
    mel->window = w;
    return CS_OK;
}

static double hz_of_mel(double mel)
{
    return mel < 15 ? mel * 200 / 3 : 1000 * exp((mel - 15) * (log(6.4) / 27));
}

static double mel_of_hz(double hz)
{
    return hz < 1000 ? hz * 3 / 200 : 15 + log(hz / 1000) / (log(6.4) / 27);
}

/* Slaney's mel scale and area normalisation, as librosa.filters.mel. */
static cs_err make_filters(csi_loader *loader, const csi_mel *mel, double low_hz, double high_hz, float **out)
{
    int64_t bins = mel->n_fft / 2 + 1;
    float *fb = csi_arena_array(loader->arena, (size_t)(mel->n_mels * bins), sizeof *fb);
    if (!fb)
        return csi_fail_memory(loader->err, (size_t)(mel->n_mels * bins) * sizeof *fb, "the mel filters");
    double first = mel_of_hz(low_hz), step = (mel_of_hz(high_hz) - first) / (mel->n_mels + 1);
    for (int64_t m = 0; m < mel->n_mels; m++) {
        double left = hz_of_mel(first + step * (double)m), top = hz_of_mel(first + step * (double)(m + 1));
        double right = hz_of_mel(first + step * (double)(m + 2));
        for (int64_t k = 0; k < bins; k++) {
            double hz = (double)k * mel->sample_rate_hz / mel->n_fft;
            double w = CSI_MIN((hz - left) / (top - left), (right - hz) / (right - top));
            fb[m * bins + k] = (float)(CSI_MAX(0, w) * 2 / (right - left));
        }
    }
    *out = fb;
    return CS_OK;
}

/* Keep only the bins of each filter that are not zero. */
static cs_err keep_bands(csi_loader *loader, const float *fb, csi_mel *mel)
{
    int64_t bins = mel->n_fft / 2 + 1, n = mel->n_mels;
    int32_t *first = csi_arena_array(loader->arena, (size_t)n, sizeof *first);
    int32_t *count = csi_arena_array(loader->arena, (size_t)n, sizeof *count);
    const float **weights = csi_arena_array(loader->arena, (size_t)n, sizeof *weights);
    if (!first || !count || !weights)
        return csi_fail_memory(loader->err, (size_t)n * 16, "the mel filters");
    for (int64_t m = 0; m < n; m++) {
        int64_t a = 0, b = bins;
        while (a < b && fb[m * bins + a] == 0)
            a++;
        while (b > a && fb[m * bins + b - 1] == 0)
            b--;
        first[m] = (int32_t)a;
        count[m] = (int32_t)(b - a);
        weights[m] = fb + m * bins + a;
    }
    mel->band_first = first;
    mel->band_count = count;
    mel->band_weights = weights;
    return CS_OK;
}

static cs_err load_fixed(csi_loader *loader, const csi_node *node, int32_t n, const char *what, const float **out)
{
    float *values = csi_arena_array(loader->arena, (size_t)n, sizeof *values);
    if (!values)
        return csi_fail_memory(loader->err, (size_t)n * sizeof *values, what);
    const csi_node *list = csi_node_at(node, what); /* (F), or (1, F): NeMo views it as (batch, F) */
    if (list && list->kind == CSI_NODE_LIST && list->n_children == 1 && list->first->kind == CSI_NODE_LIST)
        list = list->first;
    for (int32_t i = 0; i < n; i++) {
        double value;
        if (!list || list->n_children != (size_t)n || !csi_node_double(csi_node_item(list, (size_t)i), &value))
            return csi_fail(loader->err, CS_EMODEL, -1,
                            "%s: preprocessor.normalize.%s has %zu numbers, expected %d, one for each mel bin",
                            csi_archive_path(loader->archive), what, list ? list->n_children : 0, n);
        values[i] = (float)value;
    }
    *out = values;
    return CS_OK;
}

static cs_err load_normalize(csi_loader *loader, csi_mel *mel)
{
    const csi_node *node = csi_node_at(csi_archive_config(loader->archive), "preprocessor.normalize");
    const char *text = csi_node_text(node);
    mel->normalize = CSI_NORMALIZE_NONE; /* any other word means none in NeMo as well */
    if (!node)                           /* the constructor's default */
        mel->normalize = CSI_NORMALIZE_PER_FEATURE;
    else if (text && strcmp(text, "per_feature") == 0)
        mel->normalize = CSI_NORMALIZE_PER_FEATURE;
    else if (text && strcmp(text, "all_features") == 0)
        mel->normalize = CSI_NORMALIZE_ALL;
    else if (node->kind == CSI_NODE_MAP) {
        mel->normalize = CSI_NORMALIZE_FIXED;
        cs_err code = load_fixed(loader, node, mel->n_mels, "fixed_mean", &mel->fixed_mean);
        return code ? code : load_fixed(loader, node, mel->n_mels, "fixed_std", &mel->fixed_std);
    }
    return CS_OK;
}

static cs_err load_guard(csi_loader *loader, csi_mel *mel)
{
    const char *text = csi_load_text(loader, "preprocessor.log_zero_guard_value", "");
    double guard = 5.9604644775390625e-08; /* 2^-24 */
    if (strcmp(text, "tiny") == 0)
        guard = 1.1754943508222875e-38;
    else if (strcmp(text, "eps") == 0)
        guard = 1.1920928955078125e-07;
    else {
        cs_err code = csi_load_double(loader, "preprocessor.log_zero_guard_value", false, 0, 1, &guard);
        if (code)
            return code;
    }
    mel->log_guard = (float)guard;
    const char *type = csi_load_text(loader, "preprocessor.log_zero_guard_type", "add");
    mel->guard_clamps = strcmp(type, "clamp") == 0;
    if (!mel->guard_clamps && strcmp(type, "add") != 0)
        return csi_fail(loader->err, CS_EUNSUPPORTED, -1,
                        "%s: preprocessor.log_zero_guard_type is \"%.40s\", expected add or clamp",
                        csi_archive_path(loader->archive), type);
    return CS_OK;
}

/* Lengths in samples, given as seconds or, by the other key, as samples. */
static cs_err load_length(csi_loader *loader, const char *seconds_key, const char *samples_key, double fallback,
                          int32_t rate, int32_t *samples, double *seconds)
{
    int64_t n = 0;
    *seconds = fallback;
    cs_err code = csi_load_double(loader, seconds_key, false, 1e-4, 10, seconds);
    if (!code)
        code = csi_load_int(loader, samples_key, false, 1, 1 << 16, &n);
    if (code)
        return code;
    if (n)
        *seconds = (double)n / rate;
    else
        n = (int64_t)(*seconds * rate); /* as Python's int() */
    if (n < 1 || n > 1 << 16)
        return csi_fail(loader->err, CS_EMODEL, -1, "%s: %s is %g s, or %lld samples, expected 1 to 65536",
                        csi_archive_path(loader->archive), seconds_key, *seconds, (long long)n);
    *samples = (int32_t)n;
    return CS_OK;
}

static cs_err load_sizes(csi_loader *loader, csi_mel *mel)
{
    int64_t rate = 16000, n_fft = 0, mels = 64, splicing = 1;
    double window_seconds, preemphasis = 0.97, power = 2;
    mel->take_log = true;
    cs_err code;
    if ((code = csi_load_int(loader, "preprocessor.sample_rate", false, 1000, 384000, &rate))
        || (code = load_length(loader, "preprocessor.window_size", "preprocessor.n_window_size", 0.02, (int32_t)rate,
                               &mel->window_length, &window_seconds))
        || (code = load_length(loader, "preprocessor.window_stride", "preprocessor.n_window_stride", 0.01,
                               (int32_t)rate, &mel->hop, &mel->window_stride_seconds))
        || (code = csi_load_int(loader, "preprocessor.n_fft", false, 2, 1 << 16, &n_fft))
        || (code = csi_load_int(loader, "preprocessor.features", false, 1, 512, &mels))
        || (code = csi_load_int(loader, "preprocessor.frame_splicing", false, 1, 1, &splicing))
        || (code = csi_load_double(loader, "preprocessor.preemph", false, 0, 1, &preemphasis))
        || (code = csi_load_double(loader, "preprocessor.mag_power", false, 0.01, 10, &power))
        || (code = csi_load_bool(loader, "preprocessor.log", &mel->take_log))
        || (code = csi_load_bool(loader, "preprocessor.exact_pad", &mel->exact_pad)))
        return code;
    /* An explicit null switches pre-emphasis off; an absent key does not. */
    const csi_node *node = csi_node_at(csi_archive_config(loader->archive), "preprocessor.preemph");
    bool filtered = !node || !csi_node_is_null(node);
    mel->preemphasis = filtered ? (float)preemphasis : 0.0f;
    mel->cuts_tail = mel->exact_pad && filtered;
    if (!n_fft)
        for (n_fft = 1; n_fft < mel->window_length;)
            n_fft *= 2;
    if (n_fft < mel->window_length || n_fft % 2)
        return csi_fail(loader->err, CS_EMODEL, -1,
                        "%s: preprocessor.n_fft is %lld, expected an even number of at least the window's %d samples",
                        csi_archive_path(loader->archive), (long long)n_fft, mel->window_length);
    if ((n_fft & (n_fft - 1)) && n_fft > 4096)
        return csi_fail(loader->err, CS_EUNSUPPORTED, -1,
                        "%s: preprocessor.n_fft is %lld, expected a power of two above 4096",
                        csi_archive_path(loader->archive), (long long)n_fft);
    mel->sample_rate_hz = (int32_t)rate;
    mel->n_fft = (int32_t)n_fft;
    mel->n_mels = (int32_t)mels;
    mel->mag_power = (float)power;
    return CS_OK;
}

cs_err csi_mel_load(csi_loader *loader, csi_mel *mel)
{
    *mel = (csi_mel){0};
    cs_err code;
    if ((code = load_sizes(loader, mel)) || (code = load_normalize(loader, mel)) || (code = load_guard(loader, mel)))
        return code;
    if (csi_load_has(loader, "preprocessor.featurizer.window"))
        code =
            csi_load_weight(loader, &mel->window, 1, (int64_t[]){mel->window_length}, "preprocessor.featurizer.window");
    else
        code = make_window(loader, csi_load_text(loader, "preprocessor.window", "hann"), mel);
    if (code)
        return code;
    const float *fb = NULL;
    if (csi_load_has(loader, "preprocessor.featurizer.fb")) {
        code = csi_load_weight(loader, &fb, 3, (int64_t[]){1, mel->n_mels, mel->n_fft / 2 + 1},
                               "preprocessor.featurizer.fb");
    } else {
        float *made = NULL;
        double low = 0, high = mel->sample_rate_hz / 2.0;
        if (!(code = csi_load_double(loader, "preprocessor.lowfreq", false, 0, high, &low))
            && !(code = csi_load_double(loader, "preprocessor.highfreq", false, low + 1, high, &high)))
            code = make_filters(loader, mel, low, high, &made);
        fb = made;
    }
    if (code || (code = keep_bands(loader, fb, mel)))
        return code;
    double *twiddles = csi_arena_array(loader->arena, csi_fft_n_twiddles(mel->n_fft), sizeof *twiddles);
    if (!twiddles)
        return csi_fail_memory(loader->err, csi_fft_n_twiddles(mel->n_fft) * sizeof *twiddles, "the FFT");
    csi_fft_twiddles(mel->n_fft, twiddles);
    mel->twiddles = twiddles;
    return CS_OK;
}
