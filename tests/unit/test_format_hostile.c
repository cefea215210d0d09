/* SPDX-License-Identifier: MIT
 * Bad archives: each ends as one sentence that names the file, without a leak. Truncated at every byte, every byte
 * flipped, every allocation failing, pickles that want to run something, sizes that lie, files of another kind. */
#define _POSIX_C_SOURCE 200809L
#include "format_kit.h"
#include "check.h"

static kit_memory memory;
static csi_env env;

/* Open, read all values, close; the error must name the file. */
static cs_err open_all(const char *name, const void *data, size_t size, cs_error *err)
{
    static const int64_t any_dims[CSI_MAX_DIMS] = {-1, -1, -1, -1, -1, -1, -1, -1};
    csi_archive *archive;
    *err = (cs_error){0};
    cs_err code = csi_archive_open_memory(&env, name, data, size, &archive, err);
    if ((code == CS_OK) != (archive != NULL))
        CHECK(!"an archive exactly when it was opened");
    for (size_t i = 0; code == CS_OK && i < csi_archive_n_tensors(archive); i++) {
        const csi_tensor *t = csi_archive_tensor_at(archive, i);
        const float *values;
        cs_err status = csi_archive_f32(archive, t->name, t->n_dims, any_dims, &values, err);
        if (status == CS_ENOMEM)
            code = status;
    }
    csi_archive_close(archive);
    return code;
}

static void check_refused(const char *what, cs_err met, cs_err code, const cs_error *err, const char *name,
                          const char *sentence)
{
    bool ok = CHECK_INT(met, code);
    ok = CHECK_INT(err->code, code) && ok;
    ok = CHECK(strncmp(err->message, name, strlen(name)) == 0) && ok;
    ok = CHECK(strstr(err->message, sentence) != NULL) && ok;
    if (!ok)
        printf("# %s: \"%s\" lacks \"%s\"\n", what, err->message, sentence);
}

/* ------------------------------------------------------------ every byte */

/* Only the closing zero blocks may be missing. */
static void check_cuts(const char *name, const uint8_t *data, size_t size, size_t whole)
{
    cs_error err;
    for (size_t cut = 0; cut < size; cut++) {
        char *copy = malloc(cut ? cut : 1); /* of that size, so that a sanitizer sees what is read behind it */
        memcpy(copy, data, cut);
        cs_err code = open_all(name, copy, cut, &err);
        free(copy);
        bool ok = CHECK((code == CS_OK) == (cut >= whole)) && CHECK_INT(memory.n_live, 0)
                  && (code == CS_OK || CHECK(strncmp(err.message, name, strlen(name)) == 0));
        if (!ok) {
            printf("# %s cut at %zu of %zu: %d %s\n", name, cut, size, (int)code, err.message);
            return;
        }
    }
}

static size_t without_zero_blocks(const uint8_t *data, size_t size)
{
    while (size && data[size - 1] == 0)
        size--;
    return (size + 511) / 512 * 512;
}

static void truncated_at_every_byte(void)
{
    csi_file file;
    csi_buf tar;
    csi_env plain;
    csi_env_init(&plain, NULL, NULL, NULL);
    kit_env(&env, &memory);
    kit_small_archive(&tar, &plain);
    check_cuts("small.nemo", (uint8_t *)tar.data, tar.size, without_zero_blocks((uint8_t *)tar.data, tar.size));
    csi_buf_finish(&tar);
    kit_read(&plain, "tiny.nemo", &file);
    check_cuts("tiny.nemo", file.data, file.size, without_zero_blocks(file.data, file.size));
    csi_file_close(&plain, &file);
    kit_read(&plain, "tiny-gz.nemo", &file);
    check_cuts("tiny-gz.nemo", file.data, file.size, file.size);
    csi_file_close(&plain, &file);
}

static void check_flips(const char *name, uint8_t *data, size_t size)
{
    static const uint8_t patterns[] = {0x01, 0x80, 0xFF};
    cs_error err;
    for (size_t i = 0; i < size; i++) {
        for (size_t k = 0; k < CSI_COUNT(patterns); k++) {
            data[i] ^= patterns[k];
            cs_err code = open_all(name, data, size, &err);
            data[i] ^= patterns[k];
            if (!CHECK_INT(memory.n_live, 0)
                || (code != CS_OK && !CHECK(strncmp(err.message, name, strlen(name)) == 0))) {
                printf("# byte %zu xor %02x: %s\n", i, patterns[k], err.message);
                return;
            }
        }
    }
}

