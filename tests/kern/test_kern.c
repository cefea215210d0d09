/* SPDX-License-Identifier: MIT
 * Every kernel of every path that this CPU can run, against its plain C twin: odd sizes, random values, guard values
 * around each output, and a bound on the difference. Products are also compared with themselves cut into other slices:
 * those must be equal to the bit. */
#include "check.h"
#include "math/ops.h"

#include <math.h>

enum { GUARD = 64 };
static const float guard_value = 12345.678f;
static csi_env env;
static const csi_ops *plain, *fast;
static uint64_t seed;

static float uniform(void)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (float)(seed >> 40) / (float)(1 << 23) - 1;
}

/* n floats with guards around; random when fill. */
static float *make(int64_t n, float amplitude)
{
    float *block = csi_alloc_array(&env, (size_t)(n + 2 * GUARD), sizeof *block);
    if (!block)
        abort();
    for (int64_t i = 0; i < n + 2 * GUARD; i++)
        block[i] = i < GUARD || i >= n + GUARD ? guard_value : amplitude * uniform();
    return block + GUARD;
}

static void drop(float *values, int64_t n)
{
    for (int64_t i = 1; i <= GUARD; i++)
        if (values[-i] != guard_value || values[n + i - 1] != guard_value) {
            CHECK(!"wrote outside its output");
            break;
        }
    csi_free(&env, values - GUARD);
}

/* Largest difference relative to 1 + |expected|. */
static double worst(const float *met, const float *expected, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        double d = fabs((double)met[i] - expected[i]) / (1 + fabs(expected[i]));
        if (!(d <= most))
            most = isnan(d) ? INFINITY : d;
    }
    return most;
}

static void near(const float *met, const float *expected, int64_t n, double bound, const char *what)
{
    double w = worst(met, expected, n);
    if (!(w <= bound)) {
        check_bad++;
        printf("# %s, %s: worst difference %.3g, allowed %.3g\n", csi_cpu_name(fast->path), what, w, bound);
    }
}

/* Real columns of panels; lanes past the last one are nobody's business. */
static void near_panels(const float *met, const float *expected, int64_t rows, int64_t columns, double bound,
                        const char *what)
{
    for (int64_t p = 0; p < csi_panels(columns); p++)
        for (int64_t r = 0; r < rows; r++) {
            int64_t at = (p * rows + r) * CSI_PANEL, n = CSI_MIN(columns - p * CSI_PANEL, CSI_PANEL);
            near(met + at, expected + at, n, bound, what);
        }
}

static void linear_case(int64_t n_out, int64_t n_in, int64_t columns, csi_epilogue epilogue, bool bias)
{
    int64_t panels = csi_panels(columns), nx = panels * n_in * CSI_PANEL, ny = panels * n_out * CSI_PANEL;
    float *w = make(n_out * n_in, 0.3f), *b = make(n_out, 1), *x = make(nx, 1), *y[3];
    float *scratch = make(n_out * CSI_PANEL_BLOCK * CSI_PANEL, 0);
    csi_linear l = csi_dense(w, bias ? b : NULL, n_out, n_in, x, NULL, columns);
    l.epilogue = epilogue;
    l.scale = 0.5f;
    seed++;
    for (int i = 0; i < 3; i++) {
        uint64_t keep = seed;
        y[i] = make(ny, 1);
        seed = keep; /* the same residual in all three */
    }
    l.y = y[0];
    plain->linear(&l, 0, n_out, 0, panels, scratch);
    l.y = y[1];
    fast->linear(&l, 0, n_out, 0, panels, scratch);
    l.y = y[2]; /* the same in other slices */
    for (int64_t r = 0; r < n_out; r += 13)
        for (int64_t p = 0; p < panels; p += 2)
            fast->linear(&l, r, CSI_MIN(r + 13, n_out), p, CSI_MIN(p + 2, panels), scratch);
    near_panels(y[1], y[0], n_out, columns, 1e-6 * (double)n_in + 1e-5, "linear");
    for (int64_t p = 0; p < panels; p++)
        for (int64_t r = 0; r < n_out; r++) {
            int64_t at = (p * n_out + r) * CSI_PANEL, n = CSI_MIN(columns - p * CSI_PANEL, CSI_PANEL);
            if (memcmp(y[1] + at, y[2] + at, (size_t)n * sizeof(float)) != 0) {
                CHECK(!"slices change the result");
                p = panels;
                break;
            }
        }
    for (int i = 0; i < 3; i++)
        drop(y[i], ny);
    drop(scratch, n_out * CSI_PANEL_BLOCK * CSI_PANEL);
    drop(x, nx);
    drop(b, n_out);
    drop(w, n_out * n_in);
}

