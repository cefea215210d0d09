/* SPDX-License-Identifier: MIT
 * See x_kit.h. */
#define _GNU_SOURCE
#include "common/clock.h"
#include "x_kit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xcb/xkb.h>
#include <xcb/xtest.h>
#include <xkbcommon/xkbcommon.h>

extern char **environ;

static const char *script, *reader_path, *owner_path, *keyboard_path;
static char folder[] = "/tmp/ctrlspeak-deliver-XXXXXX", display[32];
static xcb_connection_t *mine;

static void nap(void)
{
    struct timespec t = {0, 5000000};
    nanosleep(&t, NULL);
}

/* Its exit status; what it prints is dropped. */
static int run_words(char *const *words)
{
    pid_t pid;
    int status = 0;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    int rc = posix_spawnp(&pid, words[0], &actions, NULL, words, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (rc != 0)
        return 1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int run(const char *what, const char *argument, const char *device)
{
    const char *words[] = {"sh", script, what, folder, argument, device, NULL};
    char *pointers[7];
    memcpy(pointers, words, sizeof words); /* posix_spawn() wants what it does not change to be changeable */
    return run_words(pointers);
}

static bool read_file(const char *name, char *text, size_t size)
{
    char path[100];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "r");
    bool ok = f && fgets(text, (int)size, f);
    if (f)
        fclose(f);
    text[ok ? strcspn(text, "\n") : 0] = '\0';
    return ok;
}

bool screen_start(int argc, char **argv)
{
    if (argc < 4 || !mkdtemp(folder))
        return false;
    script = argv[1], reader_path = argv[2], owner_path = argv[3], keyboard_path = argv[4]; /* or NULL */
    if (run("start", NULL, NULL) != 0 || !read_file("display", display, sizeof display)) {
        rmdir(folder);
        return false;
    }
    mine = xcb_connect(display, NULL);
    xcb_xkb_use_extension(mine, 1, 0);
    return !xcb_connection_has_error(mine);
}

void screen_stop(void)
{
    char path[100];
    xcb_disconnect(mine);
    run("stop", NULL, NULL);
    snprintf(path, sizeof path, "%s/xvfb.log", folder);
    unlink(path);
    rmdir(folder);
}

void screen_kill(void)
{
    char pid[32];
    if (CHECK(read_file("pid", pid, sizeof pid)) && atoi(pid) > 1)
        kill(atoi(pid), SIGKILL);
}

const char *screen_name(void)
{
    return display;
}

bool screen_layout(const char *layouts)
{
    return run("layout", layouts, NULL) == 0;
}

bool screen_xtest_layout(const char *layouts)
{
    return run("layout", layouts, "5") == 0;
}

bool screen_other_keyboard(const char *code)
{
    const char *words[] = {keyboard_path, display, code, NULL};
    char *pointers[4];
    memcpy(pointers, words, sizeof words);
    return keyboard_path && run_words(pointers) == 0;
}

static xcb_window_t root(void)
{
    return xcb_setup_roots_iterator(xcb_get_setup(mine)).data->root;
}

void screen_key(const char *keysym_name, bool down)
{
    xcb_keysym_t wanted = xkb_keysym_from_name(keysym_name, 0);
    const xcb_setup_t *setup = xcb_get_setup(mine);
    uint8_t first = setup->min_keycode, n = (uint8_t)(setup->max_keycode - first + 1);
    xcb_get_keyboard_mapping_reply_t *reply =
        xcb_get_keyboard_mapping_reply(mine, xcb_get_keyboard_mapping(mine, first, n), NULL);
    for (int code = 0; reply && code < n; code++)
        if (xcb_get_keyboard_mapping_keysyms(reply)[code * reply->keysyms_per_keycode] == wanted) {
            xcb_test_fake_input(mine, down ? XCB_KEY_PRESS : XCB_KEY_RELEASE, (uint8_t)(first + code), 0, XCB_NONE, 0,
                                0, 0);
            break;
        }
    free(reply);
    free(xcb_get_input_focus_reply(mine, xcb_get_input_focus(mine), NULL));
}

static bool has_class(xcb_window_t window, const char *class)
{
    xcb_get_property_reply_t *reply = xcb_get_property_reply(
        mine, xcb_get_property(mine, 0, window, XCB_ATOM_WM_CLASS, XCB_ATOM_STRING, 0, 100), NULL);
    bool has = reply
               && memmem(xcb_get_property_value(reply), (size_t)xcb_get_property_value_length(reply), class,
                         strlen(class) + 1);
    free(reply);
    return has;
}

bool screen_focus(const char *class)
{
    for (int64_t until = clock_now_ms() + LIMIT_MS; clock_now_ms() < until; nap()) {
        xcb_query_tree_reply_t *tree = xcb_query_tree_reply(mine, xcb_query_tree(mine, root()), NULL);
        xcb_window_t found = XCB_NONE;
        for (int i = 0; tree && i < xcb_query_tree_children_length(tree); i++)
            if (has_class(xcb_query_tree_children(tree)[i], class))
                found = xcb_query_tree_children(tree)[i];
        free(tree);
        if (!found)
            continue;
        xcb_set_input_focus(mine, XCB_INPUT_FOCUS_POINTER_ROOT, found, XCB_CURRENT_TIME);
        xcb_get_input_focus_reply_t *focus = xcb_get_input_focus_reply(mine, xcb_get_input_focus(mine), NULL);
        bool done = focus && focus->focus == found; /* not before it is shown */
        free(focus);
        if (done)
            return true;
    }
    return false;
}

void screen_group(int group)
{
    xcb_xkb_latch_lock_state(mine, XCB_XKB_ID_USE_CORE_KBD, 0, 0, 1, (uint8_t)group, 0, 0, 0);
    free(xcb_get_input_focus_reply(mine, xcb_get_input_focus(mine), NULL));
}

void screen_set_caps(bool on)
{
    xcb_xkb_latch_lock_state(mine, XCB_XKB_ID_USE_CORE_KBD, XCB_MOD_MASK_LOCK, on ? XCB_MOD_MASK_LOCK : 0, 0, 0, 0, 0,
                             0);
    free(xcb_get_input_focus_reply(mine, xcb_get_input_focus(mine), NULL));
}

bool screen_caps(void)
{
    xcb_xkb_get_state_reply_t *state =
        xcb_xkb_get_state_reply(mine, xcb_xkb_get_state(mine, XCB_XKB_ID_USE_CORE_KBD), NULL);
    bool on = state && state->lockedMods & XCB_MOD_MASK_LOCK;
    free(state);
    return on;
}

uint64_t screen_map(void)
{
    const xcb_setup_t *setup = xcb_get_setup(mine);
    uint8_t first = setup->min_keycode, n = (uint8_t)(setup->max_keycode - first + 1);
    uint64_t sum = 14695981039346656037u;
    xcb_get_keyboard_mapping_reply_t *reply =
        xcb_get_keyboard_mapping_reply(mine, xcb_get_keyboard_mapping(mine, first, n), NULL);
    /* The server may widen all rows for one key and keep it so: empty columns count for nothing. */
    for (int i = 0; reply && i < n * reply->keysyms_per_keycode; i++) {
        uint32_t sym = xcb_get_keyboard_mapping_keysyms(reply)[i];
        uint32_t where = (uint32_t)(i / reply->keysyms_per_keycode * 16 + i % reply->keysyms_per_keycode);
        if (sym)
            sum = ((sum ^ where) * 1099511628211u ^ sym) * 1099511628211u;
    }
    free(reply);
    return sum;
}

child *child_start(bool reader, const char *const *words)
{
    const char *path = reader ? reader_path : owner_path;
    char *arguments[10] = {(char *)(uintptr_t)path, display}, line[64];
    int ends[2], n = 2;
    child *c = calloc(1, sizeof *c);
    if (!CHECK(c && pipe2(ends, O_CLOEXEC) == 0))
        exit(1);
    for (; *words && n < 9; words++)
        arguments[n++] = (char *)(uintptr_t)*words;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    CHECK(posix_spawn(&c->pid, path, &actions, NULL, arguments, environ) == 0);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    c->out = ends[0];
    if (strncmp(arguments[2] ? arguments[2] : "", "dump", 4) != 0)
        CHECK(child_line(c, line, sizeof line) && strcmp(line, "ready") == 0);
    return c;
}

bool child_bytes(child *c, char *bytes, size_t n_bytes)
{
    int64_t until = clock_now_ms() + LIMIT_MS;
    for (size_t done = 0; done < n_bytes;) {
        if (c->at == c->n) {
            struct pollfd fd = {.fd = c->out, .events = POLLIN};
            int64_t left = until - clock_now_ms();
            if (left <= 0 || poll(&fd, 1, (int)left) <= 0)
                return false;
            ssize_t n = read(c->out, c->buf, sizeof c->buf);
            if (n <= 0)
                return false;
            c->at = 0;
            c->n = (size_t)n;
        }
        size_t n = c->n - c->at < n_bytes - done ? c->n - c->at : n_bytes - done;
        if (bytes)
            memcpy(bytes + done, c->buf + c->at, n);
        c->at += n;
        done += n;
    }
    return true;
}

bool child_line(child *c, char *line, size_t size)
{
    for (size_t n = 0; n + 1 < size; n++) {
        if (!child_bytes(c, line + n, 1))
            return false;
        if (line[n] == '\n') {
            line[n] = '\0';
            return true;
        }
    }
    return false;
}

char *child_text(child *c)
{
    char line[200];
    size_t n;
    if (!child_line(c, line, sizeof line) || sscanf(line, "text %zu", &n) != 1)
        return NULL;
    char *text = calloc(1, n + 1);
    if (!text || !child_bytes(c, text, n) || !child_bytes(c, NULL, 1)) {
        free(text);
        return NULL;
    }
    return text;
}

bool child_chord(child *c, const char *name)
{
    char line[200] = "", expected[100];
    snprintf(expected, sizeof expected, "chord %s", name);
    return child_line(c, line, sizeof line) && CHECK_STR(line, expected);
}

bool child_keys(child *c, char *text, size_t size, size_t n_keys)
{
    size_t n = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n_keys; i++) {
        char line[200];
        if (!child_line(c, line, sizeof line) || strncmp(line, "key ", 4) != 0)
            return false;
        unsigned int byte;
        for (const char *at = line + 4; n + 1 < size && sscanf(at, "%2x", &byte) == 1; at += 2)
            text[n++] = (char)byte;
        text[n] = '\0';
    }
    return true;
}