static void every_byte_flipped(void)
{
    csi_file file;
    csi_buf tar, packed;
    csi_env plain;
    csi_env_init(&plain, NULL, NULL, NULL);
    kit_env(&env, &memory);
    kit_small_archive(&tar, &plain);
    check_flips("flip.nemo", (uint8_t *)tar.data, tar.size);
    csi_buf_finish(&tar);
    kit_read(&plain, "tiny-gz.nemo", &file);
    csi_buf_init(&packed, &plain);
    csi_buf_append(&packed, file.data, file.size);
    check_flips("flip-gz.nemo", (uint8_t *)packed.data, packed.size);
    csi_buf_finish(&packed);
    csi_file_close(&plain, &file);
}

/* The n-th allocation fails, alone and with all that follow, until all succeed. */
static void check_allocations(const char *name, const uint8_t *data, size_t size)
{
    for (int from_now = 0; from_now < 2; from_now++) {
        cs_err code = CS_ENOMEM;
        cs_error err;
        for (long n = 1; code != CS_OK && n < 2000; n++) {
            kit_env(&env, &memory);
            memory.fail_at = n;
            memory.fail_from_now = from_now;
            code = open_all(name, data, size, &err);
            CHECK_INT(memory.n_live, 0);
            if (code != CS_OK && (!CHECK_INT(code, CS_ENOMEM) || !CHECK(strstr(err.message, "out of memory") != NULL)))
                printf("# allocation %ld: %s\n", n, err.message);
        }
        CHECK_INT(code, CS_OK);
    }
}

static void every_allocation_fails(void)
{
    static const char *const fixtures[] = {"tiny.nemo", "tiny-gz.nemo", "pax-long.nemo"};
    csi_env plain;
    csi_file file;
    csi_env_init(&plain, NULL, NULL, NULL);
    for (size_t i = 0; i < CSI_COUNT(fixtures); i++) {
        kit_read(&plain, fixtures[i], &file);
        check_allocations(fixtures[i], file.data, file.size);
        csi_file_close(&plain, &file);
    }
}

/* ---------------------------------------------------------------- pickles */

static cs_err open_pickle(const void *pickle, size_t n_bytes, cs_error *err)
{
    csi_buf tar, checkpoint;
    csi_env plain;
    csi_env_init(&plain, NULL, NULL, NULL);
    kit_env(&env, &memory);
    kit_checkpoint(&checkpoint, &plain, pickle, n_bytes, "0123456789abcdef", 16);
    kit_archive(&tar, &plain, "a: 1\n", &checkpoint);
    cs_err code = open_all("bad.nemo", tar.data, tar.size, err);
    csi_buf_finish(&tar);
    csi_buf_finish(&checkpoint);
    CHECK_INT(memory.n_live, 0);
    return code;
}

#define ORDERED "ccollections\nOrderedDict\n"
#define REBUILD "ctorch._utils\n_rebuild_tensor_v2\n"

