/* SPDX-License-Identifier: MIT
 *
 * The daemon's own insides, shared by its files alone. One thread, the main one, owns all of this; the others only post mail.
 *
 *   daemon.c      the loop: mail, control socket, signals, timers
 *   setup.c       open and close the parts; reload
 *   utterance.c   one utterance: segments to text
 *   pieces.c      one segment to text: context before it, holes in it
 *   languages.c   which languages a recording is heard with
 *   actions.c     what each action of the machine means
 *   delivery.c    the deliverer: opened when it is wanted, and again when the display is back
 *   orders.c      the commands of the control socket and the screen
 *   view.c        what status, follow and the screen show */
#ifndef DICTATE_DAEMON_H
#define DICTATE_DAEMON_H

#include "common/textbuf.h"
#include "dictate/control/control.h"
#include "dictate/daemon/dictation.h"
#include "dictate/daemon/latency.h"
#include "dictate/daemon/machine.h"
#include "dictate/daemon/recording.h"
#include "dictate/feedback/feedback.h"
#include "dictate/feedback/log_file.h"
#include "dictate/history/history.h"
#include "dictate/settings/settings.h"
#include "dictate/voice/joining.h"

enum { UTTERANCES_MAX = 32, CLIENTS_WAITING_MAX = 32, CUES_KEPT = 3, SHOWN_MS = 2500 };

/* Speech that the model passed over: decoded by itself, its text goes into the piece's. */
typedef struct patch {
    int64_t job; /* 0: done */
    int32_t at;  /* byte of the piece's text */
} patch;

/* A piece of an utterance that is decoded by itself. */
enum { PATCHES_MAX = 4 };
typedef struct piece {
    voice_segment segment;
    int64_t job, from; /* from: the first sample of the job; before the segment's when context was given */
    char *text;        /* NULL: not answered yet */
    bool failed;
    patch patches[PATCHES_MAX];
    int32_t n_patches;
} piece;

typedef struct utterance {
    int64_t id;
    dictate_state state;
    recording *sound;
    bool recovered; /* of an earlier run: for the history, not for the cursor */
    bool recorded;  /* all sound is there */
    bool kept;      /* whatever becomes of it: not all that was said could be decoded */
    piece *pieces;
    int32_t n_pieces, piece_capacity;
    int64_t whole_job;  /* all in one, across soft pauses; 0: not asked for */
    int64_t second_job; /* the second try after an empty result; 0: not yet */
    double decode_ms, speech_seconds;
    bool no_memory;
    int32_t binding;  /* gesture that started it; -1: a command */
    spoken_as spoken; /* from its start on */
    char why[DAEMON_ERROR];
    char *text; /* as delivered */
    char model[SCREEN_LINE], language[32], target[DELIVER_TARGET];
    int64_t delivery, history_id;
    int64_t arm_us, start_us, first_us, stop_us, recorded_us, text_us, receipt_us, shown_until_us;
    int64_t end_ms; /* Unix time */
} utterance;

/* When a cue of ours can be heard, on CLOCK_MONOTONIC. */
typedef struct cue_window {
    int64_t from_us, to_us;
} cue_window;

/* A client of the control socket that waits for an utterance or a delivery to end, or follows. */
typedef struct waiting {
    control_client *client;
    enum { WAITS_OUTCOME, WAITS_DELIVERY, FOLLOWS } what;
    int64_t id;
    bool json;
} waiting;

typedef struct dictation {
    daemon_options options;
    settings *set;
    mailbox *box;
    control *control;
    worker *worker;
    keys *keys;
    capture_system *capture;
    char *capture_source; /* what it was opened with */
    char capture_trouble[CAPTURE_ERROR];
    deliverer *deliverer; /* NULL: to be opened when a text wants it */
    struct delivery_link *delivery_link;
    int64_t delivery_base;
    history *history; /* NULL: not kept */
    feedback *feedback;
    screen *screen;
    text_rules *rules;
    gesture_engine gestures;
    latency latency;
    char *spool_folder; /* NULL: sound is kept in memory alone */
    char *model_wanted, *screen_history;

    utterance *utterances[UTTERANCES_MAX]; /* oldest first */
    int32_t n_utterances;
    int64_t next_id;
    waiting waiting[CLIENTS_WAITING_MAX];
    int32_t n_waiting;

    worker_state worker_state;
    worker_facts facts;                  /* of the model that was opened last */
    char language_trouble[WORKER_ERROR]; /* what languages_tell() has said */
    char model[SCREEN_LINE], model_trouble[DAEMON_ERROR], device[SCREEN_LINE], message[DAEMON_ERROR];
    char device_wanted[CAPTURE_NAME]; /* "": the default */
    char *last_text;                  /* for last and paste-last */
    int64_t last_history_id, last_delivery;
    dictate_state shown;
    double ms_per_second; /* decoding, running mean */
    int64_t n_dictations, n_mails_lost, keys_retry_us, keys_wait_us, capture_retry_us, tidy_us, view_us;
    cue_window cues[CUES_KEPT]; /* the last ones: a recording that begins soon hears them, too */
    int32_t n_cues;
    bool warned_long, media_paused, model_failed;
    bool log_missing; /* it could not be opened: warnings go to stderr */
    bool quitting;
    screen_view view;
} dictation;

