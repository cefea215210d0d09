/* SPDX-License-Identifier: MIT */
#include "aed_net.h"

#include <math.h>

static cs_err load_ctc(csi_loader *loader, int32_t d, csi_ctc *ctc)
{
    const csi_tensor *t = csi_archive_tensor(loader->archive, "decoder.decoder_layers.0.bias");
    const int64_t rows = t ? t->n_elements : 0;
    *ctc = (csi_ctc){.d = d, .vocab = (int32_t)rows - 1};
    cs_err code = csi_load_weight(loader, &ctc->w, CSI_SHAPE(rows, d, 1), "decoder.decoder_layers.0.weight");
    return code ? code : csi_load_weight(loader, &ctc->b, CSI_SHAPE(rows), "decoder.decoder_layers.0.bias");
}

static cs_err load(aed_net *net, bool is_aligner, cs_error *err)
{
    cs_model *m = &net->model;
    csi_loader loader = {.archive = m->archive, .arena = &m->arena, .err = err};
    csi_cache cache = {.env = &m->env, .pool = m->pool};
    cs_err code;
    if ((code = csi_mel_load(&loader, &m->mel))
        || (code = csi_encoder_load(&m->env, &loader, m->mel.n_mels, &m->encoder))
        || (code =
                is_aligner ? load_ctc(&loader, m->encoder.d, &m->ctc) : csi_aed_load(&loader, m->encoder.d, &net->aed)))
        return code;
    if ((code = csi_weights_settle(m, &loader, &cache)))
        return code;
    if (!is_aligner)
        csi_aed_pack(&m->env, m->pool, &net->aed, &m->packed);
    return CS_OK;
}

/* whole NULL: the archive at path, else the aligner in it. */
static cs_err open_net(aed_net *net, const char *path, const csi_archive *whole, cs_precision precision,
                       const char *cpu_path, int threads, cs_error *err)
{
    csi_cpu_path cpu;
    *net = (aed_net){.model = {.precision = precision}};
    cs_model *m = &net->model;
    cs_err code = csi_cpu_choose(cpu_path, &cpu, err);
    if (code)
        return code;
    csi_env_init(&m->env, NULL, NULL, NULL);
    csi_arena_init(&m->arena, &m->env);
    m->ops = csi_ops_for(cpu);
    net->scratch.env = &m->env;
    code = csi_pool_create(&m->env, threads, &m->pool, err);
    if (!code)
        code = whole ? csi_archive_part(whole, "timestamps_asr_model", &m->archive, err)
                     : csi_archive_open(&m->env, path, &m->archive, err);
    code = code ? code : load(net, whole != NULL, err);
    if (code) {
        aed_net_close(net);
        return code;
    }
    net->run = (csi_run){.ops = m->ops, .pool = m->pool, .max_threads = threads};
    return CS_OK;
}

cs_err aed_net_open(aed_net *net, const char *path, cs_precision precision, const char *cpu_path, int threads,
                    cs_error *err)
{
    return open_net(net, path, NULL, precision, cpu_path, threads, err);
}

cs_err aed_net_open_aligner(aed_net *aligner, const aed_net *net, cs_error *err)
{
    return open_net(aligner, NULL, net->model.archive, CS_PRECISION_F32, NULL, 1, err);
}

void aed_net_close(aed_net *net)
{
    cs_model *m = &net->model;
    if (!m->ops)
        return;
    csi_floats_finish(&net->scratch);
    if (m->encoder.positions)
        csi_encoder_finish(&m->encoder);
    csi_free(&m->env, m->packed);
    csi_free(&m->env, m->block);
    csi_archive_close(m->archive);
    csi_pool_free(m->pool);
    csi_arena_finish(&m->arena);
    *net = (aed_net){.aed = {0}};
}

float *aed_samples(const golden_data *data, const json_t *one, size_t *n)
{
    size_t samples = 0;
    float *cut = golden_cut(data, one, &samples);
    const size_t missing = samples < 16000 ? 16000 - samples : 0;
    float *pcm = cut ? calloc(samples + missing, sizeof *pcm) : NULL;
    *n = samples + missing;
    if (pcm)
        memcpy(pcm + (missing + 1) / 2, cut, samples * sizeof *pcm);
    free(cut);
    return pcm;
}

