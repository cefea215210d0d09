/* SPDX-License-Identifier: MIT
 *
 * Inputs, on a worker: read, decode, transcribe each wanted channel, write the results into memory. Nothing is printed
 * here; an outcome says what there is to say.
 *
 * Short files are transcribed together, over one reading of the weights. What can keep a reader waiting (standard input,
 * a pipe) is never read while others wait for it, and a file that makes the sound too long for one go waits itself. */
#define _XOPEN_SOURCE 700
#include "task.h"
#include "common/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Seconds of sound at a time: more gains nothing, and the first results would come later. */
static const double together_seconds = 30;

/* One input on its way. */
typedef struct heard {
    int32_t item;
    bool is_read;
    cs_audio *audio; /* NULL: could not be read */
    double seconds;  /* of all channels */
    outcome *outcome;
    cs_err code;
    cs_error err;
} heard;

typedef struct hearing {
    task *task;
    int worker;
    heard inputs[TASK_TOGETHER];
    int n_inputs;
    double seconds;
} hearing;

static int status_of(cs_err code)
{
    switch (code) {
    case CS_OK:
        return APP_DONE;
    case CS_ECANCELLED:
        return APP_INTERRUPTED;
    case CS_EINVAL: /* an option that does not fit this model, a wrong --raw: the same for every input */
        return APP_USAGE;
    case CS_ENOMEM:
    case CS_ESYSTEM:
        return APP_SYSTEM;
    default:
        return APP_INPUT;
    }
}

static bool is_unwanted(const task *t)
{
    return interrupt_wanted() || atomic_load_explicit(&t->stop, memory_order_relaxed);
}

static int on_progress(void *user, double done_seconds, double total_seconds)
{
    hearing *h = user;
    (void)total_seconds;
    progress_running(&h->task->bar, h->worker, done_seconds);
    return is_unwanted(h->task);
}

/* All of standard input; between pieces an interrupt is looked for. */
static cs_err read_stdin(const task *t, textbuf *bytes, cs_error *err)
{
    static const int wait_ms = 100;
    char piece[1 << 16];
    for (;;) {
        struct pollfd in = {.fd = 0, .events = POLLIN};
        if (is_unwanted(t))
            return err->code = CS_ECANCELLED;
        if (poll(&in, 1, wait_ms) == 0)
            continue;
        ssize_t n = read(0, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            snprintf(err->message, sizeof err->message, "standard input: cannot read: %s", strerror(errno));
            return err->code = CS_EIO;
        }
        if (n == 0)
            return CS_OK;
        textbuf_append(bytes, piece, (size_t)n);
        if (bytes->failed) {
            snprintf(err->message, sizeof err->message, "standard input: out of memory after %zu bytes", bytes->size);
            return err->code = CS_ENOMEM;
        }
    }
}

static cs_err read_audio(const task *t, const char *path, cs_audio **audio, cs_error *err)
{
    cs_audio_options options = t->audio;
    bool is_stdin = strcmp(path, "-") == 0;
    if (t->raw_stdin_only && !is_stdin)
        options.raw = NULL;
    if (!is_stdin)
        return cs_audio_read_file(path, &options, audio, err);
    textbuf bytes = {0};
    cs_err code = read_stdin(t, &bytes, err);
    if (code == CS_OK)
        code = cs_audio_read_memory("standard input", bytes.data, bytes.size, &options, audio, err);
    textbuf_free(&bytes);
    return code;
}

/* The name a result carries: JSON gets "x.wav#1" for one channel of several, CTM the bare name without ending. */
static void name_result(const task *t, const char *path, int32_t channel, char *name, size_t size)
{
    if (t->format == CS_FORMAT_CTM) {
        const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
        snprintf(name, size, "%.*s", (int)(dot && dot > base ? dot - base : (long)strlen(base)), base);
    } else if (t->audio.channel == CS_CHANNEL_EACH) {
        snprintf(name, size, "%s#%d", path, channel);
    } else {
        snprintf(name, size, "%s", path);
    }
}

