/* SPDX-License-Identifier: MIT
 * Canary's decoder against NeMo's, for one model: test-golden-aed FOLDER. NeMo's own tokens go in; the encoder's output, the
 * projected states, each layer and the log-probabilities of every step are compared.
 *
 *   nemo       every case of transcribe() with sound in one piece, the prompt in one pass, then token after token; on every CPU path
 *   alone      the prompt token after token gives the bits that one pass gives
 *   threads    1 and 2 threads give the same bits
 *   beams      lines that part and go on with one another's past have the bits that each has alone; on every path
 *   aligner    the second model of the archive, where there is one: its log-probabilities
 *   narrow     int8 and bf16: as f32 or bit for bit among themselves as above, and near f32 */
#include "aed_net.h"
#include "check.h"

#include <math.h>

enum { MOST_IDS = 512, MOST_BEAMS = 5 };

static golden_data data;
static const char *const paths[] = {"c", "sse2", "avx2", "avx512", "neon"};
static const cs_precision kinds[] = {CS_PRECISION_F32, CS_PRECISION_INT8, CS_PRECISION_BF16};
static const char *const kind_names[] = {"f32", "int8", "bf16"};

/* ------------------------------------------------------------------- helpers */

static int open_net(aed_net *net, cs_precision precision, const char *path, int threads)
{
    cs_error err = {0};
    if (!CHECK(aed_net_open(net, data.model_path, precision, path, threads, &err) == CS_OK))
        printf("# %s\n", err.message);
    return net->model.ops != NULL;
}

static int path_is_here(const char *path)
{
    csi_cpu_path cpu;
    return csi_cpu_choose(path, &cpu, NULL) == CS_OK;
}

static const golden_tensor *tensor_of(const char *name, const char *stage)
{
    char text[96];
    snprintf(text, sizeof text, "%s/%s", name, stage);
    return golden_find_tensor(&data, text);
}

static void near_tensor(const golden_tensor *t, const float *met, size_t n)
{
    double worst = 0, sum = 0;
    if (!CHECK(t && met && t->n_values == n)) {
        printf("# %s: %zu values, expected %zu\n", t ? t->name : "a tensor", n, t ? t->n_values : 0);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        double gap = fabs((double)met[i] - (double)t->values[i]);
        worst = gap <= worst ? worst : gap; /* NaN counts */
        sum += gap;
    }
    if (!CHECK(worst <= (double)t->most && sum / (double)n <= (double)t->mean))
        printf("# %s: worst %.3g of %.3g, mean %.3g of %.3g\n", t->name, worst, (double)t->most, sum / (double)n,
               (double)t->mean);
}

/* The ids of a case: prompt, then answer. */
typedef struct tokens {
    int32_t ids[MOST_IDS], n_prompt, n;
} tokens;

static int add_ids(tokens *t, const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list) && t->n < MOST_IDS; i++)
        t->ids[t->n++] = (int32_t)json_integer_value(json_array_get(list, i));
    return t->n;
}

static void ids_of(const json_t *one, tokens *t)
{
    t->n = 0;
    t->n_prompt = add_ids(t, json_object_get(one, "prompt"));
    add_ids(t, json_object_get(one, "ids"));
}

/* The decoder's stages as the hook gives them, one step after the other. */
typedef struct stage_log {
    const char *name;
    float *values;
    size_t n, most;
} stage_log;

static void log_tensor(void *user, const char *name, int32_t n_dims, const int64_t *dims, const float *values)
{
    stage_log *log = user;
    size_t n = (size_t)(dims[0] * dims[1]);
    if (strcmp(name, log->name) == 0 && CHECK(n_dims == 2 && log->n + n <= log->most)) {
        memcpy(log->values + log->n, values, n * sizeof *values);
        log->n += n;
    }
}

