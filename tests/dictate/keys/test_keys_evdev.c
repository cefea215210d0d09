/* SPDX-License-Identifier: MIT
 *
 * The kernel's key records: streams that the test writes into pipes, and a folder of FIFOs that come and go as devices
 * do. Real nodes need a kernel with input devices; what is asked of one (its name, its codes) is tried on devices that
 * libevdev keeps in memory. */
#define _GNU_SOURCE
#include "dictate/keys/evdev_device.h"
#include "keys_heard.h"
#include "check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void put(int fd, int64_t us, uint16_t type, uint16_t code, int32_t value)
{
    struct input_event event;
    memset(&event, 0, sizeof event);
    event.input_event_sec = (time_t)(us / 1000000);
    event.input_event_usec = (suseconds_t)(us % 1000000);
    event.type = type;
    event.code = code;
    event.value = value;
    CHECK(write(fd, &event, sizeof event) == sizeof event);
}

static void put_key(int fd, int64_t us, uint16_t code, int32_t value)
{
    put(fd, us, EV_MSC, MSC_SCAN, code);
    put(fd, us, EV_KEY, code, value);
    put(fd, us, EV_SYN, SYN_REPORT, 0);
}

static void put_tap(int fd, int64_t us, uint16_t code)
{
    put_key(fd, us, code, 1);
    put_key(fd, us + 40000, code, 0);
}

/* What a source heard of a stream is fed to the engine: recorded streams reach gestures. */
static void gestures_of(const heard *h, const char *binding_text, char *text, size_t size)
{
    static const char *const acts[] = {"arm", "disarm", "start", "stop", "cancel"};
    gesture_event out[GESTURE_EVENTS];
    gesture_binding binding;
    gesture_engine engine;
    char error[100];
    text[0] = 0;
    CHECK(gesture_parse(binding_text, &binding, error, sizeof error));
    gesture_init(&engine, &binding, 1, 0);
    for (int i = 0; i <= h->n; i++) {
        int32_t n = i < h->n ? gesture_feed(&engine, &h->events[i], out) : gesture_tick(&engine, INT64_C(1) << 59, out);
        for (int32_t k = 0; k < n; k++) {
            size_t at = strlen(text);
            snprintf(text + at, size - at, "%s%s", at ? " " : "", acts[out[k].act]);
        }
    }
}

/* Plays what write_stream() writes, from another day at its own pace, to its end. */
static void play(heard *h, void (*write_stream)(int fd, int64_t us))
{
    int fds[2];
    char error[KEYS_ERROR] = "";
    keys_sink sink = heard_init(h);
    if (!CHECK(pipe(fds) == 0))
        return;
    keys *source = keys_stream_open(fds[0], &sink, error);
    if (!CHECK(source != NULL))
        return;
    CHECK_STR(keys_name(source), "stream");
    write_stream(fds[1], INT64_C(1600000000000000));
    close(fds[1]);
    heard_wait(h, 0, 0, true);
    keys_close(source);
    CHECK_INT(h->n_lost, 1);
}

static void write_triple_tap(int fd, int64_t us)
{
    for (int i = 0; i < 3; i++)
        put_tap(fd, us + i * 80000, i == 1 ? KEY_RIGHTCTRL : KEY_LEFTCTRL);
}

static void a_recorded_triple_tap_starts(void)
{
    heard h;
    char gestures[100];
    play(&h, write_triple_tap);
    CHECK_STR(heard_wait(&h, 0, 0, false), "+ctrl_left -ctrl_left +ctrl_right -ctrl_right +ctrl_left -ctrl_left");
    CHECK_STR(h.why, "The recorded key stream ended");
    for (int i = 1; i < h.n; i++) /* the distances of the records */
        CHECK_INT(h.events[i].time_us - h.events[i - 1].time_us, 40000);
    gestures_of(&h, "triple:ctrl", gestures, sizeof gestures);
    CHECK_STR(gestures, "arm start");
    gestures_of(&h, "triple:ctrl_left", gestures, sizeof gestures);
    CHECK_STR(gestures, "");
}

static void write_ctrl_c(int fd, int64_t us)
{
    for (int i = 0; i < 3; i++, us += 60000) {
        put_key(fd, us, KEY_LEFTCTRL, 1);
        put_tap(fd, us + 10000, KEY_C);
        put_key(fd, us + 55000, KEY_LEFTCTRL, 0);
    }
}

