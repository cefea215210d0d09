/* SPDX-License-Identifier: MIT
 *
 * Outcomes to files, on the main thread and in input order. One stream (standard output or -o) says which file a
 * result belongs to when there are several; --output-dir makes a file for each. A failed input is told at once and
 * listed again at the end, for whoever looks only there. */
#define _XOPEN_SOURCE 700
#include "task.h"
#include "common/interrupt.h"
#include "common/say.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const endings[] = {"txt", "json", "jsonl", "srt", "vtt", "ctm", "tsv"};

static void fail_output(task *t, const char *message)
{
    if (!t->output_failed && message[0])
        say("error", "output", "%s", message);
    t->output_failed = true;
    atomic_store(&t->stop, true);
}

static bool is_several(const task *t)
{
    return t->inputs.several || t->audio.channel == CS_CHANNEL_EACH;
}

/* "talk.wav:<TAB>channel 1: text" */
static void write_text(task *t, const char *path, int32_t channel, const textbuf *piece)
{
    char label[40];
    if (t->inputs.several) {
        outfile_write(&t->out, path, strlen(path));
        outfile_write(&t->out, ":\t", 2);
    }
    if (t->audio.channel == CS_CHANNEL_EACH) {
        int n = snprintf(label, sizeof label, "channel %d: ", channel);
        outfile_write(&t->out, label, (size_t)n);
    }
    outfile_write(&t->out, piece->data, piece->size);
}

/* A column in front of every row, and the heading once. */
static void write_table(task *t, const char *path, int32_t channel, const textbuf *piece)
{
    const char *row = piece->data, *end = piece->data + piece->size;
    char label[40] = "";
    if (t->audio.channel == CS_CHANNEL_EACH)
        snprintf(label, sizeof label, "#%d", channel);
    for (bool heading = true; row < end; heading = false) {
        const char *newline = memchr(row, '\n', (size_t)(end - row));
        size_t n = newline ? (size_t)(newline - row) + 1 : (size_t)(end - row);
        if (!heading || t->n_pieces == 0) {
            outfile_write(&t->out, heading ? "file" : path, strlen(heading ? "file" : path));
            outfile_write(&t->out, label, heading ? 0 : strlen(label));
            outfile_write(&t->out, "\t", 1);
            outfile_write(&t->out, row, n);
        }
        row += n;
    }
}

static void write_object(task *t, const textbuf *piece)
{
    size_t n = piece->size;
    while (n && piece->data[n - 1] == '\n')
        n--;
    outfile_write(&t->out, t->n_pieces ? ",\n" : "[\n", 2);
    outfile_write(&t->out, piece->data, n);
}

static void write_piece(task *t, const char *path, int32_t channel, const textbuf *piece)
{
    if (t->format == CS_FORMAT_TXT)
        write_text(t, path, channel, piece);
    else if (t->format == CS_FORMAT_JSON && t->as_array)
        write_object(t, piece);
    else if (t->format == CS_FORMAT_TSV && is_several(t))
        write_table(t, path, channel, piece);
    else
        outfile_write(&t->out, piece->data, piece->size);
    t->n_pieces++;
    if (t->out.error[0] || t->out.reader_gone)
        fail_output(t, t->out.error);
}

static void write_own_file(task *t, const input *item, int32_t channel, const textbuf *piece)
{
    char tag[24] = "", message[700];
    if (t->audio.channel == CS_CHANNEL_EACH)
        snprintf(tag, sizeof tag, ".ch%d", channel);
    const char *name = inputs_output_name(&t->names, t->output_folder, item, tag, endings[t->format]);
    char *folder = name ? strdup(name) : NULL;
    outfile out;
    if (!folder) {
        fail_output(t, "out of memory for file names");
        return;
    }
    *strrchr(folder, '/') = 0;
    if (!outfile_make_folders(folder)) {
        snprintf(message, sizeof message, "%.300s: cannot make this folder: %s", folder, strerror(errno));
        fail_output(t, message);
    } else if (outfile_open(&out, name)) {
        outfile_write(&out, piece->data, piece->size);
        if (!outfile_commit(&out))
            fail_output(t, out.error);
    } else {
        fail_output(t, out.error);
    }
    free(folder);
}

