/* SPDX-License-Identifier: MIT
 *
 * The prompt of a Canary decoder: special tokens that say what is spoken, what to write and how. NeMo's templates:
 *
 *   canary    <|startoftranscript|> SOURCE TASK TARGET PNC
 *   canary2   <|startofcontext|> context <|startoftranscript|> EMOTION SOURCE TARGET PNC ITN TIMESTAMP DIARIZE
 *
 * In an aggregate tokenizer each token is looked up, and the context is cut by the target language's part. One tokenizer for all
 * cuts the whole line, which puts its lone U+2581 in front, as that model was trained.
 */
#include "text/text_inside.h"

#include <stdio.h>

#define BEGIN_CONTEXT "<|startofcontext|>"
#define BEGIN_TEXT    "<|startoftranscript|>"

static const char *const emotions[] = {"<|emo:undefined|>", "<|emo:neutral|>", "<|emo:angry|>", "<|emo:happy|>",
                                       "<|emo:sad|>"};

/* --------------------------------------------------------------- languages */

/* "<|xx|>", "<|xxx|>" or "<|xx-YY|>", and not a switch; then *n is the length of the name within. */
static bool is_language(const char *piece, size_t *n)
{
    static const char *const switches[] = {"pnc", "itn"};
    size_t size = strlen(piece), letters = 0;
    if (size < 6 || memcmp(piece, "<|", 2) != 0 || memcmp(piece + size - 2, "|>", 2) != 0)
        return false;
    *n = size - 4;
    const char *name = piece + 2;
    while (letters < *n && name[letters] >= 'a' && name[letters] <= 'z')
        letters++;
    if (letters < 2 || letters > 3)
        return false;
    for (size_t i = 0; i < CSI_COUNT(switches); i++)
        if (letters == *n && *n == strlen(switches[i]) && memcmp(name, switches[i], *n) == 0)
            return false;
    return letters == *n || (*n == letters + 3 && name[letters] == '-');
}

/* "en, de, es, fr" into out, cut with "..." where it does not fit. */
static const char *list_languages(const csi_prompt *prompt, char *out, size_t size)
{
    size_t at = 0;
    out[0] = 0;
    for (size_t i = 0; i < prompt->n_languages; i++) {
        if (at + strlen(prompt->languages[i]) + 8 > size) {
            snprintf(out + at, size - at, ", ...");
            break;
        }
        at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "", prompt->languages[i]);
    }
    return out;
}

const char *csi_prompt_language(const csi_prompt *prompt, const char *name)
{
    size_t n = strlen(name);
    if (n > 4 && memcmp(name, "<|", 2) == 0 && memcmp(name + n - 2, "|>", 2) == 0) {
        name += 2;
        n -= 4;
    }
    for (size_t i = 0; i < prompt->n_languages; i++)
        if (strlen(prompt->languages[i]) == n && memcmp(prompt->languages[i], name, n) == 0)
            return prompt->languages[i];
    return NULL;
}

static cs_err collect_languages(csi_arena *arena, csi_prompt *prompt, cs_error *err)
{
    const csi_tokenizer *tokenizer = prompt->tokenizer;
    const char **names = csi_arena_array(arena, (size_t)tokenizer->n_pieces, sizeof *names);
    if (!names)
        return csi_fail_memory(err, (size_t)tokenizer->n_pieces * sizeof *names, "the languages");
    for (int32_t id = 0; id < tokenizer->n_pieces; id++) {
        const char *piece = csi_tokenizer_piece(tokenizer, id);
        size_t n;
        int32_t first;
        if (!is_language(piece, &n) || csi_tokenizer_find(tokenizer, piece) != id)
            continue;
        char *name = csi_arena_text(arena, piece + 2, n);
        if (!name)
            return csi_fail_memory(err, n, "a language's name");
        if (csi_tokenizer_part_of(tokenizer, name, &first))
            names[prompt->n_languages++] = name;
    }
    prompt->languages = names;
    if (prompt->n_languages == 0)
        return csi_fail(err, CS_EMODEL, -1, "the model's vocabulary has no language, expected tokens such as <|en|>");
    return CS_OK;
}

/* -------------------------------------------------------------------- open */

