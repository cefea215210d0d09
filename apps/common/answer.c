/* SPDX-License-Identifier: MIT
 * See answer.h. */
#include "common/answer.h"
#include "common/cli.h"
#include "common/outfile.h"
#include "common/say.h"

int answer_write(const textbuf *text)
{
    outfile out;
    outfile_open(&out, NULL);
    if (!text->failed && (!outfile_write(&out, text->data, text->size) || out.reader_gone))
        return APP_DONE;
    say("error", "output", "%s", text->failed ? "out of memory" : out.error);
    return APP_SYSTEM;
}
