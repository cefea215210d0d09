/* SPDX-License-Identifier: MIT
 * `ctrlspeak dictate start|stop|toggle|cancel|status|last|paste-last|reload|quit`: orders for the dictation that runs. */
#define _XOPEN_SOURCE 700
#include "common/say.h"
#include "common/spoken.h"
#include "dictate/control/control.h"
#include "task.h"

#include <errno.h>
#include <string.h>

enum { QUICK_MS = 5000, OUTCOME_MS = 600000 };

typedef struct arguments {
    int32_t json, follow, no_wait;
    const char *language, *translate_to;
} arguments;

static bool print(void *user, const char *line)
{
    (void)user;
    printf("%s\n", line[0] == ':' ? line + 1 : line); /* a spoken line is marked by a colon */
    return fflush(stdout) == 0;                       /* a reader that is gone ends it */
}

static int ask(const char *order, int32_t timeout_ms)
{
    char error[CONTROL_ERROR];
    int status = control_ask(order, timeout_ms, print, NULL, error);
    if (status != APP_DONE)
        say("error", "dictate", "%s", error[0] ? error : "it was refused");
    return status;
}

static int run(const cli_command *command, int argc, char **argv)
{
    const char *order = strchr(command->name, ' ') + 1;
    char text[160], trouble[200];
    spoken_as asked = {0};
    arguments a = {0};
    int n_operands = 0, status = cli_parse(command, argc, argv, &a, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    if (strcmp(order, "status") == 0 && a.follow)
        return ask(a.json ? "follow --json" : "follow", -1);
    if (!spoken_set(&asked, a.language ? a.language : "", a.translate_to ? a.translate_to : "", trouble,
                    sizeof trouble))
        return cli_misuse(command, "%s", trouble);
    snprintf(text, sizeof text, "%s%s%s%s%s%s%s", order, a.no_wait ? " --no-wait" : "", a.json ? " --json" : "",
             asked.language[0] ? " --language " : "", asked.language, asked.target[0] ? " --translate-to " : "",
             asked.target);
    bool waits =
        !a.no_wait && (strcmp(order, "stop") == 0 || strcmp(order, "toggle") == 0 || strcmp(order, "paste-last") == 0);
    return ask(text, waits ? OUTCOME_MS : QUICK_MS);
}

/* stop takes the first, start the others, toggle all. */
static const cli_option recording_options[] = {
    {"no-wait", 0, CLI_FLAG, offsetof(arguments, no_wait), NULL, 0, 0, NULL, NULL,
     "do not wait for the text to be delivered"},
    {"language", 0, CLI_TEXT, offsetof(arguments, language), "LANGUAGE", 0, 0, "as the settings say", NULL,
     "what is spoken in this recording, for a model that is told (Canary)"},
    {"translate-to", 0, CLI_TEXT, offsetof(arguments, translate_to), "LANGUAGE", 0, 0, "as the settings say", NULL,
     "what to write; with --language alone, what is spoken is written"},
};

static const cli_option status_options[] = {
    {"follow", 'f', CLI_FLAG, offsetof(arguments, follow), NULL, 0, 0, NULL, NULL,
     "a line at every change, until interrupted"},
    {"json", 0, CLI_FLAG, offsetof(arguments, json), NULL, 0, 0, NULL, NULL, "one JSON object a line"},
};

static const cli_example start_examples[] = {{"ctrlspeak dictate start --language de --translate-to en",
                                              "as the gesture would; what is spoken in German becomes English"}};
static const cli_example stop_examples[] = {
    {"ctrlspeak dictate stop", "0: delivered; 3: no speech; 8: not delivered, but kept"}};
static const cli_example toggle_examples[] = {{"ctrlspeak dictate toggle", "bind a key of the desktop to it"}};
static const cli_example cancel_examples[] = {{"ctrlspeak dictate cancel", "drop what is being recorded or decoded"}};
static const cli_example status_examples[] = {{"ctrlspeak dictate status --follow --json", "for a status bar"}};
static const cli_example last_examples[] = {{"ctrlspeak dictate last", "the text of the last dictation"}};
static const cli_example paste_examples[] = {{"ctrlspeak dictate paste-last", "deliver it again"}};
static const cli_example reload_examples[] = {{"ctrlspeak dictate reload", "after the config file was changed"}};
static const cli_example quit_examples[] = {{"ctrlspeak dictate quit", "end it"}};

#define ORDER(variable, order, what, example_list, option_list, n_option_list) \
    const cli_command variable = {                                             \
        .name = "dictate " order,                                              \
        .operands = "",                                                        \
        .summary = what,                                                       \
        .examples = example_list,                                              \
        .n_examples = 1,                                                       \
        .options = option_list,                                                \
        .n_options = n_option_list,                                            \
        .run = run,                                                            \
    };

ORDER(command_dictate_start, "start", "Begin a recording", start_examples, recording_options + 1, 2)
ORDER(command_dictate_stop, "stop", "End the recording and wait for its text", stop_examples, recording_options, 1)
ORDER(command_dictate_toggle, "toggle", "Begin or end a recording", toggle_examples, recording_options, 3)
ORDER(command_dictate_cancel, "cancel", "Drop the recording", cancel_examples, NULL, 0)
ORDER(command_dictate_status, "status", "What the running dictation does", status_examples, status_options, 2)
ORDER(command_dictate_last, "last", "Print the text of the last dictation", last_examples, NULL, 0)
ORDER(command_dictate_paste_last, "paste-last", "Deliver the last text again", paste_examples, NULL, 0)
ORDER(command_dictate_reload, "reload", "Read the settings again", reload_examples, NULL, 0)
ORDER(command_dictate_quit, "quit", "End the running dictation", quit_examples, NULL, 0)