cs_err csi_prompt_open(csi_arena *arena, const csi_tokenizer *tokenizer, const char *format, csi_prompt *prompt,
                       cs_error *err)
{
    static const char *const formats[] = {"canary", "canary2"};
    char shown[64];
    size_t i = 0;
    while (i < CSI_COUNT(formats) && strcmp(formats[i], format) != 0)
        i++;
    if (i == CSI_COUNT(formats))
        return csi_fail(err, CS_EUNSUPPORTED, -1, "prompt format \"%s\", expected canary or canary2",
                        csi_printable(shown, sizeof shown, format, strlen(format)));
    *prompt = (csi_prompt){.tokenizer = tokenizer, .format = (csi_prompt_format)i};
    cs_err code = collect_languages(arena, prompt, err);
    if (code)
        return code;
    const char *english = csi_prompt_language(prompt, "en"), *language = english ? english : prompt->languages[0];
    prompt->defaults = (csi_prompt_slots){.source = language,
                                          .target = language,
                                          .context = "",
                                          .emotion = emotions[0],
                                          .punctuation = CS_CHOICE_YES,
                                          .itn = CS_CHOICE_NO,
                                          .timestamps = CS_CHOICE_NO,
                                          .diarize = CS_CHOICE_NO};
    return CS_OK;
}

/* ----------------------------------------------------- slots as NeMo names them */

static bool is_one_of(const char *text, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, texts[i]) == 0)
            return true;
    return false;
}

static cs_err bad_value(const char *slot, const char *value, const char *expected, cs_error *err)
{
    char shown[64];
    return csi_fail(err, CS_EINVAL, -1, "prompt slot %s is \"%s\", expected %s", slot,
                    csi_printable(shown, sizeof shown, value, strlen(value)), expected);
}

/* What NeMo takes for yes and for no, and that "Yes" means no to it. */
static cs_err set_choice(cs_choice *choice, const char *slot, const char *value, cs_error *err)
{
    static const char *const yes[] = {"yes", "true", "True", "1"};
    static const char *const no[] = {"no", "No", "false", "False", "0", "Yes"};
    char names[4][32];
    snprintf(names[0], sizeof names[0], "%s", slot);
    snprintf(names[1], sizeof names[1], "<|%s|>", slot);
    snprintf(names[2], sizeof names[2], "no%s", slot);
    snprintf(names[3], sizeof names[3], "<|no%s|>", slot);
    if (is_one_of(value, yes, CSI_COUNT(yes)) || strcmp(value, names[0]) == 0 || strcmp(value, names[1]) == 0)
        *choice = CS_CHOICE_YES;
    else if (is_one_of(value, no, CSI_COUNT(no)) || strcmp(value, names[2]) == 0 || strcmp(value, names[3]) == 0)
        *choice = CS_CHOICE_NO;
    else
        return bad_value(slot, value, "yes or no", err);
    return CS_OK;
}

static cs_err set_task(cs_choice *translate, const char *value, cs_error *err)
{
    static const char *const no[] = {"asr", "transcribe", "<|transcribe|>"};
    static const char *const yes[] = {"ast", "translate", "<|translate|>", "s2t_translation"};
    if (!is_one_of(value, no, CSI_COUNT(no)) && !is_one_of(value, yes, CSI_COUNT(yes)))
        return bad_value("task", value, "transcribe or translate", err);
    *translate = is_one_of(value, yes, CSI_COUNT(yes)) ? CS_CHOICE_YES : CS_CHOICE_NO;
    return CS_OK;
}

cs_err csi_prompt_set(csi_prompt_slots *slots, const char *name, const char *value, cs_error *err)
{
    if (strcmp(name, "source_lang") == 0)
        slots->source = value;
    else if (strcmp(name, "target_lang") == 0)
        slots->target = value;
    else if (strcmp(name, "decodercontext") == 0)
        slots->context = value;
    else if (strcmp(name, "emotion") == 0)
        slots->emotion = value;
    else if (strcmp(name, "task") == 0 || strcmp(name, "taskname") == 0)
        return set_task(&slots->translate, value, err);
    else if (strcmp(name, "pnc") == 0)
        return set_choice(&slots->punctuation, name, value, err);
    else if (strcmp(name, "itn") == 0)
        return set_choice(&slots->itn, name, value, err);
    else if (strcmp(name, "timestamp") == 0)
        return set_choice(&slots->timestamps, name, value, err);
    else if (strcmp(name, "diarize") == 0)
        return set_choice(&slots->diarize, name, value, err);
    else {
        char shown[64];
        return csi_fail(err, CS_EINVAL, -1,
                        "prompt slot \"%s\", expected source_lang, target_lang, task, pnc, decodercontext, emotion, "
                        "itn, timestamp or diarize",
                        csi_printable(shown, sizeof shown, name, strlen(name)));
    }
    return CS_OK;
}

