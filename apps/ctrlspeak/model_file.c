/* SPDX-License-Identifier: MIT
 * See model_file.h. */
#include "model_file.h"
#include "common/cli.h"
#include "common/say.h"

int model_file_wanted(const char *path)
{
    if (path)
        return APP_DONE;
    say("error", "model", "no model: name one with --model FILE.nemo or CS_MODEL=FILE.nemo");
    say("error", "model",
        "NVIDIA publishes them; this gets one: curl -LO "
        "https://huggingface.co/nvidia/parakeet-tdt-0.6b-v3/resolve/main/parakeet-tdt-0.6b-v3.nemo");
    return APP_MODEL;
}

static void on_log(void *user, cs_log_level level, const char *part, const char *text)
{
    (void)user;
    if (level <= CS_LOG_WARNING)
        say(level == CS_LOG_ERROR ? "error" : "warning", part, "%s", text);
}

int model_file_open(const char *path, cs_precision precision, int32_t threads, const char *cpu, cs_model **model)
{
    cs_model_options options;
    cs_error err = {0};
    cs_model_options_init(&options);
    options.precision = precision;
    options.threads = threads;
    options.cpu_path = cpu;
    options.log = on_log;
    cs_err code = cs_model_open(path, &options, model, &err);
    if (code == CS_OK)
        return APP_DONE;
    say("error", "model", "%s", err.message[0] ? err.message : cs_err_text(code));
    return code == CS_EINVAL ? APP_USAGE : code == CS_ENOMEM || code == CS_ESYSTEM ? APP_SYSTEM : APP_MODEL;
}