static void pickles_execute_nothing(void)
{
    static const struct {
        const char *pickle;
        size_t n_bytes;
        const char *sentence;
    } cases[] = {
#define CASE(pickle, sentence) {pickle, sizeof(pickle) - 1, sentence}
        CASE("\x80\2cos\nsystem\nX\4\0\0\0true\x85R.", "unknown global \"os system\""),
        CASE("\x80\2cposix\nsystem\nX\4\0\0\0true\x85R.", "unknown global \"posix system\""),
        CASE("\x80\4\x8c\x08"
             "builtins\x8c\4eval\x93\x8c\1x\x85R.",
             "unknown global \"builtins eval\""),
        CASE("ctorch\nfoo Bar\n.", "unknown global \"torch foo Bar\""),
        CASE("c\nx\n.", "unknown global \" x\""),
        CASE("cos\nsys", "does not end"),
        CASE("X\2\0\0\0os)R.", "not a known global is called"),
        CASE("]\x85)R.", "not a known global is called"),
        CASE("ctorch\nFloatStorage\n)R.", "FloatStorage is called"),
        CASE(ORDERED "K\1\x85R.", "OrderedDict is called with 1 arguments"),
        CASE(ORDERED "K\1R.", "OrderedDict is called with something that is not a tuple"),
        CASE(REBUILD ")R.", "_rebuild_tensor_v2 is called with other arguments"),
        CASE("ctorch._utils\n_rebuild_parameter\nN\x88N\x87R.", "_rebuild_parameter is called with other arguments"),
        CASE("}K\1b.", "attributes are set on something that is not an OrderedDict"),
        CASE("(cos\nsystem\no.", "unknown global"),
        CASE("(ios\nsystem\n.", "opcode INST"),
        CASE("(o.", "opcode OBJ"),
        CASE("))\x81.", "opcode NEWOBJ (0x81)"),
        CASE(")))\x92.", "opcode NEWOBJ_EX"),
        CASE("\x82\1.", "opcode EXT1"),
        CASE("\x84\1\0\0\0.", "opcode EXT4"),
        CASE("P1\n.", "opcode PERSID"),
        CASE("\xff.", "opcode unknown (0xff)"),
        CASE("\x80\6.", "pickle protocol 6, expected at most 5"),
        CASE("}", "breaks off"),
        CASE("X\xff\xff\xff\xff.", "breaks off: 4294967295 bytes wanted"),
        CASE("\x95\xff\xff\xff\xff\xff\xff\xff\xff.", "breaks off inside a frame"),
        CASE("\x8a\x09"
             "123456789.",
             "integer of 9 bytes"),
        CASE(".", "too few values"),
        CASE("t.", "no MARK"),
        CASE("u.", "no MARK"),
        CASE("}(K\1u.", "without a value"),
        CASE("](K\1K\2u.", "not a map"),
        CASE("}K\1a.", "not a list"),
        CASE("}(s.", "too few values"),
        CASE("}(q\0.", "too few values"),
        CASE("h\7.", "memo entry 7 is used and was never set"),
        CASE("}r\xff\xff\xff\xff.", "memo entry 4294967295, expected less than 1000000"),
        CASE("K\1Q.", "persistent id is not"),
        CASE("K\1K\2\x93.", "a global's name is not text"),
        CASE("K\1.", "not a map of names"),
        CASE("].", "not a map of names"),
        CASE("}.", "holds 0 tensors"),
        CASE("}X\1\0\0\0aK\1s.", "holds 0 tensors"),
        CASE("(((((((("
             "(((((((("
             "(((((((("
             "(((((((("
             "(((((((("
             "(((((((("
             "(((((((("
             "(((((((("
             "(",
             "MARKs are open"),
        CASE(")"
             "\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85"
             "\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85"
             "\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85\x85.",
             "nest deeper than 64"),
#undef CASE
    };
    for (size_t i = 0; i < CSI_COUNT(cases); i++) {
        char what[32];
        cs_error err;
        snprintf(what, sizeof what, "pickle %zu", i);
        cs_err code = open_pickle(cases[i].pickle, cases[i].n_bytes, &err);
        check_refused(what, code, CS_EMODEL, &err, "bad.nemo: model_weights.ckpt: data.pkl", cases[i].sentence);
    }
}

/* A list in itself, a map in itself: nothing walks them, and the tensor beside them is read. */
static void cyclic_memo_is_harmless(void)
{
    csi_buf pickle;
    csi_env plain;
    cs_error err;
    csi_env_init(&plain, NULL, NULL, NULL);
    csi_buf_init(&pickle, &plain);
    csi_buf_text(&pickle, "}q\1(");
    kit_pickle_text(&pickle, "self");
    csi_buf_text(&pickle, "h\1");
    kit_pickle_text(&pickle, "list");
    csi_buf_text(&pickle, "]q\2h\2ah\2a");
    kit_pickle_tensor(&pickle, "w", "Float", "0", 4, 0, 1, (int64_t[]){4}, (int64_t[]){1});
    csi_buf_text(&pickle, "u.");
    if (!CHECK_INT(open_pickle(pickle.data, pickle.size, &err), CS_OK))
        printf("# %s\n", err.message);
    csi_buf_clear(&pickle);
    csi_buf_text(&pickle, "]q\1");
    for (int i = 0; i < 70; i++)
        csi_buf_text(&pickle, "h\1a");
    csi_buf_text(&pickle, ".");
    check_refused("list", open_pickle(pickle.data, pickle.size, &err), CS_EMODEL, &err, "bad.nemo", "nest deeper");
    csi_buf_finish(&pickle);
}

/* ---------------------------------------------------------------- tensors */

typedef struct lie {
    const char *kind, *key;
    int64_t numel, offset;
    int n;
    int64_t dims[10], strides[10];
    const char *sentence;
} lie;

