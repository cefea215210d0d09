/* SPDX-License-Identifier: MIT
 *
 * The screen's thread: see screen.h. It sleeps in one poll on its eventfd (a view, a signal, the end), on the keys and, while
 * something is unsent, on the terminal. A frame is drawn only when the one before it is sent, and at most every FRAME_MS: a
 * terminal that does not read costs frames and nothing else. */
#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
#include "dictate/screen/screen.h"

#include "common/clock.h"
#include "dictate/screen/screen_inside.h"
#include "dictate/screen/screen_plain.h"
#include "dictate/screen/screen_term.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <curses.h>

enum { FRAME_MS = 33, FREE_SECONDS = 1, KEYS_AT_ONCE = 256 };

struct screen {
    pthread_t thread;
    pthread_mutex_t lock; /* guards those up to error */
    pthread_cond_t changed;
    screen_view view;
    screen_plain *lines; /* NULL: drawn */
    bool fresh, stopping, started, failed, finished;
    char error[300];
    int wake_fd;
    screen_options options;
    /* the thread's alone */
    screen_term term;
    screen_ui ui;
    bool has_view, dirty, quit_sent;
    int64_t drawn_ms;
    locale_t locale;
};

const char *dictate_state_text(dictate_state state)
{
    static const char *const texts[] = {
#define DICTATE_STATE_WORD(name, text) text,
        DICTATE_STATES(DICTATE_STATE_WORD)
#undef DICTATE_STATE_WORD
    };
    return (unsigned)state < N_DICTATE_STATES ? texts[state] : "unknown";
}

