/* SPDX-License-Identifier: MIT
 *
 * One segment to text, with a worker that says what it is told and a recording that is all speech: context, whose words must
 * not come twice, and holes, whose words must not be missing. */
#include "check.h"
#include "dictate/daemon/daemon.h"

/* ---- instead of the worker and the recording */

static int64_t n_jobs, job_first, job_n;
static double speech_in_holes;
static worker_ask job_ask;

float *recording_padded(recording *r, int64_t first, int64_t n, size_t *n_padded)
{
    (void)r;
    job_first = first;
    job_n = n;
    *n_padded = 1;
    return calloc(1, sizeof(float));
}

int64_t worker_submit(worker *w, const float *pcm, size_t n, const worker_ask *ask)
{
    (void)w;
    (void)pcm;
    (void)n;
    job_ask = *ask;
    return ++n_jobs;
}

double recording_speech_between(recording *r, int64_t first, int64_t n)
{
    (void)r;
    (void)first;
    return speech_in_holes < 0 ? (double)n / VOICE_RATE_HZ : speech_in_holes;
}

void dictation_say(dictation *d_, log_level level, const char *format, ...)
{
    (void)d_;
    (void)level;
    (void)format;
}

void log_line(log_level level, const char *part, const char *format, ...)
{
    (void)level;
    (void)part;
    (void)format;
}

/* ---- answers: "word@start-end word@start-end", seconds of the job's padded sound */

static dictation d;
static utterance u;
static char text[500];
static worker_word words[50];

static worker_answer answer(int64_t job, const char *script)
{
    worker_answer a = {
        .job = job, .ok = true, .text = text, .error = "", .model = "m", .language = "", .target = "", .words = words};
    text[0] = 0;
    while (*script) {
        char word[50];
        float from, to;
        int n = 0;
        if (sscanf(script, " %49[^@]@%f-%f%n", word, &from, &to, &n) != 3)
            break;
        if (text[0])
            strcat(text, " ");
        words[a.n_words++] = (worker_word){(int32_t)strlen(text), (int32_t)strlen(word), from, to};
        strcat(text, word);
        script += n;
    }
    return a;
}

static void start(void)
{
    static piece pieces[4];
    for (int i = 0; i < u.n_pieces; i++)
        free(u.pieces[i].text);
    memset(&u, 0, sizeof u);
    memset(pieces, 0, sizeof pieces);
    u.pieces = pieces;
    speech_in_holes = -1;
}

/* A segment of speech between two seconds, padded by 0.45 s. */
static void segment(double from, double to)
{
    const int64_t pad = 45 * VOICE_RATE_HZ / 100, first = (int64_t)(from * VOICE_RATE_HZ),
                  end = (int64_t)(to * VOICE_RATE_HZ);
    u.pieces[u.n_pieces++] = (piece){
        .segment = {.first = first - pad, .n = end - first + 2 * pad, .speech_first = first, .speech_n = end - first}};
    pieces_begin(&d, &u);
}

static void context_is_given_and_its_words_do_not_come_twice(void)
{
    start();
    segment(1, 3);
    worker_answer a = answer(n_jobs, "one@0.6-1.2 two@1.3-2.5");
    CHECK(pieces_answer(&d, &u, &a));
    segment(4.2, 5.2);                   /* after 1.2 s */
    CHECK_INT(job_first, VOICE_RATE_HZ); /* two seconds before the end of the speech before */
    CHECK_INT(job_first + job_n, (int64_t)(5.65 * VOICE_RATE_HZ));
    /* The job begins at second 1, and its first sample is at 0.1 s of it. */
    a = answer(n_jobs, "one@0.2-0.9 two@1.0-1.9 three@3.35-4.2");
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_STR(u.pieces[1].text, "three");
    CHECK(!pieces_pending(&u));
    segment(9, 10); /* after a long pause a new sentence may begin */
    CHECK_INT(job_first, (int64_t)(8.55 * VOICE_RATE_HZ));
}

