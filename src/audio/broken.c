/* SPDX-License-Identifier: MIT
 *
 * Does a container promise more bytes than the file has? libsndfile silently takes what is there, but whoever
 * transcribes a recording wants to know that its end is missing. Only the outermost structure is walked; whatever does
 * not look as expected gives no verdict. Lengths that writers to a pipe use for "unknown" are not promises. */
#include "audio/intake.h"

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

/* Streaming writers put 0, 0x7FFF0000 and the like, or all ones. */
static bool is_unknown(uint64_t n_bytes)
{
    return n_bytes == 0 || n_bytes >= 0x7FFF0000u;
}

/* WAV (little endian sizes) and AIFF (big endian): chunks after a 12-byte head. Returns where the wanted chunk's head
 * is, or size: not there, and *cut tells whether the walk ended inside a chunk. */
static size_t find_chunk(const uint8_t *data, size_t size, const char *wanted, bool big, bool *cut)
{
    size_t at = 12;
    *cut = false;
    while (at < size && size - at >= 8) {
        uint64_t n_bytes = big ? be32(data + at + 4) : le32(data + at + 4);
        if (memcmp(data + at, wanted, 4) == 0)
            return at;
        n_bytes += n_bytes & 1;
        *cut = n_bytes > size - at - 8;
        if (*cut)
            return size;
        at += 8 + (size_t)n_bytes;
    }
    *cut = at != size;
    return size;
}

static bool chunks_break_off(const uint8_t *data, size_t size, const char *wanted, bool big, uint64_t *missing)
{
    bool cut;
    size_t at = find_chunk(data, size, wanted, big, &cut);
    if (at == size)
        return cut || !big; /* AIFF without samples needs no SSND */
    uint64_t n_bytes = big ? be32(data + at + 4) : le32(data + at + 4), left = size - at - 8;
    *missing = n_bytes > left ? n_bytes - left : 0;
    return *missing > 0 && !is_unknown(n_bytes);
}

/* CAF: 64-bit chunk sizes, -1 for a data chunk up to the end. */
static bool caf_breaks_off(const uint8_t *data, size_t size, uint64_t *missing)
{
    for (size_t at = 8; size - at >= 12;) {
        uint64_t n_bytes = (uint64_t)be32(data + at + 4) << 32 | be32(data + at + 8), left = size - at - 12;
        if (memcmp(data + at, "data", 4) == 0) {
            *missing = n_bytes > left ? n_bytes - left : 0;
            return *missing > 0 && n_bytes < (uint64_t)1 << 62;
        }
        if (n_bytes >= left)
            return false;
        at += 12 + (size_t)n_bytes;
    }
    return false;
}

/* Ogg: pages to the end; the last one must be whole and say that it is the last. */
static bool ogg_breaks_off(const uint8_t *data, size_t size, uint64_t *missing)
{
    enum { PAGE_HEAD = 27, LAST_PAGE = 4 };
    bool last = false;
    for (size_t at = 0; at < size;) {
        size_t left = size - at;
        if (memcmp(data + at, "OggS", CSI_MIN(left, (size_t)4)) != 0)
            return false;
        if (left < PAGE_HEAD || left - PAGE_HEAD < data[at + 26])
            return true;
        size_t n_bytes = PAGE_HEAD + (size_t)data[at + 26];
        for (size_t i = 0; i < data[at + 26]; i++)
            n_bytes += data[at + PAGE_HEAD + i];
        if (n_bytes > left) {
            *missing = n_bytes - left;
            return true;
        }
        last = (data[at + 5] & LAST_PAGE) != 0;
        at += n_bytes;
    }
    return !last;
}

/* ISO base media (mp4, m4a): boxes to the end. Size 0 is "up to the end", 1 a 64-bit size behind the name. */
static bool boxes_break_off(const uint8_t *data, size_t size, uint64_t *missing)
{
    for (size_t at = 0; at < size;) {
        size_t left = size - at;
        if (left < 8)
            return true;
        uint64_t n_bytes = be32(data + at);
        if (n_bytes == 1 && left >= 16)
            n_bytes = (uint64_t)be32(data + at + 8) << 32 | be32(data + at + 12);
        if (n_bytes < 8)
            return false;
        if (n_bytes > left) {
            *missing = n_bytes - left;
            return true;
        }
        at += (size_t)n_bytes;
    }
    return false;
}

/* Matroska and WebM: elements at the top level, id and size as EBML numbers; all ones is an unknown size. */
static bool ebml_breaks_off(const uint8_t *data, size_t size, uint64_t *missing)
{
    for (size_t at = 0; at < size;) {
        size_t id_bytes = 1, size_bytes = 1;
        while (id_bytes < 4 && !(data[at] & 0x80 >> (id_bytes - 1)))
            id_bytes++;
        if (size - at <= id_bytes)
            return true;
        at += id_bytes;
        while (size_bytes < 8 && !(data[at] & 0x80 >> (size_bytes - 1)))
            size_bytes++;
        if (size - at < size_bytes)
            return true;
        uint64_t n_bytes = data[at] & (0xFFu >> size_bytes), ones = ((uint64_t)1 << 7 * size_bytes) - 1;
        for (size_t i = 1; i < size_bytes; i++)
            n_bytes = n_bytes << 8 | data[at + i];
        if (n_bytes == ones)
            return false;
        at += size_bytes;
        if (n_bytes > size - at) {
            *missing = n_bytes - (size - at);
            return true;
        }
        at += (size_t)n_bytes;
    }
    return false;
}