static void tensors_that_lie(void)
{
    static const lie lies[] = {
        {"Float", "1", 4, 0, 1, {4}, {1}, "the storage \"1\" is missing"},
        {"Float", "../0", 4, 0, 1, {4}, {1}, "the storage \"../0\" is missing"},
        {"Float", "0", 5, 0, 1, {4}, {1}, "the storage \"0\" has 16 bytes, expected 5 elements of f32"},
        {"Half", "0", 4, 0, 1, {4}, {1}, "has 16 bytes, expected 4 elements of f16"},
        {"Float", "0", -4, 0, 1, {4}, {1}, "expected -4 elements"},
        {"Double", "0", INT64_MAX, 0, 1, {4}, {1}, "expected 9223372036854775807 elements of f64"},
        {"Float", "0", 4, 1, 1, {4}, {1}, "reaches out of its storage of 4"},
        {"Float", "0", 4, -1, 1, {4}, {1}, "reaches out of its storage"},
        {"Float", "0", 4, INT64_MAX, 1, {4}, {1}, "reaches out of its storage"},
        {"Float", "0", 4, 4, 1, {1}, {1}, "reaches out of its storage"},
        {"Float", "0", 4, 0, 2, {2, 2}, {3, 1}, "reaches out of its storage"},
        {"Float", "0", 4, 0, 2, {2, 2}, {INT64_MAX, INT64_MAX}, "too large"},
        {"Float", "0", 4, 0, 3, {1LL << 31, 1LL << 31, 1LL << 31}, {0, 0, 0}, "too large"},
        {"Float", "0", 4, 0, 1, {(1LL << 31) + 1}, {0}, "no number in range"},
        {"Float", "0", 4, 0, 1, {1LL << 30}, {0}, "expected at most 16777216"},
        {"Float", "0", 4, 0, 1, {-1}, {1}, "no number in range"},
        {"Float", "0", 4, 3, 1, {4}, {-1}, "no number in range"},
        {"Float", "0", 4, 0, 9, {1}, {1}, "has 9 sizes and 9 strides"},
        {"Bogus", "0", 4, 0, 1, {4}, {1}, "unknown global \"torch BogusStorage\""},
    };
    csi_buf pickle;
    csi_env plain;
    csi_env_init(&plain, NULL, NULL, NULL);
    csi_buf_init(&pickle, &plain);
    for (size_t i = 0; i < CSI_COUNT(lies); i++) {
        const lie *l = &lies[i];
        cs_error err;
        csi_buf_clear(&pickle);
        kit_pickle_begin(&pickle);
        kit_pickle_tensor(&pickle, "w", l->kind, l->key, l->numel, l->offset, l->n, l->dims, l->strides);
        kit_pickle_end(&pickle);
        check_refused(l->sentence, open_pickle(pickle.data, pickle.size, &err), CS_EMODEL, &err,
                      "bad.nemo: model_weights.ckpt", l->sentence);
    }
    csi_buf_finish(&pickle);
}

static void names_must_be_plain_and_unique(void)
{
    static const struct {
        const char *names[2];
        const char *sentence;
    } cases[] = {
        {{"w", "w"}, "holds the tensor \"w\" twice"},
        {{"w", "\xff"}, "tensor 1 has a name that is not plain text"},
        {{"", "w"}, "tensor 0 has a name that is not plain text"},
    };
    csi_buf pickle;
    csi_env plain;
    csi_env_init(&plain, NULL, NULL, NULL);
    csi_buf_init(&pickle, &plain);
    for (size_t i = 0; i < CSI_COUNT(cases); i++) {
        cs_error err;
        csi_buf_clear(&pickle);
        kit_pickle_begin(&pickle);
        for (int k = 0; k < 2; k++)
            kit_pickle_tensor(&pickle, cases[i].names[k], "Float", "0", 4, 0, 1, (int64_t[]){4}, (int64_t[]){1});
        kit_pickle_end(&pickle);
        check_refused("names", open_pickle(pickle.data, pickle.size, &err), CS_EMODEL, &err, "bad.nemo",
                      cases[i].sentence);
    }
    csi_buf_finish(&pickle);
}

/* ------------------------------------------------------------------- zip */

static cs_err index_zip(const csi_buf *zip, cs_error *err)
{
    csi_arena arena;
    csi_tensor_list list;
    kit_env(&env, &memory);
    csi_arena_init(&arena, &env);
    *err = (cs_error){0};
    cs_err code = csi_checkpoint_index(&arena, "z.ckpt", (const uint8_t *)zip->data, zip->size, &list, err);
    csi_arena_finish(&arena);
    CHECK_INT(memory.n_live, 0);
    return code;
}