static void deliver_failure(task *t, const char *path, const outcome *o)
{
    if (o && o->status == APP_INTERRUPTED) {
        t->n_skipped++;
        return;
    }
    const char *message = o ? o->message : "out of memory";
    if (o && o->status == APP_USAGE) {
        if (!t->misused)
            say("error", "options", "%s", message);
        t->misused = true;
        atomic_store(&t->stop, true);
        return;
    }
    bool is_input = o && o->status == APP_INPUT;
    t->only_input_failures = (t->n_failed == 0 || t->only_input_failures) && is_input;
    t->n_failed++;
    say("error", is_input ? "audio" : "system", "%s", message);
    textbuf_printf(&t->failures, "  %s\n", path);
}

void deliver_outcome(void *user, int32_t item, void *what)
{
    task *t = user;
    outcome *o = what;
    const input *in = &t->inputs.items[item];
    progress_clear(&t->bar);
    if (o && o->warning[0])
        say("warning", "audio", "%s", o->warning);
    for (const char *at = o ? o->remarks.data : NULL; at && at < o->remarks.data + o->remarks.size;
         at += strlen(at) + 1)
        say("warning", "transcribe", "%s", at);
    if (!o || o->status != APP_DONE) {
        deliver_failure(t, in->path, o);
    } else {
        for (int32_t c = 0; c < o->n_pieces && !t->output_failed; c++) {
            if (t->output_folder)
                write_own_file(t, in, c, &o->pieces[c]);
            else
                write_piece(t, in->path, c, &o->pieces[c]);
        }
        t->n_done++;
    }
    for (int32_t c = 0; o && c < o->n_pieces; c++)
        textbuf_free(&o->pieces[c]);
    if (o)
        textbuf_free(&o->remarks);
    free(o);
}

static void tell_failures(const task *t)
{
    if (t->n_failed == 0 || t->inputs.n_items < 2)
        return;
    textbuf text = {0};
    textbuf_printf(&text, "%d of %d inputs failed:\n", t->n_failed, t->inputs.n_items);
    textbuf_append(&text, t->failures.data, t->failures.size);
    for (size_t at = 0, n; !text.failed && at < text.size; at += n) { /* pieces that never block */
        static const size_t piece_max = 4096;
        n = text.size - at < piece_max ? text.size - at : piece_max;
        say_bytes(text.data + at, n);
    }
    textbuf_free(&text);
}

int deliver_end(task *t)
{
    bool interrupted = interrupt_wanted();
    progress_clear(&t->bar);
    if (!t->output_folder && !t->output_failed && t->format == CS_FORMAT_JSON && t->as_array) {
        const char *tail = t->n_pieces ? "\n]\n" : "[]\n";
        outfile_write(&t->out, tail, strlen(tail));
    }
    if (t->out.error[0] || t->out.reader_gone)
        fail_output(t, t->out.error);
    bool to_file = t->out.target != NULL;
    if (t->output_failed || t->misused || (to_file && (interrupted || t->n_done == 0)))
        outfile_discard(&t->out);
    else if (!t->output_folder && !outfile_commit(&t->out))
        fail_output(t, t->out.error);
    tell_failures(t);
    if (interrupted) {
        say("warning", "transcribe", "interrupted: %d of %d inputs are done%s", t->n_done, t->inputs.n_items,
            to_file ? "; the output file was not written" : "");
        return interrupt_status();
    }
    if (t->misused)
        return APP_USAGE;
    if (t->output_failed)
        return t->out.reader_gone ? APP_DONE : APP_SYSTEM;
    if (t->n_failed == 0)
        return APP_DONE;
    return t->n_done > 0 ? APP_SOME_FAILED : t->only_input_failures ? APP_INPUT : APP_SYSTEM;
}
