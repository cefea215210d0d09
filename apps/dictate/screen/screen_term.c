/* SPDX-License-Identifier: MIT
 * The terminal: see screen_term.h. The global below is what signal handlers need, and nothing else. */
#define _GNU_SOURCE
#define NCURSES_WIDECHAR 1
#include "dictate/screen/screen_term.h"

#include "dictate/screen/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <curses.h>
#include <term.h>

enum { STRINGS = 256, LAST_WORDS_MS = 200, SMALL_WRITE = 512, ESCAPE_MS = 25 };

typedef struct sequence {
    char data[STRINGS];
    size_t n;
} sequence;

static struct {
    atomic_bool taken; /* the terminal is ours: restoring makes sense */
    int fd, wake_fd;
    struct termios before;
    sequence enter, leave[2];
    atomic_int leave_now; /* which of the two is whole */
    atomic_bool resized, stop, continued;
} the_terminal;

static const int our_signals[] = {SIGWINCH, SIGTSTP, SIGCONT};
enum { N_SIGNALS = 3 };
static struct sigaction signals_before[N_SIGNALS];
static sequence *collecting; /* where tputs() writes */

static void on_signal(int number)
{
    int saved = errno;
    uint64_t one = 1;
    atomic_store(number == SIGWINCH  ? &the_terminal.resized
                 : number == SIGTSTP ? &the_terminal.stop
                                     : &the_terminal.continued,
                 true);
    ssize_t n = write(the_terminal.wake_fd, &one, sizeof one);
    (void)n; /* full: it is awake anyway */
    errno = saved;
}

/* tcsetattr() from the background stops the process unless SIGTTOU is blocked. */
static void set_modes(int fd, const struct termios *modes)
{
    sigset_t out, before;
    sigemptyset(&out);
    sigaddset(&out, SIGTTOU);
    pthread_sigmask(SIG_BLOCK, &out, &before);
    while (tcsetattr(fd, TCSANOW, modes) != 0 && errno == EINTR)
        ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static bool in_foreground(int fd)
{
    return tcgetpgrp(fd) == getpgrp();
}

void screen_restore_now(void)
{
    int saved = errno;
    if (atomic_exchange(&the_terminal.taken, false)) {
        const sequence *leave = &the_terminal.leave[atomic_load(&the_terminal.leave_now)];
        ssize_t n = leave->n > 0 ? write(the_terminal.fd, leave->data, leave->n) : 0;
        (void)n;
        set_modes(the_terminal.fd, &the_terminal.before);
    }
    errno = saved;
}

static int collect_one(int c)
{
    if (collecting->n < STRINGS)
        collecting->data[collecting->n++] = (char)c;
    return c;
}

/* One capability, as it is to be sent, to the end of into. True: the terminal has it. */
static bool add_capability(sequence *into, const char *capability)
{
    if (!capability || capability == (const char *)-1) // NOLINT: terminfo's own mark
        return false;
    collecting = into;
    tputs(capability, 1, collect_one);
    return true;
}

/* What is sent to take the terminal and to give it back. A terminal with one screen only gets the cursor on its last line. */
static void make_strings(int rows)
{
    sequence *enter = &the_terminal.enter;
    int next = !atomic_load(&the_terminal.leave_now);
    sequence *leave = &the_terminal.leave[next];
    enter->n = leave->n = 0;
    if (add_capability(enter, enter_ca_mode)) {
        add_capability(enter, "\033[?2004h"); /* say where pasted text begins and ends: it holds no keys */
        add_capability(leave, "\033[?2004l");
    }
    add_capability(enter, keypad_xmit);
    add_capability(leave, exit_attribute_mode);
    add_capability(leave, orig_pair);
    add_capability(leave, exit_alt_charset_mode);
    add_capability(leave, keypad_local);
    add_capability(leave, cursor_normal);
    if (!add_capability(leave, exit_ca_mode)) {
        if (cursor_address)
            add_capability(leave, tiparm(cursor_address, rows - 1, 0));
        add_capability(leave, "\r\n");
    }
    atomic_store(&the_terminal.leave_now, next);
}

bool screen_term_can_draw(void)
{
    const char *term = getenv("TERM");
    return isatty(0) && isatty(1) && term && *term && strcmp(term, "dumb") != 0;
}

/* Keys one by one and unseen; Ctrl-C and Ctrl-Z stay signals; Ctrl-S is a key and stops nothing. */
static void take(screen_term *t)
{
    struct termios modes;
    bool ours = !t->gone && in_foreground(the_terminal.fd);
    t->taken = ours && (t->taken || tcgetattr(the_terminal.fd, &the_terminal.before) == 0);
    if (!t->taken)
        return;
    modes = the_terminal.before;
    modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO | IEXTEN);
    modes.c_iflag &= ~(tcflag_t)(INLCR | IGNCR);
    modes.c_iflag |= ICRNL;
    if (!t->plain) {
        modes.c_iflag &= ~(tcflag_t)(IXON | IXOFF);
        modes.c_oflag |= OPOST | ONLCR;
    }
    modes.c_cc[VMIN] = 1;
    modes.c_cc[VTIME] = 0;
    atomic_store(&the_terminal.taken, true);
    set_modes(the_terminal.fd, &modes);
    if (!t->plain)
        t->n_pending = t->sent = 0;
}