static void linear(void)
{
    static const int64_t outs[] = {1, 7, 8, 9, 33}, ins[] = {1, 3, 64, 193, 400},
                         columns[] = {1, 15, 16, 17, 33, 48, 49, 100, 500};
    int n = 0;
    for (size_t o = 0; o < CSI_COUNT(outs); o++)
        for (size_t i = 0; i < CSI_COUNT(ins); i++)
            for (size_t c = 0; c < CSI_COUNT(columns); c++, n++)
                linear_case(outs[o], ins[i], columns[c], (csi_epilogue)(n % 4), n % 3 != 0);
}

static void layer_norm(void)
{
    static const int64_t rows[] = {1, 2, 5, 64, 333};
    for (size_t i = 0; i < CSI_COUNT(rows); i++)
        for (int silu = 0; silu < 2; silu++) {
            int64_t n = rows[i] * CSI_PANEL;
            float *x = make(n, 3), *a = make(n, 0), *b = make(n, 0), *w = make(rows[i], 1), *bias = make(rows[i], 1);
            for (int64_t lane = 0; lane < CSI_PANEL; lane += 16) {
                plain->layer_norm(x, a, rows[i], lane, w, bias, 1e-5f, silu);
                fast->layer_norm(x, b, rows[i], lane, w, bias, 1e-5f, silu);
            }
            near(b, a, n, rows[i] == 1 ? 1e-2 : 2e-5, "layer_norm"); /* one row: 0 / sqrt(eps) amplifies rounding */
            fast->layer_norm(x, x, rows[i], 16, w, bias, 1e-5f, silu);
            for (int64_t r = 0; r < rows[i]; r++)
                CHECK(memcmp(x + r * CSI_PANEL + 16, b + r * CSI_PANEL + 16, 16 * sizeof *x) == 0);
            drop(x, n);
            drop(a, n);
            drop(b, n);
            drop(w, rows[i]);
            drop(bias, rows[i]);
        }
}

/* Contexts: none, a band, chunks, and rows that may look at nothing. */
static void mask(int kind, int64_t n, int32_t *first, int32_t *end)
{
    for (int32_t i = 0; i < n; i++) {
        first[i] = kind == 0 ? 0 : kind == 1 ? CSI_MAX(0, i - 20) : kind == 2 ? i / 14 * 14 : i % 5 ? 0 : i;
        end[i] = (int32_t)(kind == 0   ? n
                           : kind == 1 ? CSI_MIN(n, i + 5)
                           : kind == 2 ? CSI_MIN(n, i / 14 * 14 + 14)
                           : i % 5     ? n
                                       : i);
    }
}

/* In bf16, against the f32 results: what is multiplied has 8 bits, what is summed all of them. */
static void attention_words(csi_attention *at, const float *f32, int64_t reach)
{
    const int64_t panels = csi_panels(at->n_keys), size = panels * at->d * CSI_PANEL, n = at->n_keys;
    uint32_t *words = csi_alloc_array(&env, (size_t)(size + reach * at->d * CSI_PANEL), 4);
    float *scratch = make((int64_t)csi_attention_scratch(at->head_width), 0);
    const csi_run run = {.ops = fast, .max_threads = 1};
    const csi_narrow_panels p = {.w = words + size};
    csi_attention_words_run(&run, at, 1, words, words + size / 2);
    csi_convert_run(&run, CSI_KIND_BF16, at->p, at->d * CSI_PANEL, at->d, 2 * reach * CSI_PANEL, &p);
    at->p_words = p.w;
    for (int32_t h = 0; h < at->n_heads; h++)
        for (int64_t i = 0; i < panels; i++)
            fast->narrow[CSI_KIND_BF16]->attention(at, h, i, scratch);
    near_panels(at->out, f32, at->d, n, 6e-3, "attention in bf16");
    CHECK(fast->all_finite(at->out, size));
    drop(scratch, (int64_t)csi_attention_scratch(at->head_width));
    csi_free(&env, words);
}