/* daemon.c */
int64_t dictation_now_us(void);
void dictation_say(dictation *d, log_level level, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* One event for one utterance: the machine's step and its actions. False: it meant nothing. */
bool dictation_event(dictation *d, utterance *u, machine_event event, int64_t time_us);
/* asked: languages of a command; NULL: none, and for a gesture. */
void dictation_gesture(dictation *d, const gesture_event *gesture, const spoken_as *asked);
void dictation_handle(dictation *d, const mail *m);
void dictation_outcome(dictation *d, const deliver_outcome *outcome);

/* languages.c */
/* What the settings say; false: error. */
bool languages_standard(const settings *set, spoken_as *standard, char error[DAEMON_ERROR]);
/* What a recording is heard with that this gesture, or a command (binding -1) that asked for this or (NULL) for nothing, began. */
spoken_as languages_of(const dictation *d, int32_t binding, const spoken_as *asked);
/* A warning if the model cannot do what the settings and gestures ask for, unless it was the last one. */
void languages_tell(dictation *d);
/* The same of one recording, for the screen. */
void languages_begin(dictation *d, const utterance *u);
bool languages_translated(const dictation *d, const utterance *u);

/* setup.c */
bool setup_open(dictation *d, char error[DAEMON_ERROR], int *status);
void setup_close(dictation *d);
bool setup_reload(dictation *d, char error[DAEMON_ERROR]);
/* Parts that can be absent for a while, tried again. */
void setup_keys(dictation *d, int64_t now_us);
bool setup_capture(dictation *d, int64_t now_us); /* false: see capture_trouble */
/* What is kept for a while alone goes. */
void setup_tidy(dictation *d);
bool setup_model(dictation *d, const char *name, char error[DAEMON_ERROR]);
void setup_recover(dictation *d);

/* delivery.c */
typedef struct delivery_link delivery_link;
bool delivery_open(dictation *d, char error[DAEMON_ERROR]);
/* Waits for what it is delivering; the outcomes of all it had to do are mail then. */
void delivery_close(dictation *d);
void delivery_lost(dictation *d, int64_t base, const char *why);
/* The delivery's number in MAIL_OUTCOME; -1: error says why there is none. text NULL: it was out of memory. */
int64_t delivery_text(dictation *d, const char *text, char error[DAEMON_ERROR]);
int64_t delivery_clipboard(dictation *d, const char *text, char error[DAEMON_ERROR]);

/* pieces.c */
/* The job; -1: out of memory. times: of words are wanted. */
int64_t pieces_decode(dictation *d, utterance *u, int64_t first, int64_t n, bool times);
/* The last of the utterance's pieces to the worker. */
void pieces_begin(dictation *d, utterance *u);
/* The answer to a piece's job, or to one of its patches. False: it is none of them. */
bool pieces_answer(dictation *d, utterance *u, const worker_answer *answer);
bool pieces_pending(const utterance *u);

/* utterance.c */
utterance *utterance_new(dictation *d);
void utterance_free(dictation *d, utterance *u);
utterance *utterance_hearing(dictation *d); /* the one that has the microphone, or NULL */
utterance *utterance_by_id(dictation *d, int64_t id);
void utterance_segment(dictation *d, utterance *u, int32_t i);
void utterance_recorded(dictation *d, utterance *u, int64_t time_us);
/* False: the job is of no utterance. */
bool utterance_answer(dictation *d, const worker_answer *answer);
/* What has been heard so far. */
void utterance_heard(const utterance *u, textbuf *text);

/* actions.c */
void actions_do(dictation *d, utterance *u, uint32_t actions, int64_t time_us);

/* orders.c */
void orders_command(void *user, control_client *client, const char *command);
void orders_gone(void *user, control_client *client);
void orders_screen(dictation *d, const screen_command *command);
/* The event that ended u. */
void orders_outcome(dictation *d, const utterance *u, machine_event event);
/* Nobody is to wait any more: it ends. */
void orders_end(dictation *d);
void orders_delivered(dictation *d, const deliver_outcome *outcome);
/* A start, stop, toggle or cancel that is no gesture. NULL: done; else why not. */
const char *orders_start(dictation *d, const spoken_as *asked);
const char *orders_stop(dictation *d);
const char *orders_cancel(dictation *d);

/* view.c */
void view_update(dictation *d, int64_t now_us); /* the screen, followers, the log, systemd, when something changed */
void view_json(dictation *d, textbuf *out);
void view_text(dictation *d, textbuf *out);           /* one line */
void view_page(dictation *d, control_client *client); /* the whole of `status` for people */
void view_lists(dictation *d);                        /* devices and models for the screen */

#endif
