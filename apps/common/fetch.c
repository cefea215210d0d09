/* SPDX-License-Identifier: MIT
 *
 * fetch.h by libcurl. Redirects are followed here and not by libcurl, because each hop's headers and scheme matter:
 * Hugging Face states digest and size (x-linked-etag, x-linked-size) in the answer that redirects to the store, and a
 * digest counts as authenticated only when that answer came over TLS. A hop from https to http is refused.
 *
 * Going on: with Range, and If-Range where there is a strong etag, so that a file that changed comes whole and from the
 * start. With neither an etag nor a stated digest nothing would tell a changed file, so it is fetched anew. Answers are
 * not believed: the range must begin where ours ends, lengths must agree, and no more bytes are taken than were
 * stated. */
#define _XOPEN_SOURCE 700
#include "common/fetch.h"
#include "common/byte_bar.h"
#include "common/clock.h"
#include "common/cli.h"
#include "common/interrupt.h"
#include "common/progress.h"
#include "common/say.h"
#include "ctrlspeak.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/statvfs.h>
#include <time.h>

enum {
    HOPS_MAX = 10,
    SLOWEST_BYTES_PER_SECOND = 64,
    LONGEST_WAIT_MS = 60000,
    SLICE_MS = 50,
    IGNORED_BYTES_MAX = 1 << 20, /* of an error page or a redirect's text */
    SPARE_BYTES = 1 << 20,       /* to be left free on the disk */
    SHOWN_URL = 200
};

typedef enum outcome { DONE, AGAIN, FAILED, NO_ROOM } outcome;

typedef struct transfer {
    CURL *curl;
    const fetch_options *options;
    fetch_part *part;
    fetch_answer *answer;
    byte_bar bar;
    char shown_url[SHOWN_URL + 1]; /* of this hop */
    char curl_error[CURL_ERROR_SIZE];
    bool over_tls; /* this hop */
    bool began;    /* the body of the file itself is coming in */
    bool received; /* in this run */
    bool stopped;  /* by a callback, with: */
    outcome stopped_by;
    int64_t ignored_bytes;
    int64_t heard_ms; /* when the last byte came */
} transfer;

bool fetch_possible(void)
{
    return true;
}

static outcome end(transfer *t, outcome how, const char *format, ...) __attribute__((format(printf, 3, 4)));

static outcome end(transfer *t, outcome how, const char *format, ...)
{
    va_list args;
    size_t size = sizeof t->answer->error;
    int n = snprintf(t->answer->error, size, "%s: ", t->shown_url);
    va_start(args, format);
    vsnprintf(t->answer->error + n, size - (size_t)n, format, args);
    va_end(args);
    return how;
}

/* ---------------------------------------------------------------- headers */

static const char *header(transfer *t, const char *name)
{
    struct curl_header *found;
    return curl_easy_header(t->curl, name, 0, CURLH_HEADER, -1, &found) == CURLHE_OK ? found->value : NULL;
}