static void attention_case(int32_t heads, int32_t width, int64_t n, int kind)
{
    int64_t d = (int64_t)heads * width, panels = csi_panels(n), size = panels * d * CSI_PANEL;
    int64_t reach = panels, np = 2 * reach * d * CSI_PANEL;
    float *q = make(size, 1), *k = make(size, 1), *p = make(np, 1), *v = make(size, 1), *u = make(d, 1),
          *w = make(d, 1);
    float *a = make(size, 0), *b = make(size, 0), *scratch = make((int64_t)csi_attention_scratch(width), 0);
    int32_t *first = csi_alloc_array(&env, (size_t)n, 4), *end = csi_alloc_array(&env, (size_t)n, 4);
    mask(kind, n, first, end);
    for (int64_t r = 0; r < d; r++) /* whatever lies past the last column */
        for (int64_t t = n; t < panels * CSI_PANEL; t++) {
            const int64_t at = ((t / CSI_PANEL) * d + r) * CSI_PANEL + t % CSI_PANEL;
            q[at] = k[at] = v[at] = NAN;
        }
    csi_attention at = {.q = q,
                        .k = k,
                        .v = v,
                        .d = d,
                        .p = p,
                        .reach = reach,
                        .bias_u = u,
                        .bias_v = w,
                        .n_heads = heads,
                        .head_width = width,
                        .n_queries = n,
                        .n_keys = n,
                        .first = first,
                        .end = end,
                        .scale = 1 / sqrtf((float)width)};
    for (int32_t h = 0; h < heads; h++)
        for (int64_t i = 0; i < panels; i++) {
            at.out = a;
            plain->attention(&at, h, i, scratch);
            at.out = b;
            fast->attention(&at, h, i, scratch);
        }
    near_panels(b, a, d, n, 5e-5, "attention");
    CHECK(fast->all_finite(b, size)); /* columns past the last too */
    at.out = b;
    if (fast->narrow[CSI_KIND_BF16] && fast->narrow[CSI_KIND_BF16]->attention && width % 2 == 0)
        attention_words(&at, a, reach);
    csi_free(&env, first);
    csi_free(&env, end);
    drop(scratch, (int64_t)csi_attention_scratch(width));
    drop(a, size);
    drop(b, size);
    drop(q, size);
    drop(k, size);
    drop(p, np);
    drop(v, size);
    drop(u, d);
    drop(w, d);
}

static void attention(void)
{
    static const int32_t widths[] = {1, 5, 16, 24, 40, 128};
    static const int64_t lengths[] = {1, 2, 47, 48, 49, 150};
    for (size_t w = 0; w < CSI_COUNT(widths); w++)
        for (size_t n = 0; n < CSI_COUNT(lengths); n++)
            for (int kind = 0; kind < 4; kind++)
                attention_case(2, widths[w], lengths[n], kind);
}

static void element_wise(void)
{
    for (int64_t n = 1; n < 100; n += 1 + n / 5) {
        float *x = make(n, 8), *z = make(n, 8), *a = make(n, 0), *b = make(n, 0);
        plain->glu(x, z, a, n);
        fast->glu(x, z, b, n);
        near(b, a, n, 1e-6, "glu");
        for (int f = 0; f <= CSI_ACT_SIGMOID; f++) {
            plain->add_activate(x, z, a, n, (csi_activation)f);
            fast->add_activate(x, z, b, n, (csi_activation)f);
            near(b, a, n, 1e-6, "add_activate");
        }
        for (int64_t terms = 0; terms <= 9; terms += 3) {
            const float *rows[9];
            float *block = make(n + 9, 1);
            for (int64_t j = 0; j < terms; j++)
                rows[j] = block + j;
            for (int f = CSI_STORE; f <= CSI_SILU; f++) {
                plain->combine(rows, block, terms, 0.25f, a, n, (csi_epilogue)f);
                fast->combine(rows, block, terms, 0.25f, b, n, (csi_epilogue)f);
                near(b, a, n, 2e-6, "combine");
            }
            drop(block, n + 9);
        }
        memcpy(a, x, (size_t)n * sizeof *a);
        memcpy(b, x, (size_t)n * sizeof *b);
        plain->scale(a, n, 1.7f);
        fast->scale(b, n, 1.7f);
        near(b, a, n, 0, "scale");
        CHECK_INT(fast->argmax(x, n), plain->argmax(x, n));
        drop(x, n);
        drop(z, n);
        drop(a, n);
        drop(b, n);
    }
    float edge[5] = {-200, -88, 0, 88, 200}, zero[5] = {0}, a[5], b[5];
    for (int f = 0; f <= CSI_ACT_SIGMOID; f++) { /* far out, where exp ends */
        plain->add_activate(edge, zero, a, 5, (csi_activation)f);
        fast->add_activate(edge, zero, b, 5, (csi_activation)f);
        near(b, a, 5, 1e-6, "add_activate at the edges");
    }
}