typedef enum zip_fault {
    TWO_PICKLES,
    SAME_NAME,
    NO_PICKLE,
    BIG_ENDIAN_BYTES,
    ENCRYPTED_ENTRY,
    DEFLATED_STORAGE,
    BZIP2_PICKLE,
    BAD_DEFLATE,
    OVERLAP,
    OUTSIDE,
    OTHER_NAME,
    MANY_DISKS,
    N_ZIP_FAULTS
} zip_fault;

/* A good zip but for one fault. */
static void faulty_zip(csi_buf *out, const csi_env *plain, zip_fault fault)
{
    csi_buf pickle;
    kit_zip zip;
    csi_buf_init(&pickle, plain);
    kit_pickle_begin(&pickle);
    kit_pickle_tensor(&pickle, "w", "Float", "0", 4, 0, 1, (int64_t[]){4}, (int64_t[]){1});
    kit_pickle_end(&pickle);
    kit_zip_begin(&zip, plain);
    zip.flags = fault == ENCRYPTED_ENTRY;
    zip.method = fault == BZIP2_PICKLE ? 12 : fault == BAD_DEFLATE ? 8 : 0;
    if (fault != NO_PICKLE)
        kit_zip_add(&zip, "m/data.pkl", pickle.data, pickle.size);
    zip.method = 0;
    if (fault == TWO_PICKLES)
        kit_zip_add(&zip, "n/data.pkl", pickle.data, pickle.size);
    if (fault == SAME_NAME)
        kit_zip_add(&zip, "m/data.pkl", pickle.data, pickle.size);
    kit_zip_add(&zip, "m/byteorder", fault == BIG_ENDIAN_BYTES ? "big" : "little", fault == BIG_ENDIAN_BYTES ? 3 : 6);
    zip.method = fault == DEFLATED_STORAGE ? 8 : 0;
    size_t directory_at = zip.directory.size, entry_at = zip.out.size;
    kit_zip_add(&zip, "m/data/0", "0123456789abcdef", 16);
    if (fault == OVERLAP) /* the last entry becomes the one before */
        memset(zip.directory.data + directory_at + 42, 0, 4);
    if (fault == OUTSIDE)
        zip.directory.data[directory_at + 22] = zip.directory.data[directory_at + 26] = 1; /* 64 KiB more */
    if (fault == OTHER_NAME)
        zip.out.data[entry_at + 30] = 'x';
    kit_zip_end(&zip);
    if (fault == MANY_DISKS)
        zip.out.data[zip.out.size - 18] = 1;
    *out = zip.out;
    csi_buf_finish(&pickle);
}

static void zips_with_a_fault(void)
{
    static const struct {
        cs_err code;
        const char *sentence;
    } expected[N_ZIP_FAULTS] = {
        [TWO_PICKLES] = {CS_EMODEL, "holds more than one data.pkl"},
        [SAME_NAME] = {CS_EMODEL, "holds \"m/data.pkl\" twice"},
        [NO_PICKLE] = {CS_EMODEL, "2 entries holds no data.pkl"},
        [BIG_ENDIAN_BYTES] = {CS_EUNSUPPORTED, "byte order is \"big\", expected \"little\""},
        [ENCRYPTED_ENTRY] = {CS_EUNSUPPORTED, "\"m/data.pkl\" is encrypted"},
        [DEFLATED_STORAGE] = {CS_EUNSUPPORTED, "the storage \"0\" is compressed (zip method 8)"},
        [BZIP2_PICKLE] = {CS_EUNSUPPORTED, "data.pkl is compressed by zip method 12"},
        [BAD_DEFLATE] = {CS_EMODEL, "the deflated data is damaged"},
        [OVERLAP] = {CS_EMODEL, "another name than the central directory's"},
        [OUTSIDE] = {CS_EMODEL, "ends outside of the file"},
        [OTHER_NAME] = {CS_EMODEL, "another name than the central directory's"},
        [MANY_DISKS] = {CS_EMODEL, "more than one disk"},
    };
    csi_env plain;
    csi_env_init(&plain, NULL, NULL, NULL);
    for (int fault = 0; fault < N_ZIP_FAULTS; fault++) {
        csi_buf zip;
        cs_error err;
        char what[32];
        snprintf(what, sizeof what, "zip fault %d", fault);
        faulty_zip(&zip, &plain, (zip_fault)fault);
        check_refused(what, index_zip(&zip, &err), expected[fault].code, &err, "z.ckpt", expected[fault].sentence);
        csi_buf_finish(&zip);
    }
}