/* ------------------------------------------------------------------ checks */

/* The slots with the model's defaults in what is left open. */
static csi_prompt_slots filled(const csi_prompt *prompt, const csi_prompt_slots *given)
{
    csi_prompt_slots slots = prompt->defaults;
    if (!given)
        return slots;
    const char **texts[] = {&slots.source, &slots.target, &slots.context, &slots.emotion};
    const char *const wanted[] = {given->source, given->target, given->context, given->emotion};
    cs_choice *choices[] = {&slots.translate, &slots.punctuation, &slots.itn, &slots.timestamps, &slots.diarize};
    const cs_choice chosen[] = {given->translate, given->punctuation, given->itn, given->timestamps, given->diarize};
    for (size_t i = 0; i < CSI_COUNT(texts); i++)
        if (wanted[i])
            *texts[i] = wanted[i];
    for (size_t i = 0; i < CSI_COUNT(choices); i++)
        if (chosen[i])
            *choices[i] = chosen[i];
    return slots;
}

/* *language becomes the model's own name for it. */
static cs_err check_language(const csi_prompt *prompt, const char **language, cs_error *err)
{
    char shown[64], list[360];
    const char *found = csi_prompt_language(prompt, *language);
    if (!found)
        return csi_fail(err, CS_EINVAL, -1, "language \"%s\" is none of this model, which has %s",
                        csi_printable(shown, sizeof shown, *language, strlen(*language)),
                        list_languages(prompt, list, sizeof list));
    *language = found;
    return CS_OK;
}

static cs_err check_slots(const csi_prompt *prompt, const csi_prompt_slots *slots, cs_error *err)
{
    if (strstr(slots->context, "<|"))
        return csi_fail(err, CS_EINVAL, -1, "the context has special tokens (\"<|\"), expected plain text");
    if (!is_one_of(slots->emotion, emotions, CSI_COUNT(emotions)))
        return bad_value("emotion", slots->emotion,
                         "<|emo:undefined|>, <|emo:neutral|>, <|emo:angry|>, <|emo:happy|> or <|emo:sad|>", err);
    if (prompt->format == CSI_PROMPT_CANARY2)
        return CS_OK;
    const char *extra = slots->context[0]                          ? "context"
                        : slots->timestamps == CS_CHOICE_YES       ? "times"
                        : slots->itn == CS_CHOICE_YES              ? "inverse text normalisation"
                        : slots->diarize == CS_CHOICE_YES          ? "speakers"
                        : strcmp(slots->emotion, emotions[0]) != 0 ? "emotion"
                                                                   : NULL;
    return extra
               ? csi_fail(err, CS_EINVAL, -1,
                          "the prompt of this model (format canary) has no place for %s, only for languages, task and "
                          "punctuation",
                          extra)
               : CS_OK;
}

/* --------------------------------------------------------------------- ids */

static cs_err put_token(const csi_prompt *prompt, const char *token, csi_buf *out, cs_error *err)
{
    int32_t id = csi_tokenizer_find(prompt->tokenizer, token);
    if (id < 0)
        return csi_fail(err, CS_EINVAL, -1, "the model's vocabulary has no %s, which this prompt needs", token);
    csi_buf_append(out, &id, sizeof id);
    return CS_OK;
}

static cs_err put_context(const csi_prompt *prompt, const csi_prompt_slots *slots, csi_buf *out, cs_error *err)
{
    int32_t first;
    const csi_tokenizer *part = csi_tokenizer_part_of(prompt->tokenizer, slots->target, &first);
    size_t before = out->size;
    cs_err code = csi_tokenizer_encode(part, slots->context, strlen(slots->context), out, err);
    for (size_t at = before; !code && at < out->size; at += sizeof(int32_t)) {
        int32_t id;
        memcpy(&id, out->data + at, sizeof id);
        id += first;
        memcpy(out->data + at, &id, sizeof id);
    }
    return code;
}

enum { MOST_TOKENS = 10, TOKEN_BYTES = 32 };

