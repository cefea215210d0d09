/* SPDX-License-Identifier: MIT
 *
 * test-screen-pty DEMO: the screen on a terminal that the test holds the other end of: what it sends, how it leaves the modes,
 * and what it does when nobody reads or nobody is there any more. */
#define _GNU_SOURCE
#include "check.h"
#include "common/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { DEADLINE_MS = 20000, OUTPUT = 1 << 20 };

static const char *demo_path;
static char commands_path[] = "screen-commands-XXXXXX";

typedef struct session {
    int master;
    pid_t pid;
    struct termios before;
    char output[OUTPUT];
    size_t n;
} session;
static session now;

static void exec_demo(const char *slave, char *const argv[], const char *const env[])
{
    setsid();
    int fd = open(slave, O_RDWR);
    ioctl(fd, TIOCSCTTY, 0);
    for (int i = 0; i < 3; i++)
        dup2(fd, i);
    if (fd > 2)
        close(fd);
    unsetenv("NO_COLOR");
    setenv("TERM", "xterm", 1);
    setenv("LC_ALL", "C.UTF-8", 1);
    for (; env && *env; env += 2)
        setenv(env[0], env[1], 1);
    execv(demo_path, argv);
    _exit(127);
}

static void start(const char *const args[], const char *const env[])
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    char *argv[16] = {(char *)(uintptr_t)demo_path, (char *)(uintptr_t) "--commands", commands_path};
    for (int i = 0; args && args[i] && i < 12; i++)
        argv[3 + i] = (char *)(uintptr_t)args[i];
    if (truncate(commands_path, 0) != 0)
        CHECK(!"the file of commands is gone");
    now.n = 0;
    now.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(now.master >= 0 && grantpt(now.master) == 0 && unlockpt(now.master) == 0);
    int keep = open(ptsname(now.master), O_RDWR | O_NOCTTY | O_CLOEXEC); /* sets the modes' beginning */
    tcgetattr(keep, &now.before);
    ioctl(now.master, TIOCSWINSZ, &size);
    now.pid = fork();
    if (now.pid == 0)
        exec_demo(ptsname(now.master), argv, env);
    close(keep);
}

/* Read what is there; false at the deadline or the end. */
static bool read_more(long long until_ms)
{
    struct pollfd in = {.fd = now.master, .events = POLLIN};
    long long left = until_ms - clock_now_ms();
    if (left <= 0 || poll(&in, 1, (int)left) != 1)
        return false;
    ssize_t n = read(now.master, now.output + now.n, OUTPUT - 1 - now.n);
    if (n <= 0)
        return false;
    now.n += (size_t)n;
    now.output[now.n] = 0;
    return true;
}

static bool expect(const char *text)
{
    long long until = clock_now_ms() + DEADLINE_MS;
    now.output[now.n] = 0;
    while (!strstr(now.output, text))
        if (!read_more(until)) {
            printf("# \"%s\" did not come\n", text);
            return false;
        }
    return true;
}

static void keys(const char *text)
{
    CHECK_INT(write(now.master, text, strlen(text)), strlen(text));
}

/* The status of the demo, which must end by itself; -1: it did not. */
static int finish(bool reading)
{
    int status = -1;
    for (long long until = clock_now_ms() + DEADLINE_MS; clock_now_ms() < until;) {
        if (waitpid(now.pid, &status, WNOHANG) == now.pid)
            break;
        status = -1;
        if (!reading || !read_more(clock_now_ms() + 20))
            usleep(5000);
    }
    if (status == -1) {
        kill(now.pid, SIGKILL);
        waitpid(now.pid, NULL, 0);
    }
    while (reading && read_more(clock_now_ms() + 50))
        ;
    return status;
}

static void check_modes_are_back(void)
{
    struct termios after = {0};
    CHECK_INT(tcgetattr(now.master, &after), 0);
    CHECK_INT(after.c_lflag, now.before.c_lflag);
    CHECK_INT(after.c_iflag, now.before.c_iflag);
    CHECK_INT(after.c_oflag, now.before.c_oflag);
}

/* The last word on the cursor and on the other screen is that they are as before. */
static void check_picture_is_back(void)
{
    CHECK(memmem(now.output, now.n, "\033[?1049h", 8) != NULL);
    const char *hide = NULL, *show = NULL, *leave = NULL;
    for (size_t i = 0; i < now.n; i++) {
        if (strncmp(now.output + i, "\033[?25l", 6) == 0)
            hide = now.output + i;
        if (strncmp(now.output + i, "\033[?25h", 6) == 0 || strncmp(now.output + i, "\033[?12l\033[?25h", 12) == 0)
            show = now.output + i;
        if (strncmp(now.output + i, "\033[?1049l", 8) == 0)
            leave = now.output + i;
    }
    CHECK(show && hide && show > hide);
    CHECK(leave && !strstr(leave, "\033[?1049h"));
    CHECK(strstr(now.output, "\033[?2004l") != NULL);
}

