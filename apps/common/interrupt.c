/* SPDX-License-Identifier: MIT
 * See interrupt.h. A signal handler can only be told things through globals: there are two, both safe to use in one. */
#define _XOPEN_SOURCE 700
#include "common/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <unistd.h>

static atomic_int caught_signal;
static _Atomic(const char *) unfinished_path;

static void on_signal(int number)
{
    int none = 0;
    if (atomic_compare_exchange_strong(&caught_signal, &none, number))
        return;
    const char *path = atomic_load(&unfinished_path);
    if (path)
        unlink(path);
    _exit(128 + number);
}

void interrupt_install(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal}, before;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) /* nohup stays nohup */
            sigaction(numbers[i], &action, NULL);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, NULL);
    sigaction(SIGXFSZ, &action, NULL);
}

bool interrupt_wanted(void)
{
    return atomic_load_explicit(&caught_signal, memory_order_relaxed) != 0;
}

int interrupt_status(void)
{
    return 128 + atomic_load(&caught_signal);
}

void interrupt_remove_on_exit(const char *path)
{
    atomic_store(&unfinished_path, path);
}