/* The special tokens of the prompt in order; of canary2 without its beginning. */
static size_t name_tokens(const csi_prompt *prompt, const csi_prompt_slots *slots,
                          char tokens[MOST_TOKENS][TOKEN_BYTES])
{
    static const char *const switches[] = {"pnc", "itn", "timestamp", "diarize"};
    const cs_choice choices[] = {slots->punctuation, slots->itn, slots->timestamps, slots->diarize};
    bool two = prompt->format == CSI_PROMPT_CANARY2;
    bool translate = slots->translate ? slots->translate == CS_CHOICE_YES : strcmp(slots->source, slots->target) != 0;
    size_t n = 0;
    snprintf(tokens[n++], TOKEN_BYTES, BEGIN_TEXT);
    if (two)
        snprintf(tokens[n++], TOKEN_BYTES, "%s", slots->emotion);
    snprintf(tokens[n++], TOKEN_BYTES, "<|%s|>", slots->source);
    if (!two)
        snprintf(tokens[n++], TOKEN_BYTES, "%s", translate ? "<|translate|>" : "<|transcribe|>");
    snprintf(tokens[n++], TOKEN_BYTES, "<|%s|>", slots->target);
    for (size_t i = 0; i < (two ? CSI_COUNT(switches) : 1); i++)
        snprintf(tokens[n++], TOKEN_BYTES, "<|%s%s|>", choices[i] == CS_CHOICE_YES ? "" : "no", switches[i]);
    return n;
}

/* One SentencePiece model for all: the line as a whole. */
static cs_err put_line(const csi_prompt *prompt, const char *context, char (*tokens)[TOKEN_BYTES], size_t n,
                       csi_buf *out, cs_error *err)
{
    csi_buf line;
    csi_buf_init(&line, out->env);
    if (prompt->format == CSI_PROMPT_CANARY2)
        csi_buf_text(&line, BEGIN_CONTEXT);
    csi_buf_text(&line, context);
    for (size_t i = 0; i < n; i++)
        csi_buf_text(&line, tokens[i]);
    cs_err code = line.failed ? csi_fail_memory(err, line.size, "a prompt")
                              : csi_tokenizer_encode(prompt->tokenizer, line.data, line.size, out, err);
    csi_buf_finish(&line);
    return code;
}

static cs_err put_prompt(const csi_prompt *prompt, const csi_prompt_slots *slots, char (*tokens)[TOKEN_BYTES], size_t n,
                         csi_buf *out, cs_error *err)
{
    cs_err code = CS_OK;
    if (prompt->tokenizer->kind != CSI_TOKENIZER_AGGREGATE) {
        for (size_t i = 0; i < n && !code; i++)
            if (csi_tokenizer_find(prompt->tokenizer, tokens[i]) < 0)
                code = put_token(prompt, tokens[i], out, err);
        code = code ? code : put_line(prompt, slots->context, tokens, n, out, err);
    } else {
        if (prompt->format == CSI_PROMPT_CANARY2)
            code = put_token(prompt, BEGIN_CONTEXT, out, err);
        if (!code && slots->context[0])
            code = put_context(prompt, slots, out, err);
        for (size_t i = 0; i < n && !code; i++)
            code = put_token(prompt, tokens[i], out, err);
    }
    return !code && out->failed ? csi_fail_memory(err, out->size, "a prompt") : code;
}

cs_err csi_prompt_ids(const csi_prompt *prompt, const csi_prompt_slots *given, csi_buf *out, cs_error *err)
{
    csi_prompt_slots slots = filled(prompt, given);
    char tokens[MOST_TOKENS][TOKEN_BYTES];
    cs_err code = check_language(prompt, &slots.source, err);
    code = code ? code : check_language(prompt, &slots.target, err);
    code = code ? code : check_slots(prompt, &slots, err);
    if (code)
        return code;
    size_t n = name_tokens(prompt, &slots, tokens);
    return put_prompt(prompt, &slots, tokens, n, out, err);
}

cs_err csi_prompt_beginning(const csi_prompt *prompt, csi_buf *out, cs_error *err)
{
    char list[300];
    if (prompt->format != CSI_PROMPT_CANARY2)
        return csi_fail(
            err, CS_EINVAL, -1,
            "this model (prompt format canary) cannot tell the language itself, expected one of its own: %s",
            list_languages(prompt, list, sizeof list));
    char tokens[1][TOKEN_BYTES] = {BEGIN_TEXT};
    return put_prompt(prompt, &prompt->defaults, tokens, 1, out, err);
}