static cs_err reserve_scratch(aed_net *net, int64_t n_frames, cs_error *err)
{
    size_t floats = csi_encoder_scratch(&net->model.encoder, n_frames, false);
    floats = CSI_MAX(floats, csi_mel_scratch(&net->model.mel));
    floats = CSI_MAX(floats, net->aed.d ? csi_aed_scratch(&net->aed, n_frames) : 0);
    floats = (floats + 15) / 16 * 16;
    cs_err code = csi_floats_reserve(&net->scratch, floats * (size_t)net->run.max_threads, "the scratch", err);
    net->run.scratch = net->scratch.data;
    net->run.scratch_floats = floats;
    return code;
}

static float *frames_of(aed_net *net, const float *panels, int64_t rows, int64_t columns)
{
    float *frames = csi_alloc_array(&net->model.env, (size_t)(rows * columns), sizeof *frames);
    if (frames)
        csi_panels_to_frames(&net->run, panels, rows, columns, frames, rows);
    return frames;
}

cs_err aed_clip_make(aed_net *net, aed_clip *clip, const float *pcm, size_t n_samples, cs_error *err)
{
    cs_model *m = &net->model;
    csi_utterance u = {.n_mel_frames = csi_mel_frames(&m->mel, (int64_t)n_samples)};
    const csi_encoder_hooks hooks = {.user = NULL};
    float *out = NULL;
    *clip = (aed_clip){.work = {&m->env, NULL, 0}, .memory = {&m->env, NULL, 0}, .cross = {&m->env, NULL, 0}};
    clip->n_frames = csi_encoder_frames(&m->encoder, u.n_mel_frames);
    u.n_frames = clip->n_frames;
    float *mel = csi_alloc_array(&m->env, (size_t)(u.n_mel_frames * m->mel.n_mels), sizeof *mel);
    cs_err code = mel ? reserve_scratch(net, clip->n_frames, err) : csi_fail_memory(err, 0, "the mel features");
    if (!code) {
        csi_mel_run(&net->run, &m->mel, pcm, (int64_t)n_samples, mel);
        u.mel = mel;
        code = csi_encoder_run(&net->run, &m->encoder, &clip->work, &m->encoder.contexts[0], &u, 1, &hooks, &out, err);
    }
    csi_free(&m->env, mel);
    clip->encoder = out;
    if (!code && !net->aed.d)
        return CS_OK;
    code = code
               ? code
               : csi_floats_reserve(&clip->memory, csi_aed_states_floats(&net->aed, clip->n_frames), "the states", err);
    code = code ? code
                : csi_floats_reserve(&clip->cross, csi_aed_cross_floats(&net->aed, clip->n_frames), "the keys", err);
    if (code)
        return code;
    for (size_t i = 0; i < clip->memory.n; i++)
        clip->memory.data[i] = (float)INFINITY; /* what is not written must not be read */
    clip->states = csi_aed_states(&net->run, &net->aed, clip->encoder, 0, clip->n_frames, clip->memory.data);
    clip->encoder_frames = frames_of(net, clip->encoder, m->encoder.d, clip->n_frames);
    clip->state_frames = frames_of(net, clip->states, net->aed.d, clip->n_frames);
    return clip->encoder_frames && clip->state_frames ? CS_OK : csi_fail_memory(err, 0, "the frames");
}

void aed_clip_free(aed_clip *clip)
{
    const csi_env *env = clip->work.env;
    if (!env)
        return;
    csi_free(env, clip->encoder_frames);
    csi_free(env, clip->state_frames);
    csi_floats_finish(&clip->work);
    csi_floats_finish(&clip->memory);
    csi_floats_finish(&clip->cross);
}

cs_err aed_cache_make(aed_net *net, aed_clip *clip, const csi_aed_room *room, csi_aed_cache *cache, float **memory,
                      cs_error *err)
{
    const size_t floats = csi_aed_cache_floats(&net->aed, room);
    *memory = csi_alloc_array(&net->model.env, floats, sizeof **memory);
    if (!*memory)
        return csi_fail_memory(err, floats * sizeof **memory, "the decoder's cache");
    for (size_t i = 0; i < floats; i++)
        (*memory)[i] = (float)INFINITY; /* the same */
    csi_aed_cache_init(&net->aed, room, *memory, cache);
    csi_aed_cross(&net->run, &net->aed, clip->states, cache, clip->cross.data);
    return CS_OK;
}
