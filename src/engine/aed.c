/* SPDX-License-Identifier: MIT
 *
 * A Canary's decoder over one utterance: encoder -> states -> their keys and values -> prompt -> search, token after token.
 *
 * The weights of a step are read once however many beams there are; utterances take turns. All memory is the session's. */
#include "engine/engine.h"

/* An utterance in progress. */
typedef struct hearing {
    csi_call *call;
    csi_item *item;
    const csi_aed *net;
    csi_encoder_hooks hooks;
    csi_aed_cache cache;
    float *states, *cross, *keys, *logits, *shown; /* in the session's buffer */
    int64_t limit;                                 /* tokens, prompt included */
    int64_t expected;                              /* tokens of the answer, about; of the progress */
} hearing;

static void decoder_tensor(void *user, const char *name, int32_t n_dims, const int64_t *dims, const float *data)
{
    const csi_call *c = user;
    c->options.tensor(c->options.tensor_user, name, n_dims, dims, data);
}

/* -------------------------------------------------------------------- memory */

/* Room for the longest prompt that "auto" may lead to, which is not known yet. */
static csi_aed_room room_for(const hearing *h)
{
    const csi_ask *ask = &h->call->ask;
    const int32_t prompt = ask->tells ? h->net->max_positions : (int32_t)(ask->prompt.size / sizeof(int32_t));
    return (csi_aed_room){.n_frames = h->item->n_frames,
                          .n_positions = (int32_t)CSI_MAX(h->limit, prompt),
                          .n_beams = ask->search.beams,
                          .n_tokens = prompt};
}

static cs_err reserve(hearing *h)
{
    csi_floats *memory = &h->call->session->decoder;
    const csi_aed_room room = room_for(h);
    const size_t sizes[] = {csi_aed_states_floats(h->net, room.n_frames), csi_aed_cross_floats(h->net, room.n_frames),
                            csi_aed_cache_floats(h->net, &room), (size_t)room.n_beams * (size_t)h->net->classes,
                            h->call->options.tensor ? (size_t)(room.n_frames * h->net->d) : 0};
    float **const places[] = {&h->states, &h->cross, &h->keys, &h->logits, &h->shown};
    cs_err code = csi_floats_reserve(memory, csi_floats_place(NULL, sizes, places, CSI_COUNT(sizes)), "the decoder",
                                     h->call->err);
    if (code)
        return code;
    csi_floats_place(memory->data, sizes, places, CSI_COUNT(sizes));
    csi_aed_cache_init(h->net, &room, h->keys, &h->cache);
    return CS_OK;
}

/* ---------------------------------------------------------------------- steps */

static void show_states(const hearing *h, const float *states)
{
    const csi_call *c = h->call;
    const int64_t n = h->item->n_frames, d = h->net->d;
    if (!c->options.tensor)
        return;
    csi_panels_to_frames(&c->run, states, d, n, h->shown, d);
    c->options.tensor(c->options.tensor_user, "states", 2, (int64_t[]){n, d}, h->shown);
}

static void show_scores(const hearing *h, int32_t n_lines, const float *scores)
{
    const csi_call *c = h->call;
    if (c->options.tensor)
        c->options.tensor(c->options.tensor_user, "scores", 2, (int64_t[]){n_lines, h->net->classes}, scores);
}

static cs_err step(void *user, const csi_aed_turn *turn, float *logits, cs_error *err)
{
    hearing *h = user;
    (void)err;
    csi_aed_step(&h->call->run, h->net, &h->cache, turn->n_lines, turn->parents, turn->tokens, turn->n_tokens,
                 (int32_t)turn->position, logits);
    show_scores(h, turn->n_lines, logits);
    h->item->n_steps++;
    return CS_OK;
}

static int stop(void *user)
{
    const hearing *h = user;
    const double heard = CSI_SHARE_CANARY_HEARD / 100.0, said = (double)h->item->n_steps / (double)h->expected;
    return csi_call_told(h->call, heard + (1 - heard) * CSI_MIN(said, 1));
}

/* ------------------------------------------------------------------- language */

/* What follows the beginning of a prompt: the language that the decoder hears. It has to be the best of all tokens, not only of the
 * languages: a decoder that never learned to tell says something else. Source: NeMo Canary2PromptFormatter, turn "user_partial",
 * whose emotion is taken from the slots here. */