static void a_recorded_ctrl_c_three_times_does_not(void)
{
    heard h;
    char gestures[100];
    play(&h, write_ctrl_c);
    CHECK_INT(h.n, 12);
    gestures_of(&h, "triple:ctrl", gestures, sizeof gestures);
    CHECK_STR(gestures, "");
}

static void write_of_all_kinds(int fd, int64_t us)
{
    put_key(fd, us, KEY_RIGHTALT, 1);
    put_key(fd, us, KEY_RIGHTALT, 2);
    put_key(fd, us, KEY_RIGHTALT, 0);
    put_tap(fd, us, KEY_F12);
    put_tap(fd, us, KEY_A);
    put(fd, us, EV_REL, REL_X, 5);
    put(fd, us, EV_REL, REL_WHEEL, -1);
    put_tap(fd, us, BTN_LEFT);
    put_tap(fd, us, BTN_TOUCH);
    put(fd, us, EV_ABS, ABS_X, 7);
    put(fd, us, EV_LED, LED_CAPSL, 1);
    put(fd, us, 0xFFFF, 0xFFFF, INT32_MIN);
    put(fd, us, EV_KEY, 0xFFFF, 1);
    put(fd, us, EV_KEY, 0xFFFF, 77);
    put_tap(fd, us, KEY_PAUSE);
}

static void records_of_all_kinds(void)
{
    heard h;
    play(&h, write_of_all_kinds);
    CHECK_STR(heard_wait(&h, 0, 0, false),
              "+alt_right *alt_right -alt_right +f12 -f12 +other -other ! ! +other +pause -pause");
}

static void write_dropped(int fd, int64_t us)
{
    put_key(fd, us, KEY_LEFTCTRL, 1);
    put_key(fd, us, KEY_A, 1);
    put(fd, us, EV_SYN, SYN_DROPPED, 0);
    put(fd, us, EV_KEY, KEY_RIGHTCTRL, 1); /* half of a packet whose other half is missing */
    put(fd, us, EV_SYN, SYN_REPORT, 0);
    put_tap(fd, us, KEY_ESC);
}

static void dropped_records_release_what_was_down(void)
{
    heard h;
    play(&h, write_dropped);
    CHECK_STR(heard_wait(&h, 0, 0, false), "+ctrl_left +other ! -ctrl_left -other +escape -escape");
}

static void write_in_pieces(int fd, int64_t us)
{
    struct input_event event;
    memset(&event, 0, sizeof event);
    event.input_event_sec = (time_t)(us / 1000000);
    event.type = EV_KEY;
    event.code = KEY_LEFTCTRL;
    event.value = 1;
    for (size_t i = 0; i < sizeof event; i++)
        CHECK(write(fd, (const char *)&event + i, 1) == 1);
    CHECK(write(fd, &event, sizeof event / 2) == sizeof event / 2);
}

static void records_may_come_in_pieces(void)
{
    heard h;
    play(&h, write_in_pieces);
    CHECK_STR(heard_wait(&h, 0, 0, false), "+ctrl_left");
    CHECK_STR(h.why, "The recorded key stream ended in the middle of a record");
}

static void write_odd_times(int fd, int64_t us)
{
    put_key(fd, us, KEY_LEFTCTRL, 1);
    put_key(fd, INT64_MAX, KEY_LEFTCTRL, 0);
    put_key(fd, -5, KEY_LEFTCTRL, 1);
    put_key(fd, INT64_MIN, KEY_LEFTCTRL, 0);
    put_key(fd, us + 3600000000, KEY_LEFTCTRL, 1); /* nobody waits an hour for it */
}

static void odd_times_are_survived(void)
{
    heard h;
    play(&h, write_odd_times);
    CHECK_STR(heard_wait(&h, 0, 0, false), "+ctrl_left -ctrl_left +ctrl_left -ctrl_left +ctrl_left");
    for (int i = 1; i < h.n; i++)
        CHECK(h.events[i].time_us >= h.events[i - 1].time_us);
}

