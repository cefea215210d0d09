/* SPDX-License-Identifier: MIT
 * What is this file, when it is no .nemo? People pass the checkpoint without its archive, a model of another runtime,
 * the page that a server sent in place of a download. Saying which saves them an hour. */
#include "format/inside.h"

typedef struct known {
    cs_err code;
    size_t at;
    const char *magic;
    size_t n_bytes;
    const char *what;
} known;

#define MAGIC(at, text) at, text, sizeof(text) - 1

static const known formats[] = {
    {CS_EUNSUPPORTED, MAGIC(0, "PK\3\4"), "a zip file (perhaps model_weights.ckpt alone, or an archive of the model)"},
    {CS_EUNSUPPORTED, MAGIC(0, "GGUF"), "a GGUF file, of another runtime"},
    {CS_EUNSUPPORTED, MAGIC(0, "ggml"), "a GGML file, of another runtime"},
    {CS_EUNSUPPORTED, MAGIC(0, "lmgg"), "a GGML file, of another runtime"},
    {CS_EUNSUPPORTED, MAGIC(4, "TFL3"), "a TensorFlow Lite model"},
    {CS_EUNSUPPORTED, MAGIC(0, "\x89HDF\r\n\x1a\n"), "an HDF5 file"},
    {CS_EUNSUPPORTED, MAGIC(0, "BZh"), "bzip2 data"},
    {CS_EUNSUPPORTED,
     MAGIC(0, "\xfd"
              "7zXZ"),
     "xz data"},
    {CS_EUNSUPPORTED, MAGIC(0, "\x28\xb5\x2f\xfd"), "zstd data"},
    {CS_EUNSUPPORTED, MAGIC(0, "7z\xbc\xaf\x27\x1c"), "a 7-Zip archive"},
    {CS_EUNSUPPORTED, MAGIC(0, "Rar!\x1a\x07"), "a RAR archive"},
    {CS_EMODEL, MAGIC(8, "WAVE"), "a WAV recording"},
    {CS_EMODEL, MAGIC(0, "fLaC"), "a FLAC recording"},
    {CS_EMODEL, MAGIC(0, "OggS"), "an Ogg recording"},
    {CS_EMODEL, MAGIC(0, "ID3"), "an MP3 recording"},
    {CS_EMODEL, MAGIC(4, "ftyp"), "an MP4 recording"},
    {CS_EMODEL, MAGIC(0, "%PDF"), "a PDF document"},
    {CS_EMODEL,
     MAGIC(0, "\x7f"
              "ELF"),
     "a program"},
    {CS_EMODEL, MAGIC(0, "version https://git-lfs"),
     "a Git LFS pointer, not the model itself (fetch it with \"git lfs pull\")"},
};

/* Does the text begin with the word, blanks apart and whatever its case? word is lower-case. */
static bool begins_with(const uint8_t *data, size_t size, const char *word)
{
    while (size && (*data == ' ' || *data == '\t' || *data == '\r' || *data == '\n')) {
        data++;
        size--;
    }
    for (; *word; word++, data++, size--) {
        uint8_t c = size ? *data : 0;
        if ((c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c) != *word)
            return false;
    }
    return true;
}

static bool is_text(const uint8_t *data, size_t size)
{
    size = CSI_MIN(size, (size_t)4096);
    for (size_t i = 0; i < size;) {
        uint32_t character;
        int n_bytes = csi_utf8_decode(data + i, size - i, &character);
        if (n_bytes == 0)
            return i > 4000; /* a character that the window cuts */
        if (character < 9 || (character > 13 && character < 32))
            return false;
        i += (size_t)n_bytes;
    }
    return true;
}

static bool is_zero(const uint8_t *data, size_t size)
{
    size = CSI_MIN(size, (size_t)4096);
    for (size_t i = 0; i < size; i++)
        if (data[i])
            return false;
    return true;
}

/* Eight bytes of header length, then JSON. */
static bool is_safetensors(const uint8_t *data, size_t size)
{
    return size > 9 && data[8] == '{' && csi_le64(data) >= 2 && csi_le64(data) <= size - 8;
}

/* A protobuf of field 1 (IR version) and field 2 or 7 (producer or graph). */
static bool is_onnx(const uint8_t *data, size_t size)
{
    return size > 4 && data[0] == 0x08 && data[1] < 32 && (data[2] == 0x12 || data[2] == 0x3A);
}

/* Old pickles: a checkpoint of PyTorch before 1.6, or any Python object. */
static bool is_pickle(const uint8_t *data, size_t size)
{
    return size > 2 && data[0] == 0x80 && data[1] >= 2 && data[1] <= 5;
}

static const known *find(const uint8_t *data, size_t size)
{
    static const known safetensors = {CS_EUNSUPPORTED, 0, NULL, 0, "a safetensors file, weights without their config"};
    static const known onnx = {CS_EUNSUPPORTED, 0, NULL, 0, "an ONNX model, of another runtime"};
    static const known pickle = {CS_EUNSUPPORTED, 0, NULL, 0, "a Python pickle"};
    static const known html = {CS_EMODEL, 0, NULL, 0, "a web page (an error page saved in place of the model?)"};
    static const known xml = {CS_EMODEL, 0, NULL, 0, "XML text (a server's error saved in place of the model?)"};
    static const known json = {CS_EMODEL, 0, NULL, 0, "JSON text (a server's error saved in place of the model?)"};
    static const known text = {CS_EMODEL, 0, NULL, 0, "a text file"};
    static const known zeros = {CS_EMODEL, 0, NULL, 0, "zeros (an incomplete download?)"};
    for (size_t i = 0; i < CSI_COUNT(formats); i++) {
        const known *k = &formats[i];
        if (size >= k->at + k->n_bytes && memcmp(data + k->at, k->magic, k->n_bytes) == 0)
            return k;
    }
    if (is_safetensors(data, size))
        return &safetensors;
    if (is_zero(data, size))
        return &zeros;
    if (is_text(data, size)) {
        if (begins_with(data, size, "<!doctype html") || begins_with(data, size, "<html"))
            return &html;
        if (begins_with(data, size, "<?xml"))
            return &xml;
        return begins_with(data, size, "{") ? &json : &text;
    }
    return is_onnx(data, size) ? &onnx : is_pickle(data, size) ? &pickle : NULL;
}

cs_err csi_fail_not_an_archive(const char *label, const uint8_t *data, size_t size, cs_error *err)
{
    if (size == 0)
        return csi_fail(err, CS_EMODEL, 0, "%s: is empty, expected a .nemo archive (tar)", label);
    const known *k = find(data, size);
    if (k)
        return csi_fail(err, k->code, 0, "%s: holds %s, expected a .nemo archive (tar)", label, k->what);
    if (size < 512)
        return csi_fail(err, CS_EMODEL, 0,
                        "%s: has only %zu bytes (an incomplete download?), expected a .nemo archive (tar)", label,
                        size);
    return csi_fail(err, CS_EMODEL, 0, "%s: is no tar archive and nothing else that is known, expected a .nemo archive",
                    label);
}