/* An entry's data that holds a whole entry: two names for the same bytes. */
static void zip_entries_may_not_overlap(void)
{
    csi_env plain;
    csi_buf inner;
    kit_zip zip;
    cs_error err;
    csi_env_init(&plain, NULL, NULL, NULL);
    kit_zip_begin(&zip, &plain);
    kit_zip_add(&zip, "in", "data", 4);
    csi_buf_init(&inner, &plain);
    csi_buf_append(&inner, zip.out.data, zip.out.size);
    csi_buf_clear(&zip.out);
    kit_zip_add(&zip, "outer", inner.data, inner.size);
    zip.directory.data[42] = 30 + 5; /* "in" starts inside "outer" */
    kit_zip_end(&zip);
    check_refused("overlap", index_zip(&zip.out, &err), CS_EMODEL, &err, "z.ckpt", "two entries that overlap");
    csi_buf_finish(&inner);
    csi_buf_finish(&zip.out);
}

static void zip64_cut_and_flipped(void)
{
    csi_file file;
    csi_env plain;
    csi_buf copy;
    cs_error err;
    csi_env_init(&plain, NULL, NULL, NULL);
    kit_read(&plain, "zip64.ckpt", &file);
    csi_buf_init(&copy, &plain);
    csi_buf_append(&copy, file.data, file.size);
    for (size_t i = 0; i < file.size; i++) {
        copy.size = i;
        CHECK_INT(index_zip(&copy, &err) != CS_OK, 1);
        copy.size = file.size;
        for (int bit = 0; bit < 8; bit++) {
            copy.data[i] ^= (char)(1 << bit);
            index_zip(&copy, &err);
            copy.data[i] ^= (char)(1 << bit);
        }
    }
    CHECK_INT(index_zip(&copy, &err), CS_OK);
    csi_buf_finish(&copy);
    csi_file_close(&plain, &file);
}

/* ------------------------------------------------------------------- tar */

static void tar_members_stay_inside(void)
{
    static const struct {
        char type;
        const char *name, *data, *sentence;
    } cases[] = {
        {'0', "/etc/passwd", "", "\"/etc/passwd\" points out of the archive"},
        {'0', "../x", "", "\"../x\" points out of the archive"},
        {'0', "a/../../x", "", "points out of the archive"},
        {'5', "a/..", "", "points out of the archive"},
        {'2', "link", "", "\"link\" is a symbolic link"},
        {'1', "link", "", "is a hard link"},
        {'3', "tty", "", "is a device"},
        {'6', "pipe", "", "is a FIFO"},
        {'Z', "odd", "", "of unknown type (type byte 0x5a)"},
        {'0', "./", "", "file without a name"},
        {'x', "pax", "9 path=a\n", "extended tar header has no member after it"},
        {'x', "pax", "99 path=a\n", "PAX header at byte 0 is damaged"},
        {'x', "pax", "9 path=a ", "PAX header at byte 0 is damaged"},
        {'x', "pax", "abc", "PAX header at byte 0 is damaged"},
        {'x', "pax", "9 sizeabc\n", "PAX header at byte 0 is damaged"},
        {'x', "pax", "11 size=1x\n", "PAX header at byte 0 is damaged"},
        {'x', "pax", "22 GNU.sparse.major=1\n", "holds a sparse file"},
        {'x', "pax", "28 size=999999999999999999\n", "PAX header at byte 0 is damaged"},
        {'x', "pax", "27 size=999999999999999999\n", "has 999999999999999999 bytes"},
        {'x', "pax", "15 path=../evil\n", "PAX header"},
        {'x', "pax", "16 path=../evil\n", "points out of the archive"},
        {'L', "long", "/absolute", "points out of the archive"},
    };
    csi_env plain;
    csi_env_init(&plain, NULL, NULL, NULL);
    for (size_t i = 0; i < CSI_COUNT(cases); i++) {
        csi_buf tar;
        csi_arena arena;
        csi_tar index;
        cs_error err;
        kit_env(&env, &memory);
        csi_arena_init(&arena, &env);
        csi_buf_init(&tar, &plain);
        kit_tar_add(&tar, "ustar", cases[i].type, cases[i].name, cases[i].data, strlen(cases[i].data));
        if (i > 10)
            kit_tar_add(&tar, "ustar", '0', "after", "", 0);
        kit_tar_end(&tar);
        cs_err code = csi_tar_index(&arena, "t.nemo", (uint8_t *)tar.data, tar.size, &index, &err);
        check_refused(cases[i].sentence, code, strstr(cases[i].sentence, "sparse") ? CS_EUNSUPPORTED : CS_EMODEL, &err,
                      "t.nemo", cases[i].sentence);
        csi_arena_finish(&arena);
        csi_buf_finish(&tar);
        CHECK_INT(memory.n_live, 0);
    }
}

