/* SPDX-License-Identifier: MIT
 * See cmd_worker.h. */
#include "cmd_worker.h"
#include "worker.h"

static int run(const cli_command *command, int argc, char **argv)
{
    int n_operands = 0, status = cli_parse(command, argc, argv, NULL, &n_operands);
    if (status != APP_DONE)
        return status < 0 ? APP_DONE : status;
    worker_tune_malloc();
    status = worker_child_main();
    return status == APP_USAGE ? cli_misuse(command, "only 'ctrlspeak dictate --worker process' can run this command: "
                                                     "expected its socket as descriptor 3")
                               : status;
}

const cli_command command_worker = {
    .name = "worker",
    .operands = "",
    .summary = "Transcribe for 'ctrlspeak dictate --worker process', which starts this itself",
    .run = run,
};