static const char *commands(void)
{
    static char text[4000];
    FILE *in = fopen(commands_path, "r");
    size_t n = in ? fread(text, 1, sizeof text - 1, in) : 0;
    text[n] = 0;
    if (in)
        fclose(in);
    return text;
}

static void quit_gives_the_terminal_back(void)
{
    struct termios during;
    start(NULL, NULL);
    CHECK(expect("parakeet-tdt-0.6b-v3"));
    tcgetattr(now.master, &during);
    CHECK(!(during.c_lflag & ECHO) && !(during.c_lflag & ICANON) && (during.c_lflag & ISIG));
    keys("q");
    CHECK_INT(finish(true), 0);
    check_modes_are_back();
    check_picture_is_back();
    CHECK_STR(commands(), "quit \n");
    close(now.master);
}

static void a_fatal_signal_gives_the_terminal_back(void)
{
    static const int signals[] = {SIGTERM, SIGUSR1, SIGSEGV}; /* the demo makes a crash of the second */
    for (int i = 0; i < 3; i++) {
        static const char *const busy[] = {"--scene", "busy", NULL};
        start(busy, NULL);
        CHECK(expect("SPEECH"));
        kill(now.pid, signals[i]);
        int status = finish(true);
        CHECK(status != 0 && status != -1);
        check_modes_are_back();
        check_picture_is_back();
        close(now.master);
    }
}

/* Spoken to nobody: the terminal reads nothing, the daemon goes on and can end. */
static void a_terminal_that_does_not_read_holds_up_nobody(void)
{
    static const char *const busy[] = {"--scene", "busy", NULL};
    int unread = 0, before = -1;
    start(busy, NULL);
    CHECK(expect("SPEECH"));
    for (int still = 0; still < 10 && unread < OUTPUT;) { /* until no more goes in */
        keys("\f");
        usleep(40000);
        ioctl(now.master, FIONREAD, &unread);
        still = unread == before ? still + 1 : 0;
        before = unread;
    }
    keys("x");
    keys("q");
    keys("y");
    CHECK_INT(finish(false), 0);
    CHECK(strstr(commands(), "cancel \n") && strstr(commands(), "quit \n"));
    check_modes_are_back();
    close(now.master);
}

static void a_terminal_that_hangs_up_ends_the_program(void)
{
    signal(SIGHUP, SIG_IGN); /* inherited: the program lives on and must see for itself */
    start(NULL, NULL);
    signal(SIGHUP, SIG_DFL);
    CHECK(expect("parakeet"));
    close(now.master);
    CHECK_INT(finish(false), 0);
    CHECK_STR(commands(), "quit \n");
}

static void foreign_text_sends_no_controls(void)
{
    static const char *const controls[] = {"--scene", "controls", NULL};
    start(controls, NULL);
    CHECK(expect("message"));
    keys("d");
    CHECK(expect("name"));
    keys("q");
    usleep(50000);
    keys("q");
    CHECK_INT(finish(true), 0);
    CHECK(!strstr(now.output, "\033]0") && !strstr(now.output, "\033[5m") && !strstr(now.output, "\033c"));
    CHECK(!strstr(now.output, "\a") && !strstr(now.output, "\xc2\x9b") && !strstr(now.output, "\xe2\x80\xae"));
    CHECK(!strstr(now.output, "\xff") && strstr(now.output, "\xef\xbf\xbd"));
    close(now.master);
}

static bool has_colors(void)
{
    for (size_t i = 0; i + 4 < now.n; i++)
        if (now.output[i] == '[' && now.output[i + 1] == '3' && now.output[i + 2] >= '1' && now.output[i + 2] <= '7'
            && (now.output[i + 3] == 'm' || now.output[i + 3] == ';'))
            return true;
    return false;
}

static void no_color_means_none(void)
{
    static const char *const failed[] = {"--scene", "failed", NULL}, *const off[] = {"NO_COLOR", "1", NULL};
    static const char *const empty[] = {"NO_COLOR", "", NULL}, *const vt[] = {"TERM", "vt100", NULL};
    static const char *const *const envs[] = {empty, off, vt};
    for (int i = 0; i < 3; i++) {
        start(failed, envs[i]);
        CHECK(expect("delivers it again"));
        keys("q");
        CHECK_INT(finish(true), 0);
        CHECK_INT(has_colors(), i == 0);
        close(now.master);
    }
}

/* Dictation into this very window, and keys of other terminals, must not press ours. */
static void pasted_text_and_unknown_keys_press_nothing(void)
{
    start(NULL, NULL);
    CHECK(expect("parakeet"));
    keys("\033[200~q x d\r \033[201~");
    keys("\033x\033[99~\033[I");
    usleep(50000);
    keys("p");
    CHECK(expect("Ready"));
    usleep(50000);
    keys("q");
    CHECK_INT(finish(true), 0);
    CHECK_STR(commands(), "paste-last \nquit \n");
    close(now.master);
}