/* ------------------------------------------------------------------ YAML */

static void yaml_is_plain(void)
{
    static const struct {
        const char *text, *sentence;
    } cases[] = {
        {"", "is empty"},
        {"# nothing\n", "is empty"},
        {"a: 1\nb: &x 2\n", "line 2: an anchor"},
        {"a: *x\n", "line 1: an alias"},
        {"a: !!int '1'\n", "line 1: a tag"},
        {"a: !!python/object/apply:os.system [ls]\n", "line 1: a tag"},
        {"a: 1\n---\nb: 2\n", "line 2: a second document"},
        {"a: 1\nb: 2\na: 3\n", "line 3: the key \"a\" occurs twice"},
        {"[a]: 1\n", "line 1: a key that is a list or map"},
        {"a: [1, 2\n", "line 2"},
        {"a: \"\\0\"\n", "line 1: a NUL"},
        {"\tx: 1", "line 1"},
        {"a: \xff\n", "no YAML at byte 3"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "nest deeper than 64"},
    };
    for (size_t i = 0; i < CSI_COUNT(cases); i++) {
        csi_arena arena;
        csi_node *root;
        cs_error err = {0};
        kit_env(&env, &memory);
        csi_arena_init(&arena, &env);
        cs_err code = csi_yaml_parse(&arena, "c.yaml", cases[i].text, strlen(cases[i].text), &root, &err);
        CHECK(root == NULL);
        check_refused(cases[i].text, code, CS_EMODEL, &err, "c.yaml: ", cases[i].sentence);
        csi_arena_finish(&arena);
        CHECK_INT(memory.n_live, 0);
    }
}

/* --------------------------------------------------------- other files */

static void other_files_are_named(void)
{
    static const struct {
        const char *data;
        size_t n_bytes;
        cs_err code;
        const char *sentence;
    } cases[] = {
#define CASE(data, code, sentence) {data, sizeof(data) - 1, code, sentence}
        CASE("", CS_EMODEL, "is empty"),
        CASE("PK\3\4\24\0\0\0", CS_EUNSUPPORTED, "holds a zip file (perhaps model_weights.ckpt alone"),
        CASE("GGUF\3\0\0\0", CS_EUNSUPPORTED, "GGUF"),
        CASE("\x10\0\0\0\0\0\0\0{\"a\":1}         ", CS_EUNSUPPORTED, "safetensors"),
        CASE("\x08\x07\x12\x07pytorch\x1a\x01", CS_EUNSUPPORTED, "ONNX"),
        CASE("\x80\2}q\0.", CS_EUNSUPPORTED, "Python pickle"),
        CASE("RIFF\x24\0\0\0WAVEfmt ", CS_EMODEL, "WAV recording"),
        CASE("fLaC\0\0\0\x22", CS_EMODEL, "FLAC recording"),
        CASE("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 2508288736\n", CS_EMODEL,
             "Git LFS pointer"),
        CASE("\n <!DOCTYPE HTML><html>404</html>", CS_EMODEL, "web page"),
        CASE("<HTML></HTML>", CS_EMODEL, "web page"),
        CASE("<?xml version='1.0'?><Error/>", CS_EMODEL, "XML"),
        CASE("{\"error\": \"Repository not found\"}", CS_EMODEL, "JSON"),
        CASE("Entry not found", CS_EMODEL, "holds a text file"),
        CASE("\0\0\0\0\0\0\0\0\0\0\0\0", CS_EMODEL, "zeros"),
        CASE("\xfe\xdc\0\x13", CS_EMODEL, "has only 4 bytes"),
        CASE("\x1f\x8b\x08\0\0\0\0\0\0\3", CS_EMODEL, "gzip data breaks off at byte 10"),
        CASE("\x1f\x8bxxxxxxxxxxxxx", CS_EMODEL, "gzip data is damaged"),
        CASE("\x1f\x8b\x08\0\0\0\0\0\0\3\x03\0\0\0\0\0\0\0\0\0", CS_EMODEL, "is empty"),
#undef CASE
    };
    cs_error err;
    kit_env(&env, &memory);
    for (size_t i = 0; i < CSI_COUNT(cases); i++) {
        cs_err code = open_all("x.nemo", cases[i].data, cases[i].n_bytes, &err);
        check_refused(cases[i].sentence, code, cases[i].code, &err, "x.nemo: ", cases[i].sentence);
    }
    static uint8_t noise[2048];
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (uint8_t)(i * i >> 3 ^ 0xC5);
    check_refused("noise", open_all("x.nemo", noise, sizeof noise, &err), CS_EMODEL, &err, "x.nemo: ", "is no tar");
    CHECK_INT(memory.n_live, 0);
}

