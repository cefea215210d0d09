/* SPDX-License-Identifier: MIT
 *
 * A packet between the dictation program and its worker process. Asked of it: no bad read; what is taken for a message is
 * within its rules, its strings end inside the packet, and written again it is the same bytes. */
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
    return 0;
}