static long status_of(transfer *t)
{
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

static bool is_redirect(long status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* Digest and size of the file behind the link: the first answer that states them counts. */
static void read_stated(transfer *t)
{
    const char *etag = header(t, "x-linked-etag"), *size = header(t, "x-linked-size");
    if (etag && !t->answer->sha256[0]) {
        size_t n = strlen(etag);
        if (n >= 2 && etag[0] == '"' && etag[n - 1] == '"') {
            etag++;
            n -= 2;
        }
        t->answer->authenticated = digest_parse(etag, n, t->answer->sha256) && t->over_tls;
    }
    if (size && t->answer->stated_bytes == 0)
        t->answer->stated_bytes = strtoll(size, NULL, 10);
}

/* "bytes 100-199/200", "bytes *\/200". False: not of that form. */
static bool parse_range(const char *text, int64_t *start, int64_t *total)
{
    char *at;
    if (!text || strncasecmp(text, "bytes ", 6) != 0)
        return false;
    text += 6 + strspn(text + 6, " ");
    *start = -1;
    if (*text != '*') {
        *start = strtoll(text, &at, 10);
        if (at == text)
            return false;
    }
    const char *slash = strchr(text, '/');
    *total = slash ? strtoll(slash + 1, &at, 10) : 0;
    return slash && at > slash + 1 && !*at && *total > 0;
}

/* ---------------------------------------------------------------- body */

static bool has_room(const transfer *t, int64_t needed, int64_t *free_bytes)
{
    struct statvfs disk;
    char *folder = strdup(t->part->path), *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash)
        *slash = 0;
    bool known = slash && statvfs(*folder ? folder : "/", &disk) == 0;
    free(folder);
    *free_bytes = known ? (int64_t)disk.f_bavail * (int64_t)disk.f_frsize : 0;
    return !known || needed <= *free_bytes - SPARE_BYTES;
}

/* The file itself begins: what the headers say decides whether it may. */
static outcome begin(transfer *t)
{
    fetch_part *part = t->part;
    const char *type = header(t, "content-type"), *etag = header(t, "etag");
    int64_t start = 0, total = 0, free_bytes = 0, stated = t->answer->stated_bytes;
    bool resumed = status_of(t) == 206;
    t->began = true;
    if (type && strncasecmp(type, "text/html", 9) == 0)
        return end(t, FAILED, "answered with a web page, expected a file");
    if (resumed && !parse_range(header(t, "content-range"), &start, &total))
        return end(t, FAILED, "answered with a part but does not say which");
    if (!resumed) {
        curl_off_t length = -1;
        curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
        total = length > 0 ? length : 0;
    }
    if (stated && total && stated != total)
        return end(t, FAILED, "states two lengths, %lld and %lld bytes", (long long)stated, (long long)total);
    total = total ? total : stated;
    bool changed = (part->total && part->total != total)
                   || (part->sha256[0] && t->answer->sha256[0] && strcmp(part->sha256, t->answer->sha256) != 0);
    if (resumed && (start != part->bytes || changed)) {
        fetch_part_restart(part);
        return end(t, AGAIN, "answered with another part than was asked for");
    }
    if (!resumed && !fetch_part_restart(part))
        return end(t, NO_ROOM, "%s", part->error);
    if (!has_room(t, total - part->bytes, &free_bytes)) {
        char need[BYTE_TEXT], have[BYTE_TEXT];
        return end(t, NO_ROOM, "needs %s on the disk, where %s are free", byte_text(need, total - part->bytes),
                   byte_text(have, free_bytes));
    }
    part->total = total;
    memcpy(part->sha256, t->answer->sha256, sizeof part->sha256);
    part->etag[0] = 0;
    if (etag && etag[0] == '"' && strlen(etag) < sizeof part->etag)
        memcpy(part->etag, etag, strlen(etag) + 1);
    if (!fetch_part_note(part))
        return end(t, NO_ROOM, "%s", part->error);
    byte_bar_begin(&t->bar, t->options->progress, part->bytes);
    return DONE;
}

static size_t stop(transfer *t, outcome how)
{
    t->stopped = true;
    t->stopped_by = how;
    return 0; /* not what was offered: libcurl ends the transfer */
}

static size_t on_body(char *bytes, size_t one, size_t n_bytes, void *user)
{
    transfer *t = user;
    long status = status_of(t);
    (void)one;
    t->heard_ms = clock_now_ms();
    if (status != 200 && status != 206) {
        t->ignored_bytes += (int64_t)n_bytes;
        return t->ignored_bytes <= IGNORED_BYTES_MAX ? n_bytes : 0;
    }
    if (!t->began) {
        read_stated(t);
        outcome how = begin(t);
        if (how != DONE)
            return stop(t, how);
    }
    fetch_part *part = t->part;
    if (part->total && part->bytes + (int64_t)n_bytes > part->total)
        return stop(t, end(t, FAILED, "sends more than the %lld bytes that it stated", (long long)part->total));
    if (!fetch_part_write(part, bytes, n_bytes)) {
        snprintf(t->answer->error, sizeof t->answer->error, "%s", part->error);
        return stop(t, NO_ROOM);
    }
    t->received = true;
    return n_bytes;
}

static outcome silent(transfer *t)
{
    return end(t, AGAIN, "said nothing for %d s", t->options->stall_seconds);
}

/* libcurl's own watch on the speed averages over several seconds; it is left to find those that trickle. */
static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    transfer *t = user;
    (void)total, (void)now, (void)up_total, (void)up_now;
    if (t->began)
        byte_bar_draw(&t->bar, t->part->bytes, t->part->total);
    bool stalled = clock_now_ms() - t->heard_ms > (int64_t)t->options->stall_seconds * 1000;
    if (stalled)
        stop(t, silent(t));
    return stalled || interrupt_wanted();
}