static void archives_that_are_no_models(void)
{
    csi_env plain;
    cs_error err;
    csi_env_init(&plain, NULL, NULL, NULL);
    kit_env(&env, &memory);
    static const struct {
        const char *names[2], *content[2];
        cs_err code;
        const char *sentence;
    } cases[] = {
        {{"a.txt", "b.txt"}, {"1", "2"}, CS_EMODEL, "of 2 files (first: a.txt) holds no model_config.yaml"},
        {{"model_config.yaml", "b"}, {"a: 1\n", ""}, CS_EMODEL, "holds no model_weights.ckpt, expected a NeMo model"},
        {{"model_config.yaml", "model_weights/metadata.json"}, {"a: 1\n", ""}, CS_EUNSUPPORTED, "distributed"},
        {{"model_config.yaml", "model_weights.ckpt"}, {"- 1\n", ""}, CS_EMODEL, "is not a map of keys"},
        {{"model_config.yaml", "model_weights.ckpt"}, {"a: [\n", ""}, CS_EMODEL, "model_config.yaml: line 2"},
        {{"model_config.yaml", "model_weights.ckpt"}, {"a: 1\n", ""}, CS_EMODEL, "no end record in 0 bytes"},
        {{"model_config.yaml", "model_weights.ckpt"}, {"a: 1\n", "\x80\2}."}, CS_EUNSUPPORTED, "before 1.6"},
    };
    for (size_t i = 0; i < CSI_COUNT(cases); i++) {
        csi_buf tar;
        csi_buf_init(&tar, &plain);
        for (int k = 0; k < 2; k++)
            kit_tar_add(&tar, "ustar", '0', cases[i].names[k], cases[i].content[k], strlen(cases[i].content[k]));
        kit_tar_end(&tar);
        cs_err code = open_all("x.nemo", tar.data, tar.size, &err);
        check_refused(cases[i].sentence, code, cases[i].code, &err, "x.nemo: ", cases[i].sentence);
        csi_buf_finish(&tar);
    }
    CHECK_INT(memory.n_live, 0);
}

/* A name of any length leaves room for what is wrong. */
static void long_paths_keep_the_message(void)
{
    char name[3000];
    cs_error err;
    memset(name, 'n', sizeof name);
    strcpy(name + sizeof name - 6, ".nemo");
    kit_env(&env, &memory);
    CHECK_INT(open_all(name, "RIFF\x24\0\0\0WAVEfmt ", 16, &err), CS_EMODEL);
    CHECK(strstr(err.message, ".nemo: holds a WAV recording, expected a .nemo archive (tar)") != NULL);
    csi_archive *archive;
    CHECK_INT(csi_archive_open(&env, "tests/unit/data/format", &archive, &err), CS_EIO);
    CHECK(archive == NULL);
    CHECK_INT(memory.n_live, 0);
}

int main(void)
{
    RUN(truncated_at_every_byte);
    RUN(every_byte_flipped);
    RUN(every_allocation_fails);
    RUN(pickles_execute_nothing);
    RUN(cyclic_memo_is_harmless);
    RUN(tensors_that_lie);
    RUN(names_must_be_plain_and_unique);
    RUN(zips_with_a_fault);
    RUN(zip_entries_may_not_overlap);
    RUN(zip64_cut_and_flipped);
    RUN(tar_members_stay_inside);
    RUN(yaml_is_plain);
    RUN(other_files_are_named);
    RUN(archives_that_are_no_models);
    RUN(long_paths_keep_the_message);
    return check_done();
}
