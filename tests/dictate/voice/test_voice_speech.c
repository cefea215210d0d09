/* SPDX-License-Identifier: MIT
 *
 * Real speech: recordings of people in rooms, as they are, 20 dB quieter, and in noise that is known; and the repository's
 * samples. Arguments: samples/, and ../shared/audio, which may be absent. */
#define _GNU_SOURCE
#include "check.h"
#include "ctrlspeak.h"
#include "signals.h"

#include <dirent.h>
#include <ftw.h>
#include <unistd.h>

static const char *samples, *recordings;
static char commands[300]; /* the folder with the single words, "" when there is none */

typedef struct tally {
    int n_files, n_missed;
    double seconds, speech_seconds;
} tally;

static bool read_sound(const char *path, track *t, double gain_db)
{
    cs_audio *audio = NULL;
    cs_error err = {0};
    if (cs_audio_read_file(path, NULL, &audio, &err) != CS_OK) {
        printf("# %s\n", err.message);
        return false;
    }
    *t = (track){malloc((audio->n_samples + 1) * sizeof(float)), (int64_t)audio->n_samples};
    for (int64_t i = 0; t->pcm && i < t->n; i++)
        t->pcm[i] = (float)(audio->channels[0][i] * signal_gain(gain_db));
    cs_audio_free(audio);
    return t->pcm != NULL;
}

/* Add one file; noise_db 0: none, else it is there before the file, too, so that the floor is known. */
static void count(tally *sum, const char *path, double gain_db, double noise_db)
{
    track t;
    spans s;
    voice_options o;
    voice_options_init(&o);
    voice *v = voice_create(&o);
    if (!CHECK(v && read_sound(path, &t, gain_db))) {
        voice_free(v);
        return;
    }
    if (noise_db < 0) {
        track room = track_make(5000);
        track_noise(room, 0, 5000, noise_db, 1);
        track_noise(t, 0, t.n / MS, noise_db, 2);
        spans_find(&s, v, room, room.n);
        voice_reset(v);
        free(room.pcm);
    }
    spans_find(&s, v, t, 480);
    sum->n_files++;
    sum->n_missed += s.n == 0;
    sum->seconds += (double)t.n / VOICE_RATE_HZ;
    sum->speech_seconds += voice_speech_seconds(v);
    voice_free(v);
    free(t.pcm);
}

static tally count_folder(const char *folder, double gain_db, double noise_db)
{
    tally sum = {0};
    DIR *dir = opendir(folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[1024];
        size_t n = strlen(entry->d_name);
        if (n < 5 || strcmp(entry->d_name + n - 4, ".wav") != 0
            || snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path)
            continue;
        count(&sum, path, gain_db, noise_db);
    }
    if (dir)
        closedir(dir);
    printf("# %+.0f dB, noise %.0f dBFS: %d of %d missed, %.1f of %.1f s are speech\n", gain_db, noise_db, sum.n_missed,
           sum.n_files, sum.speech_seconds, sum.seconds);
    return sum;
}

static void the_samples_are_speech(void)
{
    for (int gain = -20; gain <= 0; gain += 10) {
        tally sum = count_folder(samples, gain, 0);
        CHECK(sum.n_files > 0);
        CHECK_INT(sum.n_missed, 0);
        CHECK(sum.speech_seconds > 0.6 * sum.seconds);
    }
}

/* 300 single words of 41 people. One of them has an effective value of -74 dBFS: less than most rooms. */
static void single_words_of_many_people(void)
{
    tally plain = count_folder(commands, 0, 0), quiet = count_folder(commands, -20, 0),
          room = count_folder(commands, 0, -50);
    CHECK_INT(plain.n_files, 300);
    CHECK(plain.n_missed <= 1);
    CHECK(quiet.n_missed <= 1);
    CHECK(room.n_missed <= 3);
}

static spans find_in(const char *name)
{
    static spans s;
    track t;
    char path[1024];
    voice_options o;
    voice_options_init(&o);
    voice *v = voice_create(&o);
    s.n = 0;
    snprintf(path, sizeof path, "%s/%s", recordings, name);
    if (CHECK(v && read_sound(path, &t, 0))) {
        spans_find(&s, v, t, 480);
        free(t.pcm);
    }
    voice_free(v);
    return s;
}

/* 11 s without a pause of a second; two utterances with silence between them; a microphone's noise alone. */
static void recordings_of_people(void)
{
    CHECK_INT(find_in("jfk.wav").n, 1);
    spans s = find_in("jobs-silence.wav");
    CHECK_INT(s.n, 2);
    CHECK(s.n == 2 && s.items[1].first - s.items[0].first - s.items[0].n > 1000 * MS);
    CHECK(find_in("noise.wav").n <= 1);
    static const char *const names[] = {"german.wav", "ja.wav", "ko.wav", "ru.wav", "zh.wav", "librispeech-phoebe.wav"};
    for (int i = 0; i < 6; i++)
        CHECK(find_in(names[i]).n >= 1);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st, (void)kind, (void)ftw;
    return remove(path);
}

static void skip(const char *name, const char *why)
{
    printf("ok %d - %s # SKIP %s\n", ++check_n, name, why);
}

int main(int argc, char **argv)
{
    char place[] = "/tmp/voice-speech-XXXXXX", command[3000];
    if (argc != 3 || !mkdtemp(place))
        return 2;
    samples = argv[1];
    recordings = argv[2];
    snprintf(commands, sizeof commands, "%s/speech-commands-sample", place);
    snprintf(command, sizeof command, "tar -xzf '%s/speech-commands-sample.tar.gz' -C %s 2>/dev/null", recordings,
             place);
    RUN(the_samples_are_speech);
    if (access(recordings, R_OK) == 0)
        RUN(recordings_of_people);
    else
        skip("recordings_of_people", "no ../shared/audio");
    if (system(command) == 0)
        RUN(single_words_of_many_people);
    else
        skip("single_words_of_many_people", "no ../shared/audio/speech-commands-sample.tar.gz");
    nftw(place, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return check_done();
}