/* Closed while it waits for the time of a record, and while it waits for a record. */
static void closes_in_the_middle(void)
{
    heard h;
    char error[KEYS_ERROR];
    keys_sink sink = heard_init(&h);
    for (int waits = 0; waits < 2; waits++) {
        int fds[2];
        CHECK(pipe(fds) == 0);
        keys *source = keys_stream_open(fds[0], &sink, error);
        put_key(fds[1], INT64_C(1600000000000000), KEY_LEFTCTRL, 1);
        if (waits)
            put_key(fds[1], INT64_C(1600000050000000), KEY_LEFTCTRL, 0);
        heard_wait(&h, 0, waits + 1, false);
        keys_close(source);
        close(fds[1]);
    }
    CHECK_INT(h.n, 2);
    CHECK_INT(h.n_lost, 0);
}

/* ---- a folder ---- */

static char folder[] = "/tmp/keys-evdev-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[100];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* A device appears; returns the end that its events are written to. */
static int plug(const char *name)
{
    CHECK(mkfifo(in_folder(name), 0600) == 0);
    return open(in_folder(name), O_RDWR | O_CLOEXEC);
}

static void unplug(const char *name, int fd)
{
    unlink(in_folder(name));
    close(fd);
}

static void devices_come_and_go(void)
{
    heard h;
    char error[KEYS_ERROR] = "";
    keys_sink sink = heard_init(&h);
    int first = plug("event0");
    keys *source = keys_evdev_open(folder, &sink, error);
    if (!CHECK(source != NULL)) {
        printf("# %s\n", error);
        return;
    }
    CHECK_STR(keys_name(source), "evdev");
    put_tap(first, 1000000, KEY_LEFTCTRL);
    CHECK_STR(heard_wait(&h, 0, 2, false), "+ctrl_left -ctrl_left");

    int second = plug("event1"), other = plug("mouse0"); /* the second is a device, the other none of ours */
    put_tap(other, 1000000, KEY_LEFTCTRL);
    put_key(second, 1000000, KEY_RIGHTSHIFT, 1);
    CHECK_STR(heard_wait(&h, 2, 3, false), "+shift_right");
    put_key(second, 1000000, KEY_B, 1);
    heard_wait(&h, 2, 4, false);
    unplug("event1", second);
    CHECK_STR(heard_wait(&h, 4, 7, false), "! -shift_right -other");

    unplug("event0", first); /* the last one goes, and comes again under its old name */
    heard_wait(&h, 7, 8, false);
    first = plug("event0");
    put_tap(first, 1000000, KEY_RIGHTCTRL);
    CHECK_STR(heard_wait(&h, 7, 10, false), "! +ctrl_right -ctrl_right");
    CHECK_INT(h.n_lost, 0);
    unplug("event0", first);
    unplug("mouse0", other);
    keys_close(source);
    CHECK_INT(h.n_lost, 0);
}

/* Until it is lost: a folder that goes takes all with it. */
static void a_folder_that_goes_is_told(void)
{
    heard h;
    char error[KEYS_ERROR] = "", expected[KEYS_ERROR];
    keys_sink sink = heard_init(&h);
    int fd = plug("event0");
    keys *source = keys_evdev_open(folder, &sink, error);
    unplug("event0", fd);
    CHECK(rmdir(folder) == 0);
    heard_wait(&h, 0, 0, true);
    keys_close(source);
    snprintf(expected, sizeof expected, "The folder of input devices %s is gone, so keys are not heard any more",
             folder);
    CHECK_STR(h.why, expected);
    CHECK_INT(h.n_lost, 1);
    CHECK(mkdir(folder, 0700) == 0);
}

static void without_a_keyboard_there_is_no_source(void)
{
    heard h;
    char error[KEYS_ERROR] = "", expected[KEYS_ERROR];
    keys_sink sink = heard_init(&h);
    CHECK(keys_evdev_open(folder, &sink, error) == NULL);
    snprintf(expected, sizeof expected, "There is no keyboard among the 0 input devices in %s", folder);
    CHECK_STR(error, expected);
    close(open(in_folder("event0"), O_CREAT | O_WRONLY, 0600)); /* a file is no device */
    CHECK(keys_evdev_open(folder, &sink, error) == NULL);
    snprintf(expected, sizeof expected, "There is no keyboard among the 1 input devices in %s", folder);
    CHECK_STR(error, expected);
    unlink(in_folder("event0"));
    CHECK(keys_evdev_open("/nowhere/input", &sink, error) == NULL);
    CHECK_STR(error, "The folder of input devices /nowhere/input cannot be opened: No such file or directory");
}