void child_stop(child *c)
{
    if (!c)
        return;
    kill(c->pid, SIGKILL);
    while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    close(c->out);
    free(c);
}

/* One "form" of a dump against what the owner made. Returns the form's number, -1: wrong. */
static int compare_form(const char *name, int type_ok, int format, const char *bytes, size_t n, int seed)
{
    for (int form = 0; form < X_N_FORMS; form++) {
        if (strcmp(name, x_forms[form].target) != 0)
            continue;
        bool same = type_ok == 1 && format == x_forms[form].format && n == x_forms[form].n_bytes;
        for (size_t i = 0; same && i < n; i++)
            same = (uint8_t)bytes[i] == x_byte(form, seed, i);
        if (!same)
            printf("# %s: %zu bytes, format %d differ from owner %d's\n", name, n, format, seed);
        return same ? form : -1;
    }
    printf("# nobody offered the form %s\n", name);
    return -1;
}

bool screen_holds(const char *selection, int seed)
{
    child *c = strcmp(selection, "primary") == 0 ? READER("dump=primary") : READER("dump");
    char line[200], name[100];
    int n_forms = 0, n_found = 0;
    bool ok = child_line(c, line, sizeof line) && sscanf(line, "forms %d", &n_forms) == 1;
    for (int i = 0; ok && i < n_forms; i++) {
        int type_ok, format;
        size_t n;
        ok = child_line(c, line, sizeof line) && sscanf(line, "form %99s %d %d %zu", name, &type_ok, &format, &n) == 4;
        char *bytes = ok ? malloc(n + 1) : NULL;
        ok = bytes && child_bytes(c, bytes, n) && child_bytes(c, NULL, 1);
        if (ok && strcmp(name, "TARGETS") != 0 && strcmp(name, "TIMESTAMP") != 0 && strcmp(name, "MULTIPLE") != 0) {
            ok = compare_form(name, type_ok, format, bytes, n, seed) >= 0;
            n_found++;
        }
        free(bytes);
    }
    child_stop(c);
    if (n_found != X_N_FORMS)
        printf("# %d forms of %d in the %s\n", n_found, X_N_FORMS, selection);
    return ok && n_found == X_N_FORMS;
}