static cs_err tell_language(hearing *h)
{
    csi_call *c = h->call;
    const csi_prompt *prompt = &c->model->canary.prompt;
    const char *emotion = c->ask.slots.emotion ? c->ask.slots.emotion : prompt->defaults.emotion;
    const int32_t id = csi_tokenizer_find(c->model->tokenizer, emotion);
    csi_buf_clear(&c->ask.prompt);
    cs_err code = csi_prompt_beginning(prompt, &c->ask.prompt, c->err);
    csi_buf_append(&c->ask.prompt, &id, sizeof id);
    if (!code && c->ask.prompt.failed)
        code = csi_fail_memory(c->err, 64, "a prompt");
    if (code)
        return code;
    const csi_aed_turn turn = {.tokens = (const int32_t *)(const void *)c->ask.prompt.data,
                               .n_lines = 1,
                               .n_tokens = (int32_t)(c->ask.prompt.size / sizeof(int32_t))};
    step(h, &turn, h->logits, c->err);
    const int32_t best = (int32_t)c->model->ops->argmax(h->logits, h->net->classes);
    const char *piece = csi_tokenizer_piece(c->model->tokenizer, best);
    h->item->language = piece ? csi_prompt_language(prompt, piece) : NULL;
    if (!h->item->language) {
        h->item->code =
            csi_fail(h->item->err, CS_EUNSUPPORTED, -1,
                     "%s does not tell the language of this recording, expected one to be named", c->model->info.name);
        return CS_OK;
    }
    return csi_ask_prompt(c, h->item->language);
}

/* --------------------------------------------------------------------- search */

static cs_err take_lines(hearing *h, const csi_aed_search *s)
{
    csi_item *item = h->item;
    const csi_ask *ask = &h->call->ask;
    const csi_env *env = &h->call->model->env;
    const int32_t best = csi_aed_best(s), last = s->n_tokens ? s->tokens[best] : s->options.end;
    item->n_looped = s->looped;
    item->n_cut = !s->looped && last != s->options.end && last != s->options.pad;
    cs_err code = csi_aed_line(s, best, &item->emissions, h->call->err);
    const int32_t n = s->n_tokens ? CSI_MIN(ask->n_best, s->options.beams) : 0;
    item->others = code || n == 0 ? NULL : csi_alloc_array(env, (size_t)n, sizeof *item->others);
    if (!code && n && !item->others)
        return csi_fail_memory(h->call->err, (size_t)n * sizeof *item->others, "the alternatives");
    for (int32_t i = 0; i < n && !code; i++) {
        item->others[item->n_others++] = (csi_emissions){.env = env};
        code = csi_aed_line(s, i, &item->others[i], h->call->err);
    }
    return code;
}

static cs_err search(hearing *h)
{
    csi_call *c = h->call;
    csi_aed_options options = c->ask.search;
    csi_aed_search s;
    options.prompt = (const int32_t *)(const void *)c->ask.prompt.data;
    options.n_prompt = (int32_t)(c->ask.prompt.size / sizeof(int32_t));
    options.limit = h->limit;
    cs_err code = csi_aed_begin(&s, &c->model->env, c->model->ops, &options, c->err);
    code = code ? code : csi_aed_run(&s, step, h, h->logits, stop, h, c->err);
    code = code ? code : take_lines(h, &s);
    csi_aed_finish(&s);
    return code;
}

cs_err csi_aed_hear(csi_call *c, csi_item *item, const csi_utterance *utterance, const float *encoded)
{
    const csi_aed *net = &c->model->canary.net;
    const int64_t most = net->max_positions;
    hearing h = {.call = c, .item = item, .net = net, .hooks = {.tensor = decoder_tensor, .user = c}};
    h.limit = c->ask.delta < 0 ? most : CSI_MIN(most, item->n_frames + c->ask.delta);
    h.expected = item->n_frames / 3 + 1;
    item->language = c->ask.language;
    uint64_t clock = csi_now_ns();
    cs_err code = reserve(&h);
    if (code)
        return code;
    h.cache.hooks = c->options.tensor ? &h.hooks : NULL;
    const float *states = csi_aed_states(&c->run, net, encoded, utterance->column, item->n_frames, h.states);
    show_states(&h, states);
    csi_aed_cross(&c->run, net, states, &h.cache, h.cross);
    csi_call_spent(c, &clock, "states");
    code = c->ask.tells ? tell_language(&h) : CS_OK;
    code = code || item->code ? code : search(&h);
    item->target = c->ask.target ? c->ask.target : item->language;
    csi_call_spent(c, &clock, "decode");
    return code;
}