static void nothing_new_after_the_context(void)
{
    start();
    segment(1, 3);
    segment(4, 4.2);
    worker_answer a = answer(n_jobs, "one@0.2-0.9 two@1.0-1.9");
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_STR(u.pieces[1].text, "");
}

static void without_times_there_is_no_context(void)
{
    start();
    segment(1, 3);
    segment(4, 5);
    int64_t with_context = n_jobs;
    worker_answer a = {.job = with_context,
                       .ok = true,
                       .text = "one two three",
                       .error = "",
                       .model = "",
                       .language = "",
                       .target = ""};
    CHECK(pieces_answer(&d, &u, &a));
    CHECK(pieces_pending(&u) && n_jobs == with_context + 1);
    CHECK_INT(job_first, (int64_t)(3.55 * VOICE_RATE_HZ));
    a.job = n_jobs;
    a.text = "three";
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_STR(u.pieces[1].text, "three");
}

/* Words with times are asked for where there is context alone, and the languages are those of the recording. */
static void what_a_job_asks_for(void)
{
    start();
    u.spoken = (spoken_as){"de", "", 2};
    segment(1, 3);
    CHECK(!job_ask.times);
    CHECK_STR(job_ask.spoken.language, "de");
    CHECK_INT(job_ask.spoken.punctuation, 2);
    segment(4, 5);
    CHECK(job_ask.times && job_first < (int64_t)(3.55 * VOICE_RATE_HZ));
    CHECK_STR(job_ask.spoken.language, "de");
}