static void keys_become_commands(void)
{
    start(NULL, NULL);
    CHECK(expect("parakeet"));
    keys(" ");
    CHECK(expect("Recording"));
    keys("q"); /* asks, as a recording is running */
    CHECK(expect("y quits"));
    keys("n");
    keys("x");
    CHECK(expect("closed"));
    keys("d");
    CHECK(expect("Yeti"));
    keys("\033OB\033OB\r");
    keys("q");
    usleep(50000);
    keys("m");
    CHECK(expect("commands, digits"));
    keys("j\r");
    keys("q");
    usleep(50000);
    keys("q");
    CHECK_INT(finish(true), 0);
    CHECK_STR(commands(), "toggle \ncancel \nrefresh \nset-device alsa_input.usb-Blue_Yeti-00.analog-stereo\n"
                          "refresh \nset-model ctrlspeak-small\nquit \n");
    close(now.master);
}

static void any_size_is_drawn(void)
{
    static const char *const long_text[] = {"--scene", "long", NULL};
    unsigned seed = 1;
    start(long_text, NULL);
    CHECK(expect("word299"));
    for (int i = 0; i < 300; i++) {
        seed = seed * 1103515245u + 12345u;
        struct winsize size = {.ws_row = (unsigned short)(1 + (seed >> 8) % 60),
                               .ws_col = (unsigned short)(1 + (seed >> 16) % 210)};
        ioctl(now.master, TIOCSWINSZ, &size);
        if (i % 20 == 0)
            keys(&"drlsh"[i / 20 % 5]), keys("q");
        usleep(2000);
        if (now.n > OUTPUT / 2)
            now.n = 0;
        read_more(clock_now_ms() + 1);
    }
    kill(now.pid, SIGTERM);
    int status = finish(true);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    check_modes_are_back();
    close(now.master);
}

static void dumb_and_unknown_terminals_get_lines(void)
{
    static const char *const dumb[] = {"TERM", "dumb", NULL}, *const unknown[] = {"TERM", "no-such-terminal", NULL};
    start(NULL, dumb);
    CHECK(expect("model parakeet-tdt-0.6b-v3\r\n"));
    keys(" ");
    CHECK(expect("state recording\r\n"));
    keys("qy");
    CHECK_INT(finish(true), 0);
    CHECK(!strchr(now.output, 27));
    CHECK_STR(commands(), "toggle \nquit \n");
    check_modes_are_back();
    close(now.master);
    start(NULL, unknown);
    CHECK(expect("message the terminal type \"no-such-terminal\""));
    keys("q");
    CHECK_INT(finish(true), 0);
    check_modes_are_back();
    close(now.master);
}

/* stdout a pipe: exactly these lines; no state is missed though they follow at once. */
static void a_pipe_gets_one_line_per_change(void)
{
    char command[600], text[4000];
    snprintf(command, sizeof command, "TERM=xterm '%s' --script yes </dev/null", demo_path);
    FILE *out = popen(command, "r");
    size_t n = out ? fread(text, 1, sizeof text - 1, out) : 0;
    text[n] = 0;
    CHECK_INT(out ? pclose(out) : -1, 0);
    CHECK_STR(text, "model parakeet-tdt-0.6b-v3\ndevice Built-in Audio Analog Stereo\n"
                    "text The harbour was quiet, too quiet, and the train left at half past seven.\nstate ready\n"
                    "state recording\nstate finishing\nstate delivering\ntext one two three?[1m\nstate delivered\n"
                    "state error\nerror no microphone is there\n");
}

static void a_pipe_without_a_reader_ends_quietly(void)
{
    char command[600];
    snprintf(command, sizeof command, "'%s' --script yes </dev/null | true", demo_path);
    CHECK_INT(system(command), 0);
    snprintf(command, sizeof command, "'%s' --script yes <&- >&-", demo_path);
    CHECK_INT(system(command), 0);
}

int main(int argc, char **argv)
{
    demo_path = argc > 1 ? argv[1] : "";
    int fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (fd < 0 || grantpt(fd) != 0 || unlockpt(fd) != 0)
        return check_skip_all("no pseudo-terminals can be had here");
    close(fd);
    int file = mkstemp(commands_path);
    if (file < 0 || argc < 2)
        return check_skip_all(argc < 2 ? "no demo was named" : "no file can be made here");
    close(file);
    RUN(quit_gives_the_terminal_back);
    RUN(a_fatal_signal_gives_the_terminal_back);
    RUN(a_terminal_that_does_not_read_holds_up_nobody);
    RUN(a_terminal_that_hangs_up_ends_the_program);
    RUN(foreign_text_sends_no_controls);
    RUN(no_color_means_none);
    RUN(pasted_text_and_unknown_keys_press_nothing);
    RUN(keys_become_commands);
    RUN(any_size_is_drawn);
    RUN(dumb_and_unknown_terminals_get_lines);
    RUN(a_pipe_gets_one_line_per_change);
    RUN(a_pipe_without_a_reader_ends_quietly);
    unlink(commands_path);
    return check_done();
}