/* Send these now; up to LAST_WORDS_MS for a terminal that is slow to read. */
static void send_last(screen_term *t, const char *data, size_t n)
{
    for (int tries = 0; n > 0 && tries < 8; tries++) {
        struct pollfd out = {.fd = t->out_fd, .events = POLLOUT};
        ssize_t sent = poll(&out, 1, tries ? LAST_WORDS_MS / 4 : 0) == 1 || tries == 0 ? write(t->out_fd, data, n) : 0;
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return;
        data += sent > 0 ? sent : 0;
        n -= sent > 0 ? (size_t)sent : 0;
    }
}

static void give_back(screen_term *t)
{
    if (!t->taken)
        return;
    t->taken = false;
    if (!t->plain) {
        send_last(t, t->pending ? t->pending + t->sent : "", t->n_pending - t->sent);
        t->n_pending = t->sent = 0;
    }
    screen_restore_now();
}

static void catch_signals(void)
{
    struct sigaction ours = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigemptyset(&ours.sa_mask);
    for (int i = 0; i < N_SIGNALS; i++)
        if (sigaction(our_signals[i], NULL, &signals_before[i]) == 0 && signals_before[i].sa_handler == SIG_DFL)
            sigaction(our_signals[i], &ours, NULL);
}

static void leave_signals(void)
{
    for (int i = 0; i < N_SIGNALS; i++)
        if (signals_before[i].sa_handler == SIG_DFL)
            sigaction(our_signals[i], &signals_before[i], NULL);
}

/* newterm() puts handlers of its own where it finds none; ours and the daemon's are the only ones. */
static bool start_curses(screen_term *t, bool color)
{
    static const int theirs[] = {SIGINT, SIGTERM, SIGTSTP, SIGWINCH};
    struct sigaction before[4];
    int known;
    if (setupterm(NULL, t->memory_fd, &known) != OK) /* newterm() would leak */
        return false;
    del_curterm(cur_term);
    for (int i = 0; i < 4; i++)
        sigaction(theirs[i], NULL, &before[i]);
    use_env(FALSE); /* the size is asked for by us */
    set_escdelay(ESCAPE_MS);
    t->curses = newterm(NULL, t->memory, t->in);
    for (int i = 0; i < 4; i++)
        sigaction(theirs[i], &before[i], NULL);
    if (!t->curses)
        return false;
    set_term(t->curses);
    t->keys = newpad(1, 1);
    if (!t->keys)
        return false;
    typeahead(-1);
    noecho();
    leaveok(stdscr, FALSE);
    keypad(t->keys, TRUE);
    nodelay(t->keys, TRUE);
    if (color && has_colors() && start_color() == OK)
        use_default_colors();
    return true;
}