/* Root may read everything, so it becomes nobody for the time being. */
static void a_missing_permission_is_explained(void)
{
    heard h;
    char error[KEYS_ERROR] = "", expected[KEYS_ERROR];
    keys_sink sink = heard_init(&h);
    int fds[] = {plug("event0"), plug("event1"), plug("event2")};
    for (int i = 0; i < 3; i++)
        CHECK(fchmod(fds[i], 0) == 0);
    CHECK(chmod(folder, 0755) == 0);
    bool root = geteuid() == 0;
    if (root && seteuid(65534) != 0) {
        printf("# SKIP root that cannot become another user\n");
    } else {
        CHECK(keys_evdev_open(folder, &sink, error) == NULL);
        CHECK(!root || seteuid(0) == 0);
        CHECK(strstr(error, "(and 2 more)") != NULL);
        snprintf(expected, sizeof expected, "No permission to read %s/event", folder);
        CHECK(strncmp(error, expected, strlen(expected)) == 0);
        CHECK(strstr(error, "`sudo usermod -aG input $USER` and log in again") != NULL);
        CHECK(strstr(error, "KERNEL==\"event*\", SUBSYSTEM==\"input\", TAG+=\"uaccess\"") != NULL);
    }
    for (int i = 0; i < 3; i++) {
        char name[] = {'e', 'v', 'e', 'n', 't', (char)('0' + i), 0};
        unplug(name, fds[i]);
    }
}

/* udev makes a node first and gives it to its group after. */
static void a_device_is_tried_again_when_its_permission_changes(void)
{
    heard h;
    char error[KEYS_ERROR] = "";
    keys_sink sink = heard_init(&h);
    bool root = geteuid() == 0;
    int first = plug("event0");
    CHECK(chmod(folder, 0755) == 0 && fchmod(first, 0644) == 0);
    if (root && seteuid(65534) != 0) {
        printf("# SKIP root that cannot become another user\n");
        unplug("event0", first);
        return;
    }
    keys *source = keys_evdev_open(folder, &sink, error);
    CHECK(!root || seteuid(0) == 0);
    if (CHECK(source != NULL)) {
        int second = plug("event1");
        CHECK(fchmod(second, 0) == 0 && fchmod(second, 0644) == 0);
        put_tap(second, 1000000, KEY_ESC);
        CHECK_STR(heard_wait(&h, 0, 2, false), "+escape -escape");
        keys_close(source);
        unplug("event1", second);
    }
    unplug("event0", first);
}

static void devices_are_told_apart(void)
{
    struct libevdev *dev = libevdev_new();
    if (!CHECK(dev != NULL))
        return;
    CHECK_INT(evdev_use_of(dev), EVDEV_IGNORED);
    libevdev_set_name(dev, "Some webcam's button");
    libevdev_enable_event_code(dev, EV_KEY, KEY_CAMERA, NULL);
    CHECK_INT(evdev_use_of(dev), EVDEV_IGNORED);
    libevdev_enable_event_code(dev, EV_KEY, BTN_LEFT, NULL);
    CHECK_INT(evdev_use_of(dev), EVDEV_POINTER);
    libevdev_enable_event_code(dev, EV_KEY, KEY_LEFTCTRL, NULL);
    CHECK_INT(evdev_use_of(dev), EVDEV_KEYBOARD);
    libevdev_set_name(dev, "ctrlspeak virtual keyboard");
    CHECK_INT(evdev_use_of(dev), EVDEV_IGNORED);
    libevdev_free(dev);
}

int main(void)
{
    if (!mkdtemp(folder))
        return check_skip_all("no folder can be made in /tmp");
    RUN(a_recorded_triple_tap_starts);
    RUN(a_recorded_ctrl_c_three_times_does_not);
    RUN(records_of_all_kinds);
    RUN(dropped_records_release_what_was_down);
    RUN(records_may_come_in_pieces);
    RUN(odd_times_are_survived);
    RUN(closes_in_the_middle);
    RUN(devices_come_and_go);
    RUN(a_folder_that_goes_is_told);
    RUN(without_a_keyboard_there_is_no_source);
    RUN(a_missing_permission_is_explained);
    RUN(a_device_is_tried_again_when_its_permission_changes);
    RUN(devices_are_told_apart);
    rmdir(folder);
    return check_done();
}