/* ---------------------------------------------------------------- one try */

/* Without what may be a password or a signature. */
static void show_url(transfer *t, const char *url)
{
    const char *host = strstr(url, "://") + 3, *at = strchr(host, '@');
    bool user = at && at < host + strcspn(host, "/?#");
    snprintf(t->shown_url, sizeof t->shown_url, "%.*s%.*s", (int)(host - url), url,
             (int)strcspn(user ? at + 1 : host, "?#"), user ? at + 1 : host);
}

static CURLcode ask(transfer *t, const char *url)
{
    struct curl_slist *headers = NULL;
    const fetch_part *part = t->part;
    char line[FETCH_ETAG + 40];
    t->began = t->stopped = false;
    t->ignored_bytes = 0;
    t->curl_error[0] = 0;
    t->heard_ms = clock_now_ms();
    t->over_tls = strncasecmp(url, "https:", 6) == 0;
    show_url(t, url);
    if (part->bytes) {
        snprintf(line, sizeof line, "Range: bytes=%lld-", (long long)part->bytes);
        headers = curl_slist_append(headers, line);
        snprintf(line, sizeof line, "If-Range: %s", part->etag);
        struct curl_slist *more = part->etag[0] && headers ? curl_slist_append(headers, line) : headers;
        if (!more) {
            curl_slist_free_all(headers);
            return CURLE_OUT_OF_MEMORY;
        }
        headers = more;
    }
    curl_easy_setopt(t->curl, CURLOPT_URL, url);
    curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(t->curl);
    curl_easy_setopt(t->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return code;
}

static outcome judge_failure(transfer *t, CURLcode code)
{
    const char *why = t->curl_error[0] ? t->curl_error : curl_easy_strerror(code);
    switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: /* a matter of patience only where it worked a moment ago */
        return end(t, t->received ? AGAIN : FAILED, "cannot be reached: %s", why);
    case CURLE_OPERATION_TIMEDOUT:
        return silent(t);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
        if (t->part->total)
            return end(t, AGAIN, "broke off after %lld of %lld bytes", (long long)t->part->bytes,
                       (long long)t->part->total);
        return end(t, AGAIN, "broke off: %s", why);
    default:
        return end(t, FAILED, "cannot be fetched: %s", why);
    }
}

static outcome judge_status(transfer *t, long status)
{
    fetch_part *part = t->part;
    int64_t start, total;
    switch (status) {
    case 200:
    case 206:
        if (part->total && part->bytes < part->total)
            return end(t, AGAIN, "ended after %lld of %lld bytes", (long long)part->bytes, (long long)part->total);
        return DONE;
    case 416: /* nothing is left to send, or what is here is not the beginning of what is there */
        if (parse_range(header(t, "content-range"), &start, &total) && part->total == total && part->bytes == total
            && strcmp(part->sha256, t->answer->sha256) == 0)
            return DONE;
        fetch_part_restart(part);
        return end(t, AGAIN, "cannot go on from where it broke off");
    case 401:
    case 403:
        return end(t, FAILED, "refuses it (HTTP %ld); it may need an account or the licence accepted", status);
    case 404:
    case 410:
        return end(t, FAILED, "there is no such file (HTTP %ld)", status);
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504:
        return end(t, AGAIN, "answered HTTP %ld", status);
    default:
        return end(t, FAILED, "answered HTTP %ld", status);
    }
}

/* *url is replaced by where the answer points to. */
static outcome follow(transfer *t, char **url)
{
    char *next = NULL;
    curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &next);
    if (!next)
        return end(t, FAILED, "redirects to nowhere");
    bool https = strncasecmp(next, "https://", 8) == 0;
    if (!https && strncasecmp(next, "http://", 7) != 0)
        return end(t, FAILED, "redirects to %.200s, which is neither http nor https", next);
    if (!https && t->over_tls)
        return end(t, FAILED, "redirects from https to %.*s, which is refused", (int)strcspn(next, "?#"), next);
    char *copy = strdup(next);
    if (!copy)
        return end(t, FAILED, "out of memory");
    free(*url);
    *url = copy;
    return DONE;
}