static bool open_descriptors(screen_term *t, char error[300])
{
    t->in_fd = dup(0);
    t->out_fd = open("/proc/self/fd/1", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    t->reopened = t->out_fd >= 0;
    if (!t->reopened)
        t->out_fd = fcntl(1, F_DUPFD_CLOEXEC, 3); /* somebody else's terminal, after su: small writes after a poll */
    t->memory_fd = memfd_create("screen", MFD_CLOEXEC);
    int memory = t->memory_fd >= 0 ? fcntl(t->memory_fd, F_DUPFD_CLOEXEC, 3) : -1;
    t->in = t->in_fd >= 0 ? fdopen(t->in_fd, "r") : NULL;
    t->memory = memory >= 0 ? fdopen(memory, "w") : NULL;
    if (!t->memory && memory >= 0)
        close(memory);
    if (t->in && t->memory && t->out_fd >= 0)
        return true;
    snprintf(error, 300, "cannot open the terminal for the screen: %s", strerror(errno));
    return false;
}

bool screen_term_open(screen_term *t, int wake_fd, bool color, char error[300])
{
    const char *term = getenv("TERM");
    *t = (screen_term){.in_fd = -1, .out_fd = -1, .memory_fd = -1, .wake_fd = wake_fd};
    bool ok = open_descriptors(t, error);
    the_terminal.fd = t->out_fd;
    the_terminal.wake_fd = wake_fd;
    if (ok && !start_curses(t, color)) {
        snprintf(error, 300,
                 "the terminal type \"%.100s\" (TERM) is not known here, or there is no memory for the screen",
                 term ? term : "");
        ok = false;
    }
    if (!ok) {
        screen_term_close(t);
        return false;
    }
    catch_signals();
    t->rows = LINES;
    t->cols = COLS;
    screen_term_measure(t);
    make_strings(t->rows);
    lseek(t->memory_fd, 0, SEEK_SET); /* newterm() has taken the screen already: that is done in our own order */
    if (ftruncate(t->memory_fd, 0) != 0)
        t->gone = true;
    screen_term_retake(t);
    return true;
}

void screen_term_open_plain(screen_term *t, int wake_fd)
{
    *t = (screen_term){.memory_fd = -1, .wake_fd = wake_fd, .plain = true};
    t->in_fd = isatty(0) ? fcntl(0, F_DUPFD_CLOEXEC, 3) : -1;
    t->out_fd = isatty(1) ? open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC) : -1;
    t->reopened = t->out_fd >= 0;
    if (!t->reopened)
        t->out_fd = fcntl(1, F_DUPFD_CLOEXEC, 3);
    t->gone = t->out_fd < 0;
    the_terminal.fd = t->in_fd;
    the_terminal.wake_fd = wake_fd;
    the_terminal.enter.n = the_terminal.leave[0].n = the_terminal.leave[1].n = 0;
    catch_signals();
    if (t->in_fd >= 0)
        take(t);
}

void screen_term_close(screen_term *t)
{
    if (t->plain)
        send_last(t, t->pending ? t->pending + t->sent : "", t->n_pending - t->sent);
    give_back(t);
    if (t->curses || t->plain)
        leave_signals();
    if (t->curses) {
        if (t->keys)
            delwin(t->keys);
        endwin();
        delscreen(t->curses);
    }
    if (t->in)
        fclose(t->in);
    else if (t->in_fd >= 0)
        close(t->in_fd);
    if (t->memory)
        fclose(t->memory);
    if (t->memory_fd >= 0)
        close(t->memory_fd);
    if (t->out_fd >= 0)
        close(t->out_fd);
    free(t->pending);
    *t = (screen_term){.in_fd = -1, .out_fd = -1, .memory_fd = -1, .wake_fd = -1};
}