/* Bytes of the ADTS (AAC) frame at p, 0 when it is none. */
static size_t adts_frame_bytes(const uint8_t *p)
{
    return p[0] == 0xFF && (p[1] & 0xF6) == 0xF0 ? (p[3] & 3u) << 11 | (uint32_t)p[4] << 3 | p[5] >> 5 : 0;
}

/* Bytes of the MPEG audio layer III frame whose header is at p, 0 when it is none. */
static size_t mp3_frame_bytes(const uint8_t *p)
{
    static const uint16_t kbits[2][16] = {
        {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160, 0},     /* MPEG 2, 2.5 */
        {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 0}, /* MPEG 1 */
    };
    static const uint16_t rates[4] = {44100, 48000, 32000, 0};
    int version = p[1] >> 3 & 3, layer = p[1] >> 1 & 3; /* version 3: MPEG 1, 2: MPEG 2, 0: MPEG 2.5; layer 1: III */
    if (p[0] != 0xFF || (p[1] & 0xE0) != 0xE0 || version == 1 || layer != 1)
        return 0;
    uint32_t kbit = kbits[version == 3][p[2] >> 4], rate = rates[p[2] >> 2 & 3];
    rate >>= version == 3 ? 0 : version == 2 ? 1 : 2;
    if (!kbit || !rate)
        return 0;
    return (version == 3 ? 144u : 72u) * kbit * 1000u / rate + (p[2] >> 1 & 1);
}

/* Where the first frame may be: behind an ID3v2 tag. */
static size_t skip_id3(const uint8_t *data, size_t size)
{
    if (size < 10 || memcmp(data, "ID3", 3) != 0)
        return 0;
    return 10
           + ((size_t)(data[6] & 0x7F) << 21 | (size_t)(data[7] & 0x7F) << 14 | (size_t)(data[8] & 0x7F) << 7
              | (data[9] & 0x7F));
}

/* MP3 and ADTS have no container: frame after frame, and whatever tags stand at the end. */
static bool frames_break_off(const uint8_t *data, size_t size, uint64_t *missing)
{
    enum { HEAD = 6 };
    size_t n_frames = 0;
    for (size_t at = skip_id3(data, size); at < size; n_frames++) {
        size_t left = size - at;
        if (left < HEAD)
            return n_frames > 0 && data[at] == 0xFF;
        size_t n_bytes = CSI_MAX(mp3_frame_bytes(data + at), adts_frame_bytes(data + at));
        if (n_bytes == 0)
            return false;
        if (n_bytes > left) {
            *missing = n_bytes - left;
            return n_frames > 0;
        }
        at += n_bytes;
    }
    return false;
}

bool csi_audio_is_mpeg(const uint8_t *data, size_t size)
{
    bool cut;
    if (size >= 12 && memcmp(data, "RIFF", 4) == 0) {
        size_t at = find_chunk(data, size, "fmt ", false, &cut);
        return size - at >= 10 && (data[at + 8] == 0x50 || data[at + 8] == 0x55) && data[at + 9] == 0;
    }
    size_t at = 0, skipped;
    while (at < size && (skipped = skip_id3(data + at, size - at)) > 0)
        at += CSI_MIN(skipped, size - at);
    return size - at >= 2 && data[at] == 0xFF && (data[at + 1] & 0xE0) == 0xE0;
}

bool csi_audio_breaks_off(const uint8_t *data, size_t size, uint64_t *missing_bytes)
{
    *missing_bytes = 0;
    if (size < 12)
        return false;
    if (memcmp(data, "RIFF", 4) == 0 || memcmp(data, "RIFX", 4) == 0)
        return chunks_break_off(data, size, "data", data[3] == 'X', missing_bytes);
    if (memcmp(data, "FORM", 4) == 0)
        return chunks_break_off(data, size, "SSND", true, missing_bytes);
    if (memcmp(data, "caff", 4) == 0)
        return caf_breaks_off(data, size, missing_bytes);
    if (memcmp(data, "OggS", 4) == 0)
        return ogg_breaks_off(data, size, missing_bytes);
    if (memcmp(data + 4, "ftyp", 4) == 0)
        return boxes_break_off(data, size, missing_bytes);
    if (memcmp(data, "\x1A\x45\xDF\xA3", 4) == 0)
        return ebml_breaks_off(data, size, missing_bytes);
    if (memcmp(data, ".snd", 4) == 0 && !is_unknown(be32(data + 8))) {
        uint64_t end = (uint64_t)be32(data + 4) + be32(data + 8);
        *missing_bytes = end > size ? end - size : 0;
        return end > size;
    }
    return frames_break_off(data, size, missing_bytes);
}
