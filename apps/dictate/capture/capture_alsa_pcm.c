/* SPDX-License-Identifier: MIT
 *
 * Opening ALSA devices and reading what they are. A device is opened by its configured name ("default" unless told
 * otherwise), never as "hw:" of our own accord: that would take it away from everybody else. ALSA's own conversion of
 * rates is switched off where it can be, because ours is better. */
#define _GNU_SOURCE
#include "dictate/capture/capture_alsa.h"

#include <errno.h>
#include <string.h>

enum { USUAL_RATE_HZ = 48000, BUFFER_US = 500000 };

static int choose(alsa_pcm *to, snd_pcm_hw_params_t *hw, int32_t rate_hz)
{
    static const snd_pcm_format_t formats[] = {SND_PCM_FORMAT_FLOAT, SND_PCM_FORMAT_S32, SND_PCM_FORMAT_S16};
    int failure = snd_pcm_hw_params_any(to->pcm, hw);
    if (failure < 0)
        return failure;
    if (rate_hz == 0 && capture_rate_can_change())
        snd_pcm_hw_params_set_rate_resample(to->pcm, hw, 0);
    failure = snd_pcm_hw_params_set_access(to->pcm, hw, SND_PCM_ACCESS_RW_INTERLEAVED);
    if (failure < 0)
        return failure;
    failure = -EINVAL;
    for (size_t i = 0; i < sizeof formats / sizeof *formats && failure < 0; i++) {
        to->format = formats[i];
        failure = snd_pcm_hw_params_set_format(to->pcm, hw, formats[i]);
    }
    if (failure < 0)
        return failure;
    unsigned n_channels = 1, rate = (unsigned)(rate_hz ? rate_hz : USUAL_RATE_HZ);
    unsigned period_us = CAPTURE_FRAGMENT_MS * 1000, buffer_us = BUFFER_US;
    if (!capture_rate_can_change())
        rate = CAPTURE_RATE_HZ;
    if ((failure = snd_pcm_hw_params_set_channels_near(to->pcm, hw, &n_channels)) < 0
        || (failure = snd_pcm_hw_params_set_rate_near(to->pcm, hw, &rate, NULL)) < 0
        || (failure = snd_pcm_hw_params_set_period_time_near(to->pcm, hw, &period_us, NULL)) < 0
        || (failure = snd_pcm_hw_params_set_buffer_time_near(to->pcm, hw, &buffer_us, NULL)) < 0
        || (failure = snd_pcm_hw_params(to->pcm, hw)) < 0)
        return failure;
    if (n_channels < 1 || n_channels > ALSA_CHANNELS_MOST || (rate_hz && rate != (unsigned)rate_hz))
        return -EINVAL;
    to->n_channels = n_channels;
    to->rate_hz = (int32_t)rate;
    return 0;
}

int alsa_open_pcm(alsa_pcm *to, const char *name, int32_t rate_hz)
{
    *to = (alsa_pcm){0};
    int failure = snd_pcm_open(&to->pcm, name, SND_PCM_STREAM_CAPTURE, SND_PCM_NONBLOCK);
    if (failure < 0)
        return failure;
    snd_pcm_hw_params_t *hw = NULL;
    failure = snd_pcm_hw_params_malloc(&hw);
    if (failure == 0)
        failure = choose(to, hw, rate_hz);
    snd_pcm_hw_params_free(hw);
    if (failure < 0) {
        snd_pcm_close(to->pcm);
        to->pcm = NULL;
    }
    return failure < 0 ? failure : 0;
}

static float sample_at(const alsa_pcm *from, const void *frames, size_t i)
{
    if (from->format == SND_PCM_FORMAT_FLOAT)
        return ((const float *)frames)[i];
    if (from->format == SND_PCM_FORMAT_S32)
        return (float)((const int32_t *)frames)[i] / 2147483648.0f;
    return (float)((const int16_t *)frames)[i] / 32768.0f;
}

void alsa_mix(const alsa_pcm *from, const void *frames, size_t n, float *out)
{
    for (size_t i = 0; i < n; i++) {
        float sum = 0;
        for (size_t channel = 0; channel < from->n_channels; channel++)
            sum += sample_at(from, frames, i * from->n_channels + channel);
        out[i] = sum / (float)from->n_channels;
    }
}

void alsa_why(int failure, const char *name, char error[CAPTURE_ERROR])
{
    if (failure == -EACCES || failure == -EPERM)
        capture_say(
            error, "No permission: ALSA's device \"%.100s\" is closed to this user (is it in the group audio?).", name);
    else if (failure == -ENOENT || failure == -ENODEV || failure == -ENXIO)
        capture_say(error, "There is no microphone: ALSA has no device \"%.100s\" to record from.", name);
    else if (failure == -EBUSY)
        capture_say(error, "The microphone is taken: another program holds ALSA's device \"%.100s\".", name);
    else
        capture_say(error, "ALSA's device \"%.100s\" cannot be opened for recording: %s.", name, snd_strerror(failure));
}

/* Raw devices would shut everybody else out; the others are not microphones. */
static bool is_for_people(const char *name)
{
    static const char *const others[] = {
        "null",      "hw",      "dsnoop",     "dmix",  "front", "surround", "iec958", "spdif", "hdmi",      "modem",
        "phoneline", "lavrate", "samplerate", "speex", "upmix", "vdownmix", "jack",   "oss",   "usbstream", "a52"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strncmp(name, others[i], strlen(others[i])) == 0)
            return false;
    return true;
}

static bool add_hint(void *hint, capture_device **devices, int32_t *n)
{
    char *name = snd_device_name_get_hint(hint, "NAME");
    char *direction = snd_device_name_get_hint(hint, "IOID"); /* NULL: both */
    char *about = snd_device_name_get_hint(hint, "DESC");
    bool ok = true;
    if (name && is_for_people(name) && (!direction || strcmp(direction, "Input") == 0)) {
        capture_device *device = capture_device_add(devices, n);
        ok = device != NULL;
        if (ok) {
            snprintf(device->name, sizeof device->name, "%s", name);
            snprintf(device->description, sizeof device->description, "%s", about ? about : name);
            for (char *c = device->description; *c; c++)
                if (*c == '\n')
                    *c = ' ';
            device->is_default = strcmp(name, "default") == 0;
        }
    }
    free(name);
    free(direction);
    free(about);
    return ok;
}

int32_t alsa_devices(capture_system *system, capture_device **devices, char error[CAPTURE_ERROR])
{
    (void)system;
    void **hints = NULL;
    int32_t n = 0;
    int failure = snd_device_name_hint(-1, "pcm", &hints);
    if (failure < 0) {
        capture_say(error, "ALSA does not say which devices it has: %s.", snd_strerror(failure));
        return -1;
    }
    bool ok = true;
    for (void **hint = hints; *hint && ok; hint++)
        ok = add_hint(*hint, devices, &n);
    snd_device_name_free_hint(hints);
    if (!ok) {
        free(*devices);
        *devices = NULL;
        capture_say(error, "Out of memory while the devices were listed.");
        return -1;
    }
    return n;
}