screen_signals screen_term_signals(screen_term *t)
{
    (void)t;
    return (screen_signals){.resized = atomic_exchange(&the_terminal.resized, false),
                            .stop = atomic_exchange(&the_terminal.stop, false),
                            .continued = atomic_exchange(&the_terminal.continued, false)};
}

bool screen_term_measure(screen_term *t)
{
    struct winsize size;
    if (t->plain || ioctl(t->out_fd, TIOCGWINSZ, &size) != 0 || size.ws_row == 0 || size.ws_col == 0)
        return false;
    int rows = size.ws_row < 1000 ? size.ws_row : 1000, cols = size.ws_col < 1000 ? size.ws_col : 1000;
    if (rows == t->rows && cols == t->cols)
        return false;
    t->rows = rows;
    t->cols = cols;
    resize_term(rows, cols);
    clearok(curscr, TRUE);
    make_strings(rows);
    return true;
}

/* Room for n more bytes that are pending. */
static bool reserve(screen_term *t, size_t n_bytes)
{
    char *larger = t->capacity - t->n_pending < n_bytes ? realloc(t->pending, t->n_pending + n_bytes) : t->pending;
    if (!larger)
        return n_bytes == 0;
    if (t->capacity < t->n_pending + n_bytes)
        t->capacity = t->n_pending + n_bytes;
    t->pending = larger;
    return true;
}

bool screen_term_put(screen_term *t, const char *bytes, size_t n_bytes)
{
    if (!reserve(t, n_bytes))
        return false;
    memcpy(t->pending + t->n_pending, bytes, n_bytes);
    t->n_pending += n_bytes;
    return true;
}

void screen_term_collect(screen_term *t)
{
    off_t size = lseek(t->memory_fd, 0, SEEK_END);
    if (size > 0 && reserve(t, (size_t)size) && pread(t->memory_fd, t->pending + t->n_pending, (size_t)size, 0) == size)
        t->n_pending += (size_t)size;
    else if (size > 0)
        clearok(curscr, TRUE); /* no memory: this frame is lost, and the next one is drawn in full */
    lseek(t->memory_fd, 0, SEEK_SET);
    if (ftruncate(t->memory_fd, 0) != 0)
        t->gone = true;
}

bool screen_term_send(screen_term *t)
{
    while (t->sent < t->n_pending && !t->gone) {
        struct pollfd out = {.fd = t->out_fd, .events = POLLOUT};
        size_t n = t->n_pending - t->sent;
        if (!t->reopened && (poll(&out, 1, 0) != 1 || !(out.revents & POLLOUT)))
            return false;
        ssize_t sent = write(t->out_fd, t->pending + t->sent, t->reopened || n < SMALL_WRITE ? n : SMALL_WRITE);
        if (sent < 0 && errno == EAGAIN)
            return false;
        if (sent < 0 && errno != EINTR)
            t->gone = true;
        t->sent += sent > 0 ? (size_t)sent : 0;
    }
    t->n_pending = t->sent = 0;
    return true;
}

void screen_term_retake(screen_term *t)
{
    take(t);
    if (!t->taken)
        return;
    if (t->plain)
        return;
    send_last(t, the_terminal.enter.data, the_terminal.enter.n);
    screen_term_measure(t);
    clearok(curscr, TRUE);
}

void screen_term_stop(screen_term *t)
{
    struct sigaction standard = {.sa_handler = SIG_DFL}, ours;
    sigset_t only, before;
    give_back(t);
    sigaction(SIGTSTP, &standard, &ours);
    sigemptyset(&only);
    sigaddset(&only, SIGTSTP);
    pthread_sigmask(SIG_UNBLOCK, &only, &before);
    raise(SIGTSTP); /* here the process stops, and from here it goes on */
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    sigaction(SIGTSTP, &ours, NULL);
    screen_term_retake(t);
}
