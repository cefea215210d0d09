/* SPDX-License-Identifier: MIT
 * `ctrlspeak worker`: what `ctrlspeak dictate --worker process` runs. Not for people, so no help lists it. */
#ifndef WORKER_COMMAND_H
#define WORKER_COMMAND_H

#include "common/cli.h"

extern const cli_command command_worker;

#endif