/* Scores (answer + 1, classes) of one line, the prompt in steps of `chunk` tokens; NULL after a failed check. free() them. */
static float *scores_of(aed_net *net, aed_clip *clip, const tokens *t, int32_t chunk, stage_log *log)
{
    const csi_aed_room room = {clip->n_frames, t->n, 1, t->n_prompt};
    const csi_encoder_hooks hooks = {.tensor = log_tensor, .user = log};
    const size_t classes = (size_t)net->aed.classes;
    csi_aed_cache cache;
    float *memory = NULL, *scores = calloc((size_t)(t->n - t->n_prompt + 1) * classes, sizeof *scores), *at = scores;
    cs_error err = {0};
    if (CHECK(scores && aed_cache_make(net, clip, &room, &cache, &memory, &err) == CS_OK)) {
        cache.hooks = log ? &hooks : NULL;
        for (int32_t i = 0, n; i < t->n; i += n) {
            n = i < t->n_prompt ? CSI_MIN(chunk, t->n_prompt - i) : 1;
            csi_aed_step(&net->run, &net->aed, &cache, 1, NULL, t->ids + i, n, i, at);
            at += i + n >= t->n_prompt ? classes : 0;
        }
    }
    csi_free(&net->model.env, memory);
    return scores;
}

static int make_clip(aed_net *net, aed_clip *clip, const json_t *one)
{
    size_t n;
    cs_error err = {0};
    float *pcm = aed_samples(&data, one, &n);
    *clip = (aed_clip){.n_frames = 0};
    int ok = CHECK(pcm && aed_clip_make(net, clip, pcm, n, &err) == CS_OK);
    free(pcm);
    return ok;
}

