/* SPDX-License-Identifier: MIT
 *
 * A packet between the dictation program and its worker process. Asked of it: no bad read; what is taken for a message is
 * within its rules, its strings end inside the packet, and written again it is the same bytes; so are what a job asks for and
 * what a model takes. */
#include "dictate/worker/worker_ask.h"
#include "dictate/worker/worker_wire.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t again[WIRE_BYTES];
    wire_message m;
    if (size > sizeof again || !wire_decode(data, size, &m))
        return 0;
    for (int i = 0; i < WIRE_STRINGS; i++)
        if (m.strings[i]
            && (m.strings[i] < (const char *)data || m.strings[i] + strlen(m.strings[i]) >= (const char *)data + size))
            abort();
    if (wire_encode(&m, again, sizeof again) != size || memcmp(again, data, size) != 0)
        abort();
    worker_ask ask;
    worker_facts facts;
    char how[ASK_HOW], told[FACTS_TEXT];
    if (m.type == WIRE_HEAR && ask_read(m.strings[0], m.strings[1], m.strings[2], &ask)) {
        ask_write(&ask, how);
        if (strcmp(ask.spoken.language, m.strings[0]) != 0 || strcmp(ask.spoken.target, m.strings[1]) != 0
            || strcmp(how, m.strings[2]) != 0)
            abort();
    }
    if (m.type == WIRE_DONE && facts_read(m.strings[2], &facts)) {
        facts_write(&facts, told);
        if (strcmp(told, m.strings[2]) != 0)
            abort();
    }
    return 0;
}
