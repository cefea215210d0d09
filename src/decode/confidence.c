/* SPDX-License-Identifier: MIT
 * How sure a distribution is, from 0 (uniform) to 1 (one class has everything).
 *
 * With lp the log-probabilities of V classes, a = alpha, S = sum exp(a lp), G = sum exp(a lp) lp. At a = 1 all
 * entropies are Shannon's. "lin" maps the entropy itself, "exp" its exponential.
 *
 * Source: NeMo nemo/collections/asr/parts/utils/asr_confidence_utils.py, get_confidence_measure_bank. */
#include "decode/decode.h"

#include <math.h>

static double max_prob(double p, double v, double a)
{
    return a == 1 ? (p * v - 1) / (v - 1) : (pow(p, a) * pow(v, a) - 1) / (pow(v, a) - 1);
}

static double shannon(double g, double v, bool exponential)
{
    return exponential ? (v * exp(g) - 1) / (v - 1) : 1 + g / log(v);
}

static double gibbs(double g, double v, double a, bool exponential)
{
    if (!exponential)
        return 1 + g / (log(v) * pow(v, 1 - a));
    double least = pow(v, -a * pow(v, 1 - a));
    return (exp(a * g) - least) / (1 - least);
}

static double tsallis(double s, double v, double a, bool exponential)
{
    if (!exponential)
        return 1 + (1 - s) / (pow(v, 1 - a) - 1);
    double least = exp((1 - pow(v, 1 - a)) / (1 - a));
    return (exp((1 - s) / (1 - a)) - least) / (1 - least);
}

static double renyi(double s, double v, double a, bool exponential)
{
    if (!exponential)
        return 1 + log2(s) / ((a - 1) * log2(v));
    return (pow(s, 1 / (a - 1)) * v - 1) / (v - 1);
}

double csi_confidence_of(const csi_confidence *c, int64_t n_classes, const csi_softmax_sums *sums)
{
    const double v = (double)n_classes, a = c->alpha;
    if (c->method == CS_CONFIDENCE_MAX_PROB)
        return max_prob(exp(sums->max - sums->log_sum), v, a);
    bool exponential = c->method == CS_CONFIDENCE_GIBBS_EXP || c->method == CS_CONFIDENCE_TSALLIS_EXP
                       || c->method == CS_CONFIDENCE_RENYI_EXP;
    if (a == 1)
        return shannon(sums->g, v, exponential);
    if (c->method == CS_CONFIDENCE_GIBBS_LIN || c->method == CS_CONFIDENCE_GIBBS_EXP)
        return gibbs(sums->g, v, a, exponential);
    if (c->method == CS_CONFIDENCE_TSALLIS_LIN || c->method == CS_CONFIDENCE_TSALLIS_EXP)
        return tsallis(sums->s, v, a, exponential);
    return renyi(sums->s, v, a, exponential);
}

/* ----------------------------------------------------------------- emissions */

void csi_emissions_finish(csi_emissions *e)
{
    if (e->env)
        csi_free(e->env, e->items);
    e->items = NULL;
    e->n = e->capacity = 0;
}

cs_err csi_emissions_add(csi_emissions *e, csi_emission item, cs_error *err)
{
    if (e->n == e->capacity) {
        size_t capacity = CSI_MAX(64, e->capacity * 2);
        csi_emission *items = csi_alloc_array(e->env, capacity, sizeof *items);
        if (!items)
            return csi_fail_memory(err, capacity * sizeof *items, "the tokens");
        if (e->n)
            memcpy(items, e->items, e->n * sizeof *items);
        csi_free(e->env, e->items);
        e->items = items;
        e->capacity = capacity;
    }
    e->items[e->n++] = item;
    return CS_OK;
}
