/* SPDX-License-Identifier: MIT
 *
 * The microphone. A capture_system is the connection to a sound server, made once and idle; a capture is one open
 * stream. No stream is open, and no microphone light on, outside capture_start()..capture_stop().
 *
 * The server's callback copies into a lock-free ring and returns. capture_read() resamples to 16 kHz mono on the
 * reader's thread. */
#ifndef DICTATE_CAPTURE_H
#define DICTATE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CAPTURE_ERROR = 400, CAPTURE_RATE_HZ = 16000, CAPTURE_NAME = 256 };

typedef struct capture_system capture_system;
typedef struct capture capture;

typedef struct capture_device {
    char name[CAPTURE_NAME];        /* what --device takes */
    char description[CAPTURE_NAME]; /* for people */
    bool is_default, is_monitor, is_bluetooth;
    int32_t rate_hz, n_channels;
} capture_device;

/* From some thread of the capture's; return at once. They may not call the capture, nor wait for a lock that is held
 * by whoever calls it. Each may be NULL. */
typedef struct capture_sink {
    void *user;
    /* The first real buffer came; its first sample was spoken then, on CLOCK_MONOTONIC. */
    void (*started)(void *user, int64_t time_us);
    /* The stream now takes from this device (start, default source changed, server came back). */
    void (*device)(void *user, const char *name, const char *description);
    /* Nothing more comes for now; what was read stays valid, and the capture tries to go on until it is stopped. */
    void (*interrupted)(void *user, const char *why);
    /* It cannot be opened, or was lost for good: one sentence. The capture has ended. */
    void (*failed)(void *user, const char *why);
} capture_sink;

/* source: "auto" (pulse, else alsa), "pulse", "alsa", "file:PATH" (a sound file, or raw s16le 16 kHz mono from a pipe;
 * read at real-time pace when it is a regular file and the name is "file:PATH"; "fast:PATH": as fast as it is read).
 * NULL: error says what was tried and what is missing: no server, no permission and no device are distinct. */
capture_system *capture_system_open(const char *source, char error[CAPTURE_ERROR]);
const char *capture_system_name(const capture_system *system); /* "pulse", "alsa", "file" */
void capture_system_close(capture_system *system);
/* The input devices, monitors last. -1: error. The array is the caller's to free(). */
int32_t capture_devices(capture_system *system, capture_device **devices, char error[CAPTURE_ERROR]);

/* Would a stream of this device (NULL: the default source) be a Bluetooth headset's? To open one makes it change its profile, which
 * takes seconds and spoils what it plays. By the names known at the moment: asks no server. */
bool capture_is_bluetooth(capture_system *system, const char *device);

/* Open a stream; returns at once, whatever the server does. device NULL: the default source, followed when it
 * changes. A device that is not there when the recording starts is a failure; one that goes away later is replaced by
 * the default. The system must outlive the capture. NULL only when out of memory or threads. */
capture *capture_start(capture_system *system, const char *device, const capture_sink *sink);
/* Up to n samples, 16 kHz mono in [-1, 1], without waiting. One reader thread. *time_us (may be NULL): when the last
 * of them was spoken, about. */
size_t capture_read(capture *stream, float *pcm, size_t n, int64_t *time_us);
/* Blocks until something can be read, the stream has ended, or timeout_ms went by. */
void capture_wait(capture *stream, int32_t timeout_ms);
/* No more sound is wanted after now; returns at once. What was spoken before can still be read: the capture ends when
 * the last of it has come, 100 ms later at the latest. From any thread. */
void capture_stop(capture *stream);
/* All was read and capture_read() has nothing more: it was stopped, it failed, or the file is at its end. */
bool capture_ended(const capture *stream);
/* Samples that came while the ring was full and are lost (native rate). */
int64_t capture_dropped(const capture *stream);
/* Frees; stops if needed. */
void capture_close(capture *stream);

#endif