static cs_err write_channel(task *t, const char *path, int32_t channel, const cs_result *result, textbuf *piece,
                            cs_error *err)
{
    char name[4200];
    cs_write_options write = t->write;
    name_result(t, path, channel, name, sizeof name);
    write.file = name;
    write.channel = t->audio.channel == CS_CHANNEL_EACH ? channel + 1
                    : t->audio.channel >= 0             ? t->audio.channel + 1
                                                        : 1;
    if (t->dumping)
        dump_result(&t->dump, result, name);
    cs_err code = cs_result_write(result, t->format, &write, textbuf_sink, piece, err);
    if (code == CS_EIO && piece->failed) {
        code = err->code = CS_ENOMEM;
        snprintf(err->message, sizeof err->message, "out of memory for the result");
    }
    return code;
}

static void note_remark(const task *t, outcome *o, const char *path, int32_t channel, const char *remark)
{
    char which[16] = "";
    if (t->audio.channel == CS_CHANNEL_EACH)
        snprintf(which, sizeof which, "#%d", channel);
    textbuf_printf(&o->remarks, "%s%s: %s", strcmp(path, "-") == 0 ? "standard input" : path, which, remark);
    textbuf_append(&o->remarks, "", 1);
}

static void describe_failure(outcome *o, const char *path, const cs_error *err, cs_err code)
{
    o->status = status_of(code);
    const char *message = err->message[0] ? err->message : cs_err_text(code);
    bool named = strstr(message, path) == message || strcmp(path, "-") == 0;
    snprintf(o->message, sizeof o->message, "%.150s%s%.480s", named ? "" : path, named ? "" : ": ", message);
}

/* All channels of all inputs that could be read: what cs_session_transcribe_batch() wants. */
typedef struct channels {
    size_t n;
    const float **pcm;
    size_t *n_samples;
    cs_result **results;
    cs_error *errors;
} channels;

static bool list_channels(const hearing *h, channels *c)
{
    size_t n = 0;
    for (int i = 0; i < h->n_inputs; i++)
        n += h->inputs[i].code == CS_OK ? (size_t)h->inputs[i].audio->n_channels : 0;
    *c = (channels){.pcm = calloc(n + 1, sizeof *c->pcm),
                    .n_samples = calloc(n + 1, sizeof *c->n_samples),
                    .results = calloc(n + 1, sizeof(cs_result *)),
                    .errors = calloc(n + 1, sizeof *c->errors)};
    if (!c->pcm || !c->n_samples || !c->results || !c->errors)
        return false;
    for (int i = 0; i < h->n_inputs; i++) {
        const cs_audio *audio = h->inputs[i].audio;
        for (int32_t k = 0; h->inputs[i].code == CS_OK && k < audio->n_channels; k++) {
            c->pcm[c->n] = audio->channels[k];
            c->n_samples[c->n++] = audio->n_samples;
        }
    }
    return true;
}

static void drop_channels(channels *c)
{
    for (size_t i = 0; i < c->n; i++)
        cs_result_free(c->results[i]);
    free(c->pcm);
    free(c->n_samples);
    free(c->results);
    free(c->errors);
}

/* The results, or the errors, to their inputs. */
static void share_out(hearing *h, channels *c, cs_err code, const cs_error *err)
{
    size_t at = 0;
    for (int i = 0; i < h->n_inputs; i++) {
        heard *in = &h->inputs[i];
        if (in->code != CS_OK)
            continue;
        const size_t end = at + (size_t)in->audio->n_channels;
        in->code = code;
        if (code != CS_OK)
            in->err = *err;
        for (int32_t k = 0; at < end && in->code == CS_OK; k++, at++) {
            const char *path = h->task->inputs.items[in->item].path;
            in->code = c->errors[at].code;
            in->err = c->errors[at];
            if (in->code == CS_OK && c->results[at]->warning)
                note_remark(h->task, in->outcome, path, k, c->results[at]->warning);
            if (in->code == CS_OK)
                in->code = write_channel(h->task, path, k, c->results[at], &in->outcome->pieces[k], &in->err);
            in->outcome->n_pieces = k + 1;
        }
        if (in->code == CS_EINVAL) /* the options suit the model: it is this recording that they do not suit */
            in->code = CS_EUNSUPPORTED;
        at = end;
    }
}