/* A translation has its words in another order; a model without times gives none. */
static void no_context_where_words_do_not_tell(void)
{
    static const struct {
        spoken_as spoken;
        worker_facts facts;
        bool context;
    } rows[] = {
        {{"de", "en", 0}, {0}, false},
        {{"de", "en", 0}, {.known = true, .prompted = true, .times = true}, false},
        {{"", "en", 0}, {.known = true, .prompted = true, .times = true}, false},
        {{"de", "en", 0}, {.known = true, .times = true}, true}, /* it will not translate */
        {{"de", "de", 0}, {.known = true, .prompted = true, .times = true}, true},
        {{"de", "", 0}, {.known = true, .prompted = true}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        start();
        u.spoken = rows[i].spoken;
        d.facts = rows[i].facts;
        segment(1, 3);
        segment(4, 5);
        if (!CHECK_INT(job_first < (int64_t)(3.55 * VOICE_RATE_HZ), rows[i].context))
            printf("# row %zu\n", i);
        CHECK_INT(job_ask.times, rows[i].context);
    }
    d.facts = (worker_facts){0};
}

static void words_that_break_off_are_not_trusted(void)
{
    start();
    segment(1, 3);
    segment(4, 5);
    int64_t with_context = n_jobs;
    worker_answer a = answer(with_context, "one@0.2-0.9 two@1.0-1.9 three@3.35-4.2");
    a.n_words = 2; /* "three" would be lost */
    CHECK(pieces_answer(&d, &u, &a));
    CHECK(pieces_pending(&u) && n_jobs == with_context + 1 && !job_ask.times);
    CHECK_INT(job_first, (int64_t)(3.55 * VOICE_RATE_HZ));
    a = answer(n_jobs, "three@0.2-0.9");
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_STR(u.pieces[1].text, "three");
    start();
    segment(1, 8);
    a = answer(n_jobs, "one@0.6-1.0 two@1.1-1.5 nine@5.0-7.4");
    a.n_words = 1; /* no hole: the words go on */
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_INT(u.pieces[0].n_patches, 0);
}

/* The first piece is not asked for times: what it says stands, holes or not. */
static void a_text_without_words_stands(void)
{
    start();
    segment(1, 8);
    worker_answer a = {
        .job = n_jobs, .ok = true, .text = "one two", .error = "", .model = "", .language = "de", .target = "en"};
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_STR(u.pieces[0].text, "one two");
    CHECK_INT(u.pieces[0].n_patches, 0);
    CHECK(!pieces_pending(&u));
    CHECK_STR(u.language, "de>en");
}

static void a_hole_is_decoded_again(void)
{
    start();
    segment(1, 8);
    int64_t job = n_jobs;
    worker_answer a = answer(job, "one@0.6-1.0 two@1.1-1.5 nine@5.0-7.4");
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_INT(u.pieces[0].n_patches, 1);
    CHECK_INT(n_jobs, job + 1);
    CHECK(pieces_pending(&u));
    /* From the end of "two" to the begin of "nine", and a margin; the segment begins at 0.55. */
    CHECK_NEAR((double)job_first / VOICE_RATE_HZ, 0.55 + 1.5 - 0.1 - 0.2, 0.001);
    CHECK_NEAR((double)(job_first + job_n) / VOICE_RATE_HZ, 0.55 + 5.0 - 0.1 + 0.2, 0.001);
    a = answer(n_jobs, "three@0.3-0.5 four@1-2");
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_STR(u.pieces[0].text, "one two three four nine");
    CHECK(!pieces_pending(&u));
}

static void several_holes_in_any_order(void)
{
    start();
    segment(1, 10);
    worker_answer a = answer(n_jobs, "two@3.0-3.5 four@6.0-6.5");
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_INT(u.pieces[0].n_patches, 3); /* before, between and after */
    int64_t last = n_jobs;
    a = answer(last - 1, "three@0-1");
    CHECK(pieces_answer(&d, &u, &a));
    a = answer(last, "five@0-1");
    CHECK(pieces_answer(&d, &u, &a));
    a = answer(last - 2, "one@0-1");
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_STR(u.pieces[0].text, "one two three four five");
    start();
    segment(1, 10);
    a = answer(n_jobs, ""); /* nothing at all: one hole */
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_INT(u.pieces[0].n_patches, 1);
    a = answer(n_jobs, "hello@0-1");
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_STR(u.pieces[0].text, "hello");
}

static void silence_is_no_hole(void)
{
    start();
    speech_in_holes = 0.4;
    segment(1, 8);
    worker_answer a = answer(n_jobs, "one@0.6-1.0 nine@5.0-5.5");
    CHECK(pieces_answer(&d, &u, &a));
    CHECK_INT(u.pieces[0].n_patches, 0);
}

static void failures_are_told(void)
{
    start();
    segment(1, 8);
    int64_t job = n_jobs;
    worker_answer a = answer(job, "one@0.6-1.0 nine@6.5-7.4");
    CHECK(pieces_answer(&d, &u, &a));
    a = (worker_answer){.job = n_jobs, .text = "", .error = "it died", .model = "", .language = "", .target = ""};
    CHECK(pieces_answer(&d, &u, &a)); /* of a patch: what was heard stands */
    CHECK(!u.pieces[0].failed && !pieces_pending(&u));
    CHECK_STR(u.pieces[0].text, "one nine");
    segment(20, 21);
    a.job = n_jobs;
    CHECK(pieces_answer(&d, &u, &a));
    CHECK(u.pieces[1].failed && strstr(u.why, "it died"));
    a.job = 12345;
    CHECK(!pieces_answer(&d, &u, &a));
}

int main(void)
{
    RUN(context_is_given_and_its_words_do_not_come_twice);
    RUN(nothing_new_after_the_context);
    RUN(without_times_there_is_no_context);
    RUN(what_a_job_asks_for);
    RUN(no_context_where_words_do_not_tell);
    RUN(words_that_break_off_are_not_trusted);
    RUN(a_text_without_words_stands);
    RUN(a_hole_is_decoded_again);
    RUN(several_holes_in_any_order);
    RUN(silence_is_no_hole);
    RUN(failures_are_told);
    return check_done();
}