static void decoders(void)
{
    static const int64_t sizes[] = {1, 3, 16, 31, 64, 129, 640};
    for (size_t i = 0; i < CSI_COUNT(sizes); i++) {
        int64_t n = sizes[i];
        float *w = make(n * 11, 1), *x = make(n, 1), *bias = make(11, 1), *a = make(11, 0), *b = make(11, 0);
        plain->matvec(w, n, 0, 11, x, bias, a);
        fast->matvec(w, n, 0, 11, x, bias, b);
        near(b, a, 11, 1e-5, "matvec");
        drop(w, n * 11);
        drop(bias, 11);
        drop(a, 11);
        drop(b, 11);
        float *gates = make(4 * n, 5), *c = make(n, 2), *c2 = make(n, 0), *h = make(n, 0), *h2 = make(n, 0);
        memcpy(c2, c, (size_t)n * sizeof *c);
        plain->lstm_cell(gates, c, h, n);
        fast->lstm_cell(gates, c2, h2, n);
        near(c2, c, n, 2e-6, "lstm_cell c");
        near(h2, h, n, 2e-6, "lstm_cell h");
        drop(gates, 4 * n);
        drop(c, n);
        drop(c2, n);
        drop(h, n);
        drop(h2, n);
        for (float alpha = 0.33f; alpha < 3; alpha *= 2) {
            csi_softmax_sums s, t;
            for (int64_t k = 0; k < n; k++)
                x[k] *= 10;
            plain->softmax_sums(x, n, alpha, &s);
            fast->softmax_sums(x, n, alpha, &t);
            CHECK(s.max == t.max);
            CHECK_NEAR(t.log_sum, s.log_sum, 1e-5 * (1 + fabs(s.log_sum)));
            CHECK_NEAR(t.s, s.s, 2e-5 * (1 + fabs(s.s)));
            CHECK_NEAR(t.g, s.g, 2e-5 * (1 + fabs(s.g)));
        }
        float *p = make(n, 0), *p2 = make(n, 0);
        memcpy(p, x, (size_t)n * sizeof *p);
        memcpy(p2, x, (size_t)n * sizeof *p);
        plain->softmax(p, n);
        fast->softmax(p2, n);
        near(p2, p, n, 2e-6, "softmax");
        drop(p, n);
        drop(p2, n);
        drop(x, n);
    }
}

static void finds_what_is_no_number(void)
{
    for (int64_t n = 1; n < 70; n++) {
        float *x = make(n, 1e30f);
        CHECK(fast->all_finite(x, n));
        static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
        for (int64_t i = 0; i < n; i += 3)
            for (size_t k = 0; k < CSI_COUNT(bad); k++) {
                float keep = x[i];
                x[i] = bad[k];
                CHECK(!fast->all_finite(x, n));
                x[i] = keep;
            }
        x[n / 2] = 1e38f;
        CHECK_INT(fast->argmax(x, n), n / 2);
        x[n - 1] = 1e38f;
        CHECK_INT(fast->argmax(x, n), n / 2); /* lowest of equals */
        drop(x, n);
    }
}

int main(void)
{
    csi_env_init(&env, NULL, NULL, NULL);
    plain = csi_ops_for(CSI_CPU_C);
    for (int path = CSI_CPU_C; path <= CSI_CPU_NEON; path++) {
        csi_cpu_path chosen;
        if (csi_cpu_choose(csi_cpu_name((csi_cpu_path)path), &chosen, NULL) != CS_OK)
            continue;
        fast = csi_ops_for(chosen);
        CHECK_INT(fast->path, chosen);
        printf("# path %s\n", csi_cpu_name(chosen));
        seed = 1;
        RUN(linear);
        RUN(layer_norm);
        RUN(attention);
        RUN(element_wise);
        RUN(decoders);
        RUN(finds_what_is_no_number);
    }
    return check_done();
}
