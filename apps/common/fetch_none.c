/* SPDX-License-Identifier: MIT
 * fetch.h for a program without libcurl. */
#include "common/cli.h"
#include "common/fetch.h"

bool fetch_possible(void)
{
    return false;
}

int fetch_file(const fetch_options *options, fetch_part *part, fetch_answer *answer)
{
    (void)options, (void)part;
    *answer = (fetch_answer){.error = "this program was built without libcurl and cannot fetch; fetch the file by "
                                      "other means, then: ctrlspeak models import FILE"};
    return APP_SYSTEM;
}
