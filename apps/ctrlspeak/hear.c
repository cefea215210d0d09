/* SPDX-License-Identifier: MIT
 *
 * One input, on a worker: read, decode, transcribe each wanted channel, write the result into memory. Nothing is
 * printed here; the outcome says what there is to say. */
#define _XOPEN_SOURCE 700
#include "task.h"
#include "common/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct hearing {
    task *task;
    int worker;
    double before_seconds; /* audio of the channels that are done */
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
    progress_running(&h->task->bar, h->worker, h->before_seconds + done_seconds);
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

static cs_err hear_channel(task *t, hearing *h, const char *path, const cs_audio *audio, int32_t channel,
                           textbuf *piece, cs_error *err)
{
    char name[4200];
    cs_transcribe_options options = t->transcribe;
    cs_write_options write = t->write;
    cs_result *result = NULL;
    options.progress = on_progress;
    options.progress_user = h;
    if (t->dumping) {
        options.tensor = dump_tensor;
        options.tensor_user = &t->dump;
    }
    cs_err code = cs_session_transcribe(t->sessions[h->worker], audio->channels[channel], audio->n_samples, &options,
                                        &result, err);
    if (code != CS_OK)
        return code;
    name_result(t, path, channel, name, sizeof name);
    write.file = name;
    write.channel = t->audio.channel == CS_CHANNEL_EACH ? channel + 1
                    : t->audio.channel >= 0             ? t->audio.channel + 1
                                                        : 1;
    if (t->dumping)
        dump_result(&t->dump, result, name);
    code = cs_result_write(result, t->format, &write, textbuf_sink, piece, err);
    if (code == CS_EIO && piece->failed) {
        code = err->code = CS_ENOMEM;
        snprintf(err->message, sizeof err->message, "out of memory for the result");
    }
    cs_result_free(result);
    return code;
}

static void describe_failure(outcome *o, const char *path, const cs_error *err, cs_err code)
{
    o->status = status_of(code);
    const char *message = err->message[0] ? err->message : cs_err_text(code);
    bool named = strstr(message, path) == message || strcmp(path, "-") == 0;
    snprintf(o->message, sizeof o->message, "%.150s%s%.480s", named ? "" : path, named ? "" : ": ", message);
}

void *hear_input(void *user, int32_t item, int worker)
{
    task *t = user;
    const char *path = t->inputs.items[item].path;
    cs_audio *audio = NULL;
    cs_error err = {0};
    hearing h = {.task = t, .worker = worker};
    outcome *o = NULL;
    cs_err code = is_unwanted(t) ? CS_ECANCELLED : read_audio(t, path, &audio, &err);
    int32_t n_channels = code == CS_OK ? audio->n_channels : 0;
    o = calloc(1, sizeof *o + (size_t)n_channels * sizeof *o->pieces);
    if (!o) {
        cs_audio_free(audio);
        return NULL;
    }
    double seconds = code == CS_OK ? (double)audio->n_samples / audio->rate_hz : 0;
    if (code == CS_OK && audio->warning)
        snprintf(o->warning, sizeof o->warning, "%s", audio->warning);
    progress_known(&t->bar, seconds * n_channels);
    if (code == CS_OK && !t->sessions[worker])
        code = cs_session_create(t->model, &t->sessions[worker], &err);
    for (int32_t c = 0; code == CS_OK && c < n_channels; c++) {
        code = hear_channel(t, &h, path, audio, c, &o->pieces[c], &err);
        h.before_seconds += seconds;
        o->n_pieces = c + 1;
    }
    progress_done(&t->bar, worker, seconds * n_channels);
    cs_audio_free(audio);
    if (code != CS_OK)
        describe_failure(o, path, &err, code);
    return o;
}