char *screen_text(void)
{
    child *c = READER("dump");
    char line[200], name[100], *text = NULL;
    int n_forms = 0;
    bool ok = child_line(c, line, sizeof line) && sscanf(line, "forms %d", &n_forms) == 1;
    for (int i = 0; ok && !text && i < n_forms; i++) {
        int type_ok, format;
        size_t n;
        ok = child_line(c, line, sizeof line) && sscanf(line, "form %99s %d %d %zu", name, &type_ok, &format, &n) == 4;
        char *bytes = ok ? calloc(1, n + 1) : NULL;
        ok = bytes && child_bytes(c, bytes, n) && child_bytes(c, NULL, 1);
        if (ok && strcmp(name, "UTF8_STRING") == 0)
            text = bytes;
        else
            free(bytes);
    }
    child_stop(c);
    return text;
}

enum { MAX_OUTCOMES = 256 };
struct outcomes {
    pthread_mutex_t lock;
    pthread_cond_t more;
    deliver_outcome outcome[MAX_OUTCOMES];
    int n, n_restored, n_lost;
    int64_t restored_id[MAX_OUTCOMES];
    bool by_user[MAX_OUTCOMES];
    char why[DELIVER_ERROR];
};

outcomes *outcomes_new(void)
{
    outcomes *o = calloc(1, sizeof *o);
    if (!o)
        exit(1);
    pthread_mutex_init(&o->lock, NULL);
    pthread_cond_init(&o->more, NULL);
    return o;
}