static void transcribe_inputs(hearing *h)
{
    task *t = h->task;
    cs_session **session = &t->sessions[h->worker];
    cs_transcribe_options options = t->transcribe;
    cs_error err = {0};
    channels c;
    cs_err code = CS_OK;
    options.progress = on_progress;
    options.progress_user = h;
    if (t->dumping) {
        options.tensor = dump_tensor;
        options.tensor_user = &t->dump;
    }
    if (!list_channels(h, &c))
        code = err.code = CS_ENOMEM;
    if (code == CS_OK && c.n > 0 && !*session)
        code = cs_session_create(t->model, session, &err);
    if (code == CS_OK && c.n > 0)
        code = cs_session_transcribe_batch(*session, c.n, c.pcm, c.n_samples, &options, c.results, c.errors, &err);
    share_out(h, &c, code, &err);
    drop_channels(&c);
}

static void read_input(hearing *h, heard *in)
{
    task *t = h->task;
    in->is_read = true;
    in->code = is_unwanted(t) ? CS_ECANCELLED : read_audio(t, t->inputs.items[in->item].path, &in->audio, &in->err);
    int32_t n_channels = in->code == CS_OK ? in->audio->n_channels : 0;
    in->outcome = calloc(1, sizeof *in->outcome + (size_t)n_channels * sizeof *in->outcome->pieces);
    if (!in->outcome && in->code == CS_OK)
        in->code = CS_ENOMEM;
    if (in->code == CS_OK && in->audio->warning)
        snprintf(in->outcome->warning, sizeof in->outcome->warning, "%s", in->audio->warning);
    if (n_channels)
        in->seconds = (double)in->audio->n_samples / in->audio->rate_hz * n_channels;
    progress_known(&t->bar, in->seconds);
}

static void add_input_read(hearing *h, const heard *in)
{
    h->inputs[h->n_inputs++] = *in;
    h->seconds += in->seconds;
}

/* Its bytes are there: reading it does not wait for anybody. */
static bool is_at_hand(const char *path)
{
    struct stat st;
    return strcmp(path, "-") != 0 && (stat(path, &st) != 0 || S_ISREG(st.st_mode));
}

/* Take more inputs as long as they are short. One that was taken and has to wait is left in *later. */
static void gather(hearing *h, jobs_seat *seat, heard *later)
{
    while (h->seconds < together_seconds && h->n_inputs < TASK_TOGETHER) {
        *later = (heard){.item = jobs_more(seat)};
        if (later->item < 0 || !is_at_hand(h->task->inputs.items[later->item].path))
            return;
        read_input(h, later);
        if (h->seconds + later->seconds > together_seconds)
            return;
        add_input_read(h, later);
        later->item = -1;
    }
}

static void end_inputs(hearing *h, jobs_seat *seat)
{
    progress_done(&h->task->bar, h->worker, h->seconds, h->n_inputs);
    for (int i = 0; i < h->n_inputs; i++) {
        heard *in = &h->inputs[i];
        cs_audio_free(in->audio);
        if (in->outcome && in->code != CS_OK)
            describe_failure(in->outcome, h->task->inputs.items[in->item].path, &in->err, in->code);
        jobs_end(seat, in->item, in->outcome);
    }
    h->n_inputs = 0;
    h->seconds = 0;
}

void hear_inputs(void *user, int32_t item, int worker, jobs_seat *seat)
{
    hearing h = {.task = user, .worker = worker};
    heard next = {.item = item};
    while (next.item >= 0) {
        if (!next.is_read)
            read_input(&h, &next);
        add_input_read(&h, &next);
        next.item = -1;
        gather(&h, seat, &next);
        transcribe_inputs(&h);
        end_inputs(&h, seat);
    }
}