static const json_t *case_of(const char *name)
{
    for (size_t i = 0; i < json_array_size(data.cases); i++) {
        const json_t *one = json_array_get(data.cases, i);
        if (strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
            return one;
    }
    return NULL;
}

/* ---------------------------------------------------------------------- nemo */

static void check_stages(aed_net *net, aed_clip *clip, const tokens *t, const char *name)
{
    for (int32_t layer = -1; layer < net->aed.decoder.n_layers; layer++) {
        char stage[24] = "embedding";
        if (layer >= 0)
            snprintf(stage, sizeof stage, "decoder_%02d", layer);
        const golden_tensor *expected = tensor_of(name, stage);
        if (!expected)
            continue;
        stage_log log = {.name = stage, .most = (size_t)(t->n * net->aed.d)};
        log.values = calloc(log.most, sizeof *log.values);
        free(scores_of(net, clip, t, t->n_prompt, &log));
        near_tensor(expected, log.values, log.n);
        free(log.values);
    }
}

/* NeMo took the best token of each step, and told its log-probability. */
static void check_tokens(const aed_net *net, const tokens *t, const float *scores, const json_t *one)
{
    const json_t *expected = json_object_get(one, "logprobs");
    const size_t classes = (size_t)net->aed.classes;
    CHECK_INT(json_array_size(expected), t->n - t->n_prompt);
    for (size_t i = 0; i < json_array_size(expected); i++) {
        const int32_t id = t->ids[(size_t)t->n_prompt + i];
        CHECK_INT(net->model.ops->argmax(scores + i * classes, (int64_t)classes), id);
        CHECK_NEAR((double)scores[i * classes + (size_t)id], json_real_value(json_array_get(expected, i)), 2e-3);
    }
}

static void check_case(aed_net *net, const json_t *one)
{
    const char *name = json_string_value(json_object_get(one, "name"));
    const int bad = check_bad;
    aed_clip clip;
    tokens t;
    ids_of(one, &t);
    if (make_clip(net, &clip, one)) {
        const size_t frames = (size_t)clip.n_frames;
        CHECK_INT(clip.n_frames, json_integer_value(json_object_get(one, "n_frames")));
        float *scores = scores_of(net, &clip, &t, t.n_prompt, NULL);
        check_tokens(net, &t, scores, one);
        if (tensor_of(name, "encoder")) {
            const golden_tensor *states = tensor_of(name, "states"), *rows = tensor_of(name, "scores");
            near_tensor(tensor_of(name, "encoder"), clip.encoder_frames, frames * (size_t)net->aed.d_model);
            if (states || net->aed.proj_b || net->aed.between.n_layers)
                near_tensor(states, clip.state_frames, frames * (size_t)net->aed.d);
            if (rows)
                near_tensor(rows, scores, (size_t)((t.n - t.n_prompt + 1) * net->aed.classes));
            check_stages(net, &clip, &t, name);
        }
        free(scores);
    }
    if (check_bad > bad)
        printf("# in %s\n", name);
    aed_clip_free(&clip);
}

static void nemo_on(const char *path)
{
    aed_net net;
    int n = 0, bad = check_bad;
    if (open_net(&net, CS_PRECISION_F32, path, 1)) {
        for (size_t i = 0; i < json_array_size(data.cases); i++) {
            const json_t *one = json_array_get(data.cases, i);
            const bool sound = json_integer_value(json_object_get(one, "samples")) > 0; /* else features are rounding */
            if (sound && json_object_get(one, "logprobs")) { /* transcribe(), audio in one piece */
                check_case(&net, one);
                n++;
            }
        }
        aed_net_close(&net);
    }
    CHECK(n >= 15);
    printf("# %s: %d cases%s\n", path, n, check_bad > bad ? ": not as NeMo" : "");
}

static void nemo_is_met_on_every_path(void)
{
    for (size_t i = 0; i < CSI_COUNT(paths); i++)
        if (path_is_here(paths[i]))
            nemo_on(paths[i]);
}

/* ------------------------------------------------------------------- aligner */

static void check_alignment_scores(aed_net *aligner, const json_t *one)
{
    const char *name = json_string_value(json_object_get(one, "name"));
    const csi_ctc *ctc = &aligner->model.ctc;
    const int64_t classes = ctc->vocab + 1;
    aed_clip clip;
    if (make_clip(aligner, &clip, one)) {
        const int64_t n = clip.n_frames;
        float *logits = csi_alloc_zero(&aligner->model.env, (size_t)(csi_panels(n) * CSI_PANEL * classes) * 4);
        float *rows = calloc((size_t)(n * classes), sizeof *rows);
        const csi_linear head = csi_dense(ctc->w, ctc->b, classes, ctc->d, clip.encoder, logits, n);
        csi_linear_run(&aligner->run, &head, 1);
        csi_panels_to_frames(&aligner->run, logits, classes, n, rows, classes);
        for (int64_t t = 0; t < n; t++) {
            csi_softmax_sums sums;
            aligner->model.ops->softmax_sums(rows + t * classes, classes, 1, &sums);
            for (int64_t i = 0; i < classes; i++)
                rows[t * classes + i] -= (float)sums.log_sum;
        }
        near_tensor(tensor_of(name, "aligner"), rows, (size_t)(n * classes));
        csi_free(&aligner->model.env, logits);
        free(rows);
    }
    aed_clip_free(&clip);
}

/* The second model of an archive, where it has one, beside the first. */
static void the_aligner_is_nemos(void)
{
    aed_net net, aligner;
    cs_error err = {0};
    int n = 0;
    if (!open_net(&net, CS_PRECISION_F32, NULL, 1))
        return;
    if (tensor_of("short", "aligner") == NULL)
        CHECK(!csi_archive_has_part(net.model.archive, "timestamps_asr_model"));
    else if (CHECK(csi_archive_has_part(net.model.archive, "timestamps_asr_model"))
             && CHECK(aed_net_open_aligner(&aligner, &net, &err) == CS_OK)) {
        for (size_t i = 0; i < json_array_size(data.cases); i++) {
            const json_t *one = json_array_get(data.cases, i);
            if (tensor_of(json_string_value(json_object_get(one, "name")), "aligner")) {
                check_alignment_scores(&aligner, one);
                n++;
            }
        }
        CHECK(n > 1);
        aed_net_close(&aligner);
    }
    printf("# %d cases%s%s\n", n, err.message[0] ? ": " : "", err.message);
    aed_net_close(&net);
}

/* ---------------------------------------------------------------------- bits */

static int same_bits(const float *a, const float *b, size_t n)
{
    return a && b && memcmp(a, b, n * sizeof *a) == 0;
}

static void a_prompt_may_come_token_by_token(void)
{
    const json_t *one = case_of("long");
    for (size_t k = 0; k < CSI_COUNT(kinds); k++) {
        aed_net net;
        aed_clip clip;
        tokens t;
        ids_of(one, &t);
        if (!open_net(&net, kinds[k], NULL, 1))
            continue;
        if (make_clip(&net, &clip, one)) {
            float *whole = scores_of(&net, &clip, &t, t.n_prompt, NULL);
            for (int32_t chunk = 1; chunk < t.n_prompt; chunk++) {
                float *cut = scores_of(&net, &clip, &t, chunk, NULL);
                CHECK(same_bits(cut, whole, (size_t)((t.n - t.n_prompt + 1) * net.aed.classes)));
                free(cut);
            }
            free(whole);
        }
        aed_clip_free(&clip);
        aed_net_close(&net);
    }
}

static void long_prompts_pass_in_one_step(void)
{
    const json_t *one = case_of("cut20001");
    for (size_t k = 0; k < CSI_COUNT(kinds); k++) {
        aed_net net;
        aed_clip clip;
        tokens t;
        ids_of(case_of("long"), &t);
        if (!open_net(&net, kinds[k], NULL, 2))
            continue;
        CHECK(t.n > CSI_PANEL); /* several panels */
        t.n_prompt = t.n;
        if (make_clip(&net, &clip, one)) {
            float *whole = scores_of(&net, &clip, &t, t.n, NULL), *cut = scores_of(&net, &clip, &t, 1, NULL);
            CHECK(same_bits(cut, whole, (size_t)net.aed.classes));
            free(cut);
            free(whole);
        }
        aed_clip_free(&clip);
        aed_net_close(&net);
    }
}

static void threads_change_no_bit(void)
{
    const json_t *one = case_of("long");
    for (size_t k = 0; k < CSI_COUNT(kinds); k++) {
        float *scores[2] = {NULL, NULL}, *states[2] = {NULL, NULL};
        size_t n = 0, n_states = 0;
        for (int threads = 1; threads <= 2; threads++) {
            aed_net net;
            aed_clip clip;
            tokens t;
            ids_of(one, &t);
            if (!open_net(&net, kinds[k], NULL, threads))
                continue;
            if (make_clip(&net, &clip, one)) {
                n = (size_t)((t.n - t.n_prompt + 1) * net.aed.classes);
                n_states = (size_t)(clip.n_frames * net.aed.d);
                scores[threads - 1] = scores_of(&net, &clip, &t, t.n_prompt, NULL);
                states[threads - 1] = malloc(n_states * sizeof(float));
                memcpy(states[threads - 1], clip.state_frames, n_states * sizeof(float));
            }
            aed_clip_free(&clip);
            aed_net_close(&net);
        }
        CHECK(n && same_bits(scores[0], scores[1], n));
        CHECK(n_states && same_bits(states[0], states[1], n_states));
        for (int i = 0; i < 2; i++) {
            free(scores[i]);
            free(states[i]);
        }
    }
}

/* Among other utterances an encoder's output begins anywhere in a panel. */
static void states_begin_at_any_column(void)
{
    static const int64_t columns[] = {1, 17, 47, 48, 61};
    aed_net net;
    aed_clip clip;
    if (!open_net(&net, CS_PRECISION_F32, NULL, 1))
        return;
    if (make_clip(&net, &clip, case_of("long"))) {
        const int64_t n = clip.n_frames, d = net.aed.d_model, h = net.aed.d;
        float *frames = calloc((size_t)(n * h), sizeof *frames);
        for (size_t i = 0; i < CSI_COUNT(columns); i++) {
            float *moved = csi_alloc_zero(&net.model.env, (size_t)(csi_panels(n + columns[i]) * CSI_PANEL * d) * 4);
            for (int64_t t = 0; t < n; t++)
                for (int64_t r = 0; r < d; r++) {
                    const int64_t to = t + columns[i];
                    moved[(to / CSI_PANEL * d + r) * CSI_PANEL + to % CSI_PANEL] = clip.encoder_frames[t * d + r];
                }
            const float *states = csi_aed_states(&net.run, &net.aed, moved, columns[i], n, clip.memory.data);
            csi_panels_to_frames(&net.run, states, h, n, frames, h);
            CHECK(same_bits(frames, clip.state_frames, (size_t)(n * h)));
            csi_free(&net.model.env, moved);
        }
        free(frames);
    }
    aed_clip_free(&clip);
    aed_net_close(&net);
}

/* --------------------------------------------------------------------- beams */

static uint32_t random_state = 1;

static int32_t random_below(int32_t n)
{
    random_state = random_state * 1664525u + 1013904223u;
    return (int32_t)((random_state >> 8) % (uint32_t)n);
}

/* Lines part after the prompt and go on with one another's past for some steps, their number changing. */
static void part_and_compare(aed_net *net, aed_clip *clip, const tokens *prompt)
{
    enum { STEPS = 14 };
    const csi_aed_room room = {clip->n_frames, prompt->n_prompt + STEPS, MOST_BEAMS, prompt->n_prompt};
    const size_t classes = (size_t)net->aed.classes;
    csi_aed_cache cache;
    float *memory = NULL, *scores = calloc(MOST_BEAMS * classes, sizeof *scores);
    tokens lines[MOST_BEAMS], before[MOST_BEAMS];
    cs_error err = {0};
    if (!CHECK(aed_cache_make(net, clip, &room, &cache, &memory, &err) == CS_OK))
        return;
    lines[0] = *prompt;
    lines[0].n = prompt->n_prompt;
    csi_aed_step(&net->run, &net->aed, &cache, 1, NULL, prompt->ids, prompt->n_prompt, 0, scores);
    for (int32_t i = 0, n_before = 1, n_beams; i < STEPS; i++, n_before = n_beams) {
        int32_t parents[MOST_BEAMS], ids[MOST_BEAMS];
        const bool own = i % 5 == 4; /* no parents: each goes on with its own */
        n_beams = own ? n_before : i == 0 ? MOST_BEAMS : 2 + random_below(MOST_BEAMS - 1);
        memcpy(before, lines, sizeof lines);
        for (int32_t b = 0; b < n_beams; b++) {
            parents[b] = own ? b : random_below(n_before);
            ids[b] = random_below((int32_t)classes);
            lines[b] = before[parents[b]];
            lines[b].ids[lines[b].n++] = ids[b];
        }
        csi_aed_step(&net->run, &net->aed, &cache, n_beams, own ? NULL : parents, ids, 1, prompt->n_prompt + i, scores);
        for (int32_t b = 0; b < n_beams && i % 3 == 1; b++) {
            float *alone = scores_of(net, clip, &lines[b], prompt->n_prompt, NULL);
            CHECK(same_bits(scores + (size_t)b * classes, alone + (size_t)(i + 1) * classes, classes));
            free(alone);
        }
    }
    free(scores);
    csi_free(&net->model.env, memory);
}

static void beams_do_not_see_each_other(void)
{
    const json_t *one = case_of("cut20001");
    for (size_t i = 0; i < CSI_COUNT(paths); i++)
        for (size_t k = 0; k < CSI_COUNT(kinds) && path_is_here(paths[i]); k++) {
            aed_net net;
            aed_clip clip;
            tokens t;
            ids_of(one, &t);
            if (!open_net(&net, kinds[k], paths[i], 1))
                continue;
            const int bad = check_bad;
            if (make_clip(&net, &clip, one))
                part_and_compare(&net, &clip, &t);
            if (check_bad > bad)
                printf("# on %s in %s\n", paths[i], kind_names[k]);
            aed_clip_free(&clip);
            aed_net_close(&net);
        }
}

/* -------------------------------------------------------------------- narrow */

static double cosine_of(const float *x, const float *y, size_t n)
{
    double xy = 0, xx = 0, yy = 0;
    for (size_t i = 0; i < n; i++) {
        xy += (double)x[i] * (double)y[i];
        xx += (double)x[i] * (double)x[i];
        yy += (double)y[i] * (double)y[i];
    }
    return xy / sqrt(xx * yy);
}

/* The largest difference between the probabilities of one token. */
static double worst_share(const float *x, const float *y, size_t n)
{
    double worst = 0;
    for (size_t i = 0; i < n; i++) {
        double gap = fabs(exp((double)x[i]) - exp((double)y[i]));
        worst = gap <= worst ? worst : gap;
    }
    return worst;
}

/* int8 and bf16 are near f32. These models are 24 to 40 wide and decide firmly: bounds are for them. */
static void narrow_kinds_are_near(void)
{
    static const double cosine_least[] = {1, 0.9999, 0.99999}, share_most[] = {0, 0.04, 0.03};
    const json_t *one = case_of("long");
    float *scores[3] = {NULL}, *states[3] = {NULL};
    size_t n = 0, n_states = 0;
    for (size_t k = 0; k < CSI_COUNT(kinds); k++) {
        aed_net net;
        aed_clip clip;
        tokens t;
        ids_of(one, &t);
        if (!open_net(&net, kinds[k], NULL, 1))
            continue;
        CHECK((net.model.block != NULL) == (k > 0)); /* weights were made narrow */
        if (make_clip(&net, &clip, one)) {
            n = (size_t)((t.n - t.n_prompt + 1) * net.aed.classes);
            n_states = (size_t)(clip.n_frames * net.aed.d);
            scores[k] = scores_of(&net, &clip, &t, t.n_prompt, NULL);
            states[k] = clip.state_frames;
            clip.state_frames = malloc(n_states * sizeof(float));
            memcpy(clip.state_frames, states[k], n_states * sizeof(float));
            float *kept = clip.state_frames;
            clip.state_frames = states[k];
            states[k] = kept;
        }
        aed_clip_free(&clip);
        aed_net_close(&net);
    }
    for (size_t k = 1; k < CSI_COUNT(kinds); k++)
        if (CHECK(scores[0] && scores[k] && states[0] && states[k])) {
            double cosine = cosine_of(states[0], states[k], n_states), share = worst_share(scores[0], scores[k], n);
            CHECK(cosine >= cosine_least[k] && share <= share_most[k]);
            printf("# %s: the states' cosine %.6f, %g at least; probabilities off by %.4f, %g at most\n", kind_names[k],
                   cosine, cosine_least[k], share, share_most[k]);
        }
    for (size_t k = 0; k < CSI_COUNT(kinds); k++) {
        free(scores[k]);
        free(states[k]);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2 || golden_load(&data, argv[1]) < 0) {
        printf("Bail out! usage: test-golden-aed FOLDER\n");
        return 1;
    }
    RUN(nemo_is_met_on_every_path);
    RUN(the_aligner_is_nemos);
    RUN(a_prompt_may_come_token_by_token);
    RUN(long_prompts_pass_in_one_step);
    RUN(threads_change_no_bit);
    RUN(states_begin_at_any_column);
    RUN(beams_do_not_see_each_other);
    RUN(narrow_kinds_are_near);
    golden_unload(&data);
    return check_done();
}