void outcomes_free(outcomes *o)
{
    pthread_mutex_destroy(&o->lock);
    pthread_cond_destroy(&o->more);
    free(o);
}

static void on_outcome(void *user, const deliver_outcome *outcome)
{
    outcomes *o = user;
    pthread_mutex_lock(&o->lock);
    if (o->n < MAX_OUTCOMES)
        o->outcome[o->n++] = *outcome;
    pthread_cond_broadcast(&o->more);
    pthread_mutex_unlock(&o->lock);
}

static void on_restored(void *user, int64_t id, bool by_user)
{
    outcomes *o = user;
    pthread_mutex_lock(&o->lock);
    if (o->n_restored < MAX_OUTCOMES) {
        o->restored_id[o->n_restored] = id;
        o->by_user[o->n_restored++] = by_user;
    }
    pthread_cond_broadcast(&o->more);
    pthread_mutex_unlock(&o->lock);
}

static void on_lost(void *user, const char *why)
{
    outcomes *o = user;
    pthread_mutex_lock(&o->lock);
    snprintf(o->why, sizeof o->why, "%s", why);
    o->n_lost++;
    pthread_cond_broadcast(&o->more);
    pthread_mutex_unlock(&o->lock);
}

deliver_sink outcomes_sink(outcomes *o)
{
    return (deliver_sink){o, on_outcome, on_restored, on_lost};
}

/* Called with the lock held; false: the limit. */
static bool wait_more(outcomes *o, const struct timespec *until)
{
    return pthread_cond_timedwait(&o->more, &o->lock, until) == 0;
}

static struct timespec limit(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_sec += LIMIT_MS / 1000;
    return t;
}

bool outcomes_wait(outcomes *o, int64_t id, deliver_outcome *outcome)
{
    struct timespec until = limit();
    int found = -1, n_same = 0;
    pthread_mutex_lock(&o->lock);
    do {
        n_same = 0;
        for (int i = 0; i < o->n; i++)
            if (o->outcome[i].id == id)
                found = i, n_same++;
    } while (found < 0 && wait_more(o, &until));
    *outcome = found >= 0 ? o->outcome[found] : (deliver_outcome){0};
    pthread_mutex_unlock(&o->lock);
    return CHECK_INT(n_same, 1);
}

int outcomes_restored(outcomes *o, int64_t id)
{
    struct timespec until = limit();
    int found = 0;
    pthread_mutex_lock(&o->lock);
    do
        for (int i = 0; i < o->n_restored; i++)
            if (o->restored_id[i] == id)
                found = o->by_user[i] ? 2 : 1;
    while (!found && wait_more(o, &until));
    pthread_mutex_unlock(&o->lock);
    return found;
}

bool outcomes_lost(outcomes *o, char *why)
{
    struct timespec until = limit();
    pthread_mutex_lock(&o->lock);
    while (!o->n_lost && wait_more(o, &until))
        ;
    int n = o->n_lost;
    snprintf(why, DELIVER_ERROR, "%s", o->why);
    pthread_mutex_unlock(&o->lock);
    return CHECK_INT(n, 1);
}

deliverer *screen_deliverer(outcomes *o, const deliver_options *options)
{
    char error[DELIVER_ERROR] = "";
    deliver_options standard;
    deliver_sink sink = outcomes_sink(o);
    deliver_options_init(&standard);
    standard.receipt_ms = 20000; /* a busy machine is no failure */
    if (options)
        standard = *options;
    standard.display = display;
    deliverer *d = deliver_create(&standard, &sink, error);
    if (!d) {
        printf("# %s\n", error);
        exit(1);
    }
    return d;
}