const char *screen_clock(char out[16], double seconds)
{
    int64_t s = seconds > 0 && seconds < 1e6 ? (int64_t)seconds : 0;
    if (s >= 3600)
        snprintf(out, 16, "%d:%02d:%02d", (int)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    else
        snprintf(out, 16, "%02d:%02d", (int)(s / 60), (int)(s % 60));
    return out;
}

bool screen_is_busy(const screen_view *view)
{
    return view->state == STATE_ARMED || view->state == STATE_RECORDING || view->state == STATE_FINISHING
           || view->state == STATE_DELIVERING;
}

void screen_send(screen_ui *ui, screen_command_kind kind, const char *argument)
{
    screen_command command = {.kind = kind};
    snprintf(command.argument, sizeof command.argument, "%s", argument);
    if (ui->options->command)
        ui->options->command(ui->options->user, &command);
}

void screen_go(screen_ui *ui, const screen_page *page)
{
    if (ui->page && ui->page->close)
        ui->page->close(ui);
    ui->page = page;
    if (page->open)
        page->open(ui);
}

static void wake(int fd)
{
    uint64_t one = 1;
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

static void draw_frame(screen *s)
{
    screen_ui *ui = &s->ui;
    ui->rows = s->term.rows;
    ui->cols = s->term.cols;
    draw_begin(ui);
    draw_title(ui);
    ui->page->draw(ui);
    if (ui->confirming_quit)
        draw_question(ui, "A recording is running. y quits, any other key goes on");
    curs_set(ui->cursor_row >= 0);
    move(ui->cursor_row >= 0 ? ui->cursor_row : 0, ui->cursor_col >= 0 ? ui->cursor_col : 0);
    refresh();
    screen_term_collect(&s->term);
    s->dirty = false;
    s->drawn_ms = clock_now_ms();
}

static void quit(screen *s)
{
    if (s->quit_sent)
        return;
    s->quit_sent = true;
    screen_send(&s->ui, SCREEN_QUIT, "");
}

/* One key, typed or pasted into a line that is being edited. */
static void on_key(screen *s, uint32_t key)
{
    screen_ui *ui = &s->ui;
    bool typing = ui->page->is_typing && ui->page->is_typing(ui);
    if (ui->confirming_quit) {
        ui->confirming_quit = false;
        if (key == 'y')
            quit(s);
    } else if (key == ('l' & 31)) {
        clearok(curscr, TRUE);
    } else if (ui->page == &screen_page_main && key == 'q') {
        ui->confirming_quit = screen_is_busy(&ui->view);
        if (!ui->confirming_quit)
            quit(s);
    } else if (!ui->page->key(ui, key) && !typing && (key == 'q' || key == SCREEN_KEY_ESCAPE)) {
        screen_go(ui, &screen_page_main);
    }
    s->dirty = true;
}

static void on_plain_key(screen *s, uint32_t key)
{
    screen_ui *ui = &s->ui;
    pthread_mutex_lock(&s->lock);
    bool busy = screen_is_busy(&s->view), was_asked = ui->confirming_quit;
    ui->confirming_quit = !was_asked && key == 'q' && busy;
    if (ui->confirming_quit)
        plain_line(s->lines, "question", "a recording is running: y quits, any other key goes on");
    else if (key == 'h' || key == '?')
        plain_line(s->lines, "help", "space starts and stops, x cancels, p delivers the last text again, q quits");
    pthread_mutex_unlock(&s->lock);
    if (was_asked ? key == 'y' : key == 'q' && !busy)
        quit(s);
    else if (!was_asked && key == ' ')
        screen_send(ui, SCREEN_TOGGLE, "");
    else if (!was_asked && (key == 'x' || key == SCREEN_KEY_ESCAPE))
        screen_send(ui, SCREEN_CANCEL, "");
    else if (!was_asked && key == 'p')
        screen_send(ui, SCREEN_PASTE_LAST, "");
}

static void read_keys(screen *s)
{
    bool pasted;
    for (int i = 0; i < KEYS_AT_ONCE; i++) {
        uint32_t key = screen_term_key(&s->term, &pasted);
        if (key == SCREEN_KEY_NONE)
            return;
        bool typing = s->ui.page->is_typing && s->ui.page->is_typing(&s->ui);
        if (s->term.plain)
            on_plain_key(s, key);
        else if (!pasted || (typing && key != SCREEN_KEY_RETURN))
            on_key(s, key);
    }
}

static void on_signals(screen *s)
{
    screen_signals signals = screen_term_signals(&s->term);
    if (signals.stop)
        screen_term_stop(&s->term);
    else if (signals.continued)
        screen_term_retake(&s->term);
    if (signals.resized)
        screen_term_measure(&s->term);
    s->dirty = s->dirty || signals.stop || signals.continued || signals.resized;
}

/* The newest view, or the lines. False: the end. */
static bool take_news(screen *s)
{
    pthread_mutex_lock(&s->lock);
    bool go_on = !s->stopping;
    if (s->fresh && !s->lines) {
        s->ui.view = s->view;
        s->dirty = s->has_view = true;
    }
    s->fresh = false;
    if (s->lines && s->term.n_pending == 0 && s->lines->n > 0
        && screen_term_put(&s->term, s->lines->lines, s->lines->n))
        s->lines->n = 0;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

/* Sleep until there is something to do. */
static void wait_for_news(screen *s)
{
    screen_term *t = &s->term;
    bool unsent = t->n_pending > t->sent && !t->gone, keys = t->in_fd >= 0 && t->taken && !t->gone;
    int64_t timeout = -1, since = clock_now_ms() - s->drawn_ms;
    if (s->has_view && t->taken && !unsent) {
        if (s->dirty)
            timeout = since < FRAME_MS ? FRAME_MS - since : 0;
        else if (s->ui.page->refresh_ms)
            timeout = since < s->ui.page->refresh_ms ? s->ui.page->refresh_ms - since : 0;
    }
    struct pollfd fds[3] = {{.fd = s->wake_fd, .events = POLLIN},
                            {.fd = keys ? t->in_fd : -1, .events = POLLIN},
                            {.fd = unsent ? t->out_fd : -1, .events = POLLOUT}};
    uint64_t n;
    if (poll(fds, 3, (int)timeout) < 0)
        return;
    if (fds[0].revents && read(s->wake_fd, &n, sizeof n) < 0 && errno != EAGAIN)
        return;
    if (fds[1].revents & POLLIN)
        read_keys(s);
    if (fds[1].revents & (POLLHUP | POLLERR | POLLNVAL))
        t->gone = true;
    if (timeout >= 0 && !s->dirty && s->ui.page->refresh_ms)
        s->dirty = clock_now_ms() - s->drawn_ms >= s->ui.page->refresh_ms;
}

static void run_loop(screen *s)
{
    screen_term *t = &s->term;
    while (take_news(s)) {
        bool sent = screen_term_send(t);
        if (t->gone && (!t->plain || t->in_fd >= 0))
            quit(s); /* nobody is there any more */
        if (s->has_view && sent && s->dirty && t->taken && !t->gone && clock_now_ms() - s->drawn_ms >= FRAME_MS) {
            draw_frame(s);
            screen_term_send(t);
        }
        wait_for_news(s);
        on_signals(s);
    }
}

static bool color_wanted(const screen_options *options)
{
    const char *no_color = getenv("NO_COLOR");
    return options->color == 1 || (options->color == 0 && !(no_color && *no_color));
}

/* The user's characters, for this thread alone: the program's locale stays as it is. */
static void use_characters(screen *s)
{
    s->locale = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
    if (s->locale)
        uselocale(s->locale);
}

static void announce(screen *s, bool failed)
{
    pthread_mutex_lock(&s->lock);
    s->started = true;
    s->failed = failed;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

static void *run(void *user)
{
    screen *s = user;
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGWINCH);
    sigaddset(&ours, SIGTSTP);
    sigaddset(&ours, SIGCONT);
    use_characters(s);
    bool ok = s->lines || screen_term_open(&s->term, s->wake_fd, color_wanted(&s->options), s->error);
    if (!ok && (s->lines = calloc(1, sizeof *s->lines))) /* nobody else looks at it before announce() */
        plain_line(s->lines, "message", s->error);
    if (s->lines) {
        screen_term_open_plain(&s->term, s->wake_fd);
        ok = true;
    }
    pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
    s->ui.options = &s->options;
    s->ui.color = ok && !s->lines && color_wanted(&s->options) && has_colors();
    screen_go(&s->ui, &screen_page_main);
    announce(s, !ok);
    if (ok) {
        run_loop(s);
        screen_term_send(&s->term);
        take_news(s); /* the last lines */
    }
    screen_go(&s->ui, &screen_page_main);
    screen_term_close(&s->term);
    if (s->locale) {
        uselocale(LC_GLOBAL_LOCALE);
        freelocale(s->locale);
    }
    pthread_mutex_lock(&s->lock);
    s->finished = true;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void dispose(screen *s)
{
    if (s->wake_fd >= 0)
        close(s->wake_fd);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    free(s->lines);
    free(s);
}

static int start_thread(screen *s)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int r = pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return r;
}

screen *screen_create(const screen_options *options, char error[300])
{
    screen *s = calloc(1, sizeof *s);
    pthread_condattr_t monotonic;
    snprintf(error, 300, "no memory for the screen");
    if (!s)
        return NULL;
    s->options = *options;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&s->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&s->lock, NULL);
    s->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool plain = options->plain || !screen_term_can_draw();
    s->lines = plain ? calloc(1, sizeof *s->lines) : NULL;
    if (s->wake_fd < 0 || (plain && !s->lines) || start_thread(s) != 0) {
        dispose(s);
        return NULL;
    }
    pthread_mutex_lock(&s->lock);
    while (!s->started)
        pthread_cond_wait(&s->changed, &s->lock);
    bool failed = s->failed;
    snprintf(error, 300, "%s", s->error);
    pthread_mutex_unlock(&s->lock);
    if (!failed)
        return s;
    pthread_join(s->thread, NULL);
    dispose(s);
    return NULL;
}

void screen_show(screen *s, const screen_view *view)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->view = *view;
    s->fresh = true;
    if (s->lines)
        plain_note(s->lines, view);
    pthread_mutex_unlock(&s->lock);
    wake(s->wake_fd);
}

/* The thread can hang in a file system, or in a terminal that could not be opened a second time; then it is left behind with
 * all that it uses, and the terminal is given back from here. */
void screen_free(screen *s)
{
    if (!s)
        return;
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += FREE_SECONDS;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    wake(s->wake_fd);
    while (!s->finished && pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0)
        ;
    bool finished = s->finished;
    pthread_mutex_unlock(&s->lock);
    if (!finished) {
        pthread_detach(s->thread);
        screen_restore_now();
        return;
    }
    pthread_join(s->thread, NULL);
    dispose(s);
}