static outcome try_once(transfer *t)
{
    char *url = strdup(t->part->url);
    outcome how = url ? DONE : end(t, FAILED, "out of memory");
    t->answer->sha256[0] = 0;
    t->answer->authenticated = false;
    t->answer->stated_bytes = 0;
    if (t->part->bytes && !t->part->etag[0] && !t->part->sha256[0] && !fetch_part_restart(t->part))
        how = end(t, NO_ROOM, "%s", t->part->error);
    int hop = 0;
    while (how == DONE) {
        CURLcode code = ask(t, url);
        long status = status_of(t);
        if (t->stopped)
            how = t->stopped_by;
        else if (code != CURLE_OK && (status < 400 || t->began)) /* an error's text may break off */
            how = judge_failure(t, code);
        else if (is_redirect(status)) {
            read_stated(t);
            how = ++hop > HOPS_MAX ? end(t, FAILED, "redirects more than %d times", HOPS_MAX) : follow(t, &url);
            continue;
        } else {
            read_stated(t);
            if (!t->began && (status == 200 || status == 206)) /* a body of no bytes */
                how = begin(t);
            if (how == DONE)
                how = judge_status(t, status);
        }
        break;
    }
    free(url);
    return how;
}

/* ---------------------------------------------------------------- tries */

/* False: interrupted. */
static bool wait_ms(int64_t ms)
{
    for (; ms > 0 && !interrupt_wanted(); ms -= SLICE_MS) {
        struct timespec slice = {.tv_nsec = (ms < SLICE_MS ? ms : SLICE_MS) * 1000000L};
        nanosleep(&slice, NULL);
    }
    return !interrupt_wanted();
}

static outcome try_often(transfer *t)
{
    int64_t most = t->part->bytes;
    for (int tries = 1;; tries++) {
        outcome how = try_once(t);
        byte_bar_clear(&t->bar);
        if (how != AGAIN || interrupt_wanted())
            return how;
        if (t->part->bytes > most) {
            most = t->part->bytes;
            tries = 1;
        }
        curl_off_t asked_seconds = 0;
        curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &asked_seconds);
        int64_t wait = (int64_t)t->options->wait_ms << (tries < 10 ? tries - 1 : 9);
        size_t n = strlen(t->answer->error), room = sizeof t->answer->error - n;
        if (asked_seconds * 1000 > LONGEST_WAIT_MS) {
            snprintf(t->answer->error + n, room, " and asks to wait %lld seconds", (long long)asked_seconds);
            return FAILED;
        }
        if (tries >= t->options->n_tries) {
            if (tries > 1)
                snprintf(t->answer->error + n, room, "; gave up after %d tries", tries);
            return FAILED;
        }
        wait = asked_seconds * 1000 > wait ? asked_seconds * 1000 : wait;
        say("warning", "fetch", "%s; trying again", t->answer->error);
        if (!wait_ms(wait < LONGEST_WAIT_MS ? wait : LONGEST_WAIT_MS))
            return AGAIN;
    }
}

static void set_up(transfer *t)
{
    CURL *curl = t->curl;
    char agent[40];
    snprintf(agent, sizeof agent, "ctrlspeak/%s", cs_version());
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_USERAGENT, agent);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, t->curl_error);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)t->options->stall_seconds);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, (long)SLOWEST_BYTES_PER_SECOND);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, (long)t->options->stall_seconds);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (t->options->ca_file)
        curl_easy_setopt(curl, CURLOPT_CAINFO, t->options->ca_file);
}

int fetch_file(const fetch_options *options, fetch_part *part, fetch_answer *answer)
{
    *answer = (fetch_answer){0};
    transfer t = {.options = options, .part = part, .answer = answer};
    t.curl = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? curl_easy_init() : NULL;
    if (!t.curl) {
        snprintf(answer->error, sizeof answer->error, "libcurl cannot be started");
        return APP_SYSTEM;
    }
    set_up(&t);
    outcome how = try_often(&t);
    curl_easy_cleanup(t.curl);
    curl_global_cleanup();
    if (how == DONE)
        return APP_DONE;
    if (interrupt_wanted()) {
        snprintf(answer->error, sizeof answer->error, "interrupted after %lld bytes%s", (long long)part->bytes,
                 part->bytes ? "; the same command goes on from there" : "");
        return interrupt_status();
    }
    if (how == NO_ROOM)
        return APP_SYSTEM;
    return APP_MODEL;
}
