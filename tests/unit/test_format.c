/* SPDX-License-Identifier: MIT
 * Good archives: every tar flavour, zip and pickle variant, conversion of every type, the configuration's tree.
 * The .nemo and .ckpt files come from tools/golden/make_format_fixtures.py. */
#define _POSIX_C_SOURCE 200809L
#include "format_kit.h"
#include "check.h"

#include <math.h>

static kit_memory memory;
static csi_env env;

static const int64_t any_dims[CSI_MAX_DIMS] = {-1, -1, -1, -1, -1, -1, -1, -1};

static csi_archive *open_fixture(const char *name)
{
    char path[256];
    csi_archive *archive;
    cs_error err = {0};
    snprintf(path, sizeof path, "tests/unit/data/format/%s", name);
    kit_env(&env, &memory);
    if (!CHECK_INT(csi_archive_open(&env, path, &archive, &err), CS_OK))
        printf("# %s\n", err.message);
    return archive;
}

static void close_fixture(csi_archive *archive)
{
    csi_archive_close(archive);
    CHECK_INT(memory.n_live, 0);
}

/* Element i of every ordinary tensor, in row-major order. */
static float formula(int i)
{
    return (float)(i * 37 % 251 - 125) / 16;
}

static const float *values_of(csi_archive *archive, const char *name)
{
    const csi_tensor *t = csi_archive_tensor(archive, name);
    const float *values = NULL;
    cs_error err = {0};
    if (CHECK(t != NULL) && !CHECK_INT(csi_archive_f32(archive, name, t->n_dims, any_dims, &values, &err), CS_OK))
        printf("# %s\n", err.message);
    return values;
}

static void check_formula(csi_archive *archive, const char *name, int first, int n)
{
    const float *values = values_of(archive, name);
    for (int i = 0; values && i < n; i++)
        if (!CHECK_NEAR(values[i], formula(first + i), 0))
            printf("# %s[%d]\n", name, i);
}

static void check_all_tensors(csi_archive *a)
{
    CHECK_INT(csi_archive_n_tensors(a), 16);
    check_formula(a, "plain", 0, 15);
    check_formula(a, "half", 0, 24);
    check_formula(a, "brain", 0, 24);
    check_formula(a, "double", 0, 24);
    check_formula(a, "base", 0, 40);
    check_formula(a, "window", 10, 10);
    check_formula(a, "parameter", 0, 4);
    const float *turned = values_of(a, "turned"), *permuted = values_of(a, "permuted_half");
    for (int i = 0; i < 20; i++)
        CHECK_NEAR(turned[i], formula(i % 5 * 4 + i / 5), 0);
    for (int k = 0; k < 4; k++)
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 3; j++)
                CHECK_NEAR(permuted[k * 6 + i * 3 + j], formula(i * 12 + j * 4 + k), 0);
    const float *broadcast = values_of(a, "broadcast");
    for (int i = 0; i < 12; i++)
        CHECK_NEAR(broadcast[i], formula(i % 3), 0);
}

static void reads_what_torch_wrote(void)
{
    csi_archive *a = open_fixture("tiny.nemo");
    check_all_tensors(a);
    CHECK_STR(csi_archive_tensor_at(a, 0)->name, "plain");
    CHECK_STR(csi_archive_tensor_at(a, 4)->name, "steps");
    CHECK(csi_archive_tensor_at(a, 16) == NULL);
    CHECK(csi_archive_tensor(a, "plai") == NULL);
    const csi_tensor *turned = csi_archive_tensor(a, "turned");
    CHECK_INT(turned->dims[0], 4);
    CHECK_INT(turned->dims[1], 5);
    CHECK_INT(turned->strides[0], 1);
    CHECK_INT(turned->strides[1], 4);
    CHECK(!turned->contiguous);
    CHECK_STR(csi_dtype_name(csi_archive_tensor(a, "brain")->dtype), "bf16");
    CHECK_INT(csi_archive_tensor(a, "empty")->n_elements, 0);
    CHECK(values_of(a, "empty") != NULL);
    CHECK_INT(csi_archive_file_bytes(a), 20480);
    CHECK_STR(csi_archive_path(a), "tests/unit/data/format/tiny.nemo");
    close_fixture(a);
}

/* f32 in place, everything else copied once; tied tensors share their bytes. */
static void copies_only_what_it_must(void)
{
    csi_archive *a = open_fixture("tiny.nemo");
    const float *plain = values_of(a, "plain");
    CHECK(plain == (const float *)(const void *)csi_archive_tensor(a, "plain")->data);
    CHECK(values_of(a, "tied") == plain);
    CHECK(values_of(a, "window") == values_of(a, "base") + 10);
    CHECK_INT(csi_archive_copied_bytes(a), 0);
    const float *half = values_of(a, "half");
    CHECK_INT(csi_archive_copied_bytes(a), 24 * 4);
    CHECK(values_of(a, "half") == half);
    CHECK_INT(csi_archive_copied_bytes(a), 24 * 4);
    close_fixture(a);
}

static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void converts_special_values(void)
{
    static const uint32_t half[] = {0x33800000, 0x387FC000, 0x38800000, 0x477FE000, 0x7F800000, 0xFF800000,
                                    0x7FC02000, 0x80000000, 0x3F800000, 0xC0000000, 0xB3800000, 0x3EAAA000};
    csi_archive *a = open_fixture("tiny.nemo");
    const float *met = values_of(a, "half_special");
    for (size_t i = 0; i < CSI_COUNT(half); i++)
        CHECK_INT(bits_of(met[i]), half[i]);
    met = values_of(a, "double_special");
    CHECK(isinf(met[0]) && met[0] > 0);
    CHECK(isinf(met[1]) && met[1] < 0);
    CHECK_INT(bits_of(met[2]), 0x7F7FFFFF);
    CHECK(isnan(met[3]));
    CHECK(met[4] == 0);
    CHECK_INT(bits_of(met[5]), bits_of(0.1f));
    close_fixture(a);
}

static void shape_is_checked(void)
{
    csi_archive *a = open_fixture("tiny.nemo");
    const float *values;
    cs_error err;
    CHECK_INT(csi_archive_f32(a, "plain", 2, (int64_t[]){3, -1}, &values, &err), CS_OK);
    CHECK_INT(csi_archive_f32(a, "plain", 2, (int64_t[]){-1, 6}, &values, &err), CS_EMODEL);
    CHECK_STR(err.message,
              "tests/unit/data/format/tiny.nemo: the tensor \"plain\" has shape [3, 5], expected [any, 6]");
    CHECK_INT(csi_archive_f32(a, "plain", 1, (int64_t[]){15}, &values, &err), CS_EMODEL);
    CHECK_INT(csi_archive_f32(a, "encoder.x", 2, (int64_t[]){7, -1}, &values, &err), CS_EMODEL);
    CHECK_STR(err.message, "tests/unit/data/format/tiny.nemo: the tensor \"encoder.x\" is missing, expected it with "
                           "shape [7, any]");
    CHECK_INT(csi_archive_f32(a, "steps", 0, NULL, &values, &err), CS_EMODEL);
    CHECK(strstr(err.message, "of type i64, expected floating point") != NULL);
    close_fixture(a);
}

static void misaligned_f32_is_copied(void)
{
    csi_buf tar;
    csi_archive *a;
    cs_error err;
    kit_env(&env, &memory);
    kit_small_archive(&tar, &env);
    char *shifted = csi_alloc(&env, tar.size + 1);
    for (int shift = 0; shift < 2; shift++) {
        memcpy(shifted + shift, tar.data, tar.size);
        CHECK_INT(csi_archive_open_memory(&env, "shifted", shifted + shift, tar.size, &a, &err), CS_OK);
        const float *w = values_of(a, "w");
        bool aligned = (uintptr_t)csi_archive_tensor(a, "w")->data % 4 == 0;
        for (int i = 0; i < 4; i++)
            CHECK_NEAR(w[i], i + 1, 0);
        CHECK_INT(csi_archive_copied_bytes(a), aligned ? 0 : 16);
        csi_archive_close(a);
    }
    csi_free(&env, shifted);
    csi_buf_finish(&tar);
    CHECK_INT(memory.n_live, 0);
}

static void gzip_gives_the_same(void)
{
    csi_archive *a = open_fixture("tiny-gz.nemo");
    check_all_tensors(a);
    CHECK(csi_archive_file_bytes(a) < 20480);
    close_fixture(a);
}

static void check_member(const csi_archive *a, const char *name, const char *content)
{
    const uint8_t *data;
    size_t size;
    cs_error err = {0};
    if (CHECK_INT(csi_archive_member(a, name, &data, &size, &err), CS_OK))
        CHECK(size == strlen(content) && memcmp(data, content, size) == 0);
}

static void finds_members(void)
{
    const uint8_t *data;
    size_t size;
    cs_error err;
    csi_archive *a = open_fixture("tiny.nemo");
    check_member(a, "0123456789abcdef0123456789abcdef_tokenizer.model", "not a real tokenizer");
    check_member(a, "nemo:0123456789abcdef0123456789abcdef_tokenizer.model", "not a real tokenizer");
    check_member(a, "./0123456789abcdef0123456789abcdef_tokenizer.model", "not a real tokenizer");
    check_member(a, "/old/place/0123456789abcdef0123456789abcdef_tokenizer.model", "not a real tokenizer");
    CHECK_INT(csi_archive_member(a, "nemo:none", &data, &size, &err), CS_EMODEL);
    CHECK_STR(err.message, "tests/unit/data/format/tiny.nemo: the archive holds no file \"none\"");
    close_fixture(a);
}

static void reads_long_names(void)
{
    static const char *const files[] = {"gnu-long.nemo", "pax-long.nemo", "ustar-prefix.nemo"};
    char name[300];
    memset(name, 'a', 120);
    memset(name + 121, 'b', 120);
    name[120] = '/';
    strcpy(name + 241, ".model");
    for (int i = 0; i < 3; i++) {
        csi_archive *a = open_fixture(files[i]);
        if (i == 2) {
            memset(name, 'c', 90);
            memset(name + 91, 'd', 90);
            name[90] = '/';
            name[181] = 0;
        }
        check_member(a, name, "long");
        check_formula(a, "w", 0, 6);
        check_formula(a, "b", 0, 3);
        close_fixture(a);
    }
}

static void check_checkpoint(const char *fixture)
{
    csi_file file;
    csi_arena arena;
    csi_tensor_list list;
    cs_error err = {0};
    kit_env(&env, &memory);
    kit_read(&env, fixture, &file);
    csi_arena_init(&arena, &env);
    if (!CHECK_INT(csi_checkpoint_index(&arena, fixture, file.data, file.size, &list, &err), CS_OK))
        printf("# %s\n", err.message);
    if (CHECK_INT(list.n_tensors, 2)) {
        float first;
        CHECK_STR(list.tensors[0].name, "w");
        CHECK_STR(list.tensors[1].name, "b");
        memcpy(&first, list.tensors[0].data + 4, sizeof first);
        CHECK_NEAR(first, formula(1), 0);
    }
    csi_arena_finish(&arena);
    csi_file_close(&env, &file);
    CHECK_INT(memory.n_live, 0);
}

static void reads_every_checkpoint(void)
{
    check_checkpoint("zip64.ckpt");
    check_checkpoint("deflated.ckpt");
    check_checkpoint("nested.ckpt"); /* below "state_dict", beside other values */
    check_checkpoint("protocol4.ckpt");
}

/* Old tar without magic, base-256 size, last of two members with one name, no closing blocks, a lone short tail. */
static void reads_tar_variants(void)
{
    csi_buf tar;
    csi_arena arena;
    csi_tar index;
    cs_error err = {0};
    kit_env(&env, &memory);
    csi_buf_init(&tar, &env);
    csi_arena_init(&arena, &env);
    kit_tar_add(&tar, NULL, 0, "old", "1", 1);
    kit_tar_add(&tar, NULL, 0, "folder/", "", 0);
    size_t at = tar.size;
    kit_tar_add(&tar, "ustar  ", '0', "big", "22", 2);
    uint8_t *block = (uint8_t *)tar.data + at;
    memset(block + 124, 0, 12);
    block[124] = 0x80;
    block[135] = 2;
    kit_tar_checksum(block);
    kit_tar_add(&tar, "ustar", 'g', "pax", "15 comment=abc\n", 15);
    kit_tar_add(&tar, "ustar", 'x', "pax", "13 path=./pp\n10 size=3\n", 23);
    kit_tar_add(&tar, "ustar", '0', "ignored", "333", 3);
    kit_tar_add(&tar, "ustar", '7', "./././old", "4444", 4);
    CHECK_INT(csi_tar_index(&arena, "t", (uint8_t *)tar.data, tar.size, &index, &err), CS_OK);
    CHECK_INT(index.n_members, 4);
    CHECK(!index.ended);
    CHECK_INT(csi_tar_find(&index, "old")->size, 4);
    CHECK_INT(csi_tar_find(&index, "big")->size, 2);
    CHECK_INT(csi_tar_find(&index, "pp")->size, 3);
    csi_buf_append(&tar, "\0\0\0", 3);
    CHECK_INT(csi_tar_index(&arena, "t", (uint8_t *)tar.data, tar.size, &index, &err), CS_OK);
    tar.size -= 3;
    kit_tar_end(&tar);
    csi_buf_append(&tar, "rest", 4); /* behind the end: no concern of ours */
    CHECK_INT(csi_tar_index(&arena, "t", (uint8_t *)tar.data, tar.size, &index, &err), CS_OK);
    CHECK(index.ended);
    csi_arena_finish(&arena);
    csi_buf_finish(&tar);
    CHECK_INT(memory.n_live, 0);
}

/* ---------------------------------------------------------------- config */

static void config_is_a_tree(void)
{
    csi_archive *a = open_fixture("tiny.nemo");
    const csi_node *config = csi_archive_config(a);
    int64_t whole = 0;
    double number = 0;
    bool truth = false;
    CHECK(csi_node_int(csi_node_at(config, "encoder.d_model"), &whole) && whole == 16);
    CHECK(csi_node_double(csi_node_at(config, "preprocessor.dither"), &number) && number == 1e-05);
    CHECK(csi_node_double(csi_node_at(config, "preprocessor.window_stride"), &number) && number == 0.01);
    CHECK(csi_node_bool(csi_node_at(config, "encoder.xscaling"), &truth) && truth);
    CHECK(csi_node_is_null(csi_node_at(config, "encoder.nothing")));
    CHECK(csi_node_at(config, "encoder.nothing") != NULL);
    CHECK(csi_node_at(config, "encoder.d_model.x") == NULL);
    CHECK(csi_node_at(config, "encoder.d_mode") == NULL);
    const csi_node *context = csi_node_at(config, "encoder.att_context_size");
    CHECK_INT(context->n_children, 2);
    CHECK(csi_node_int(csi_node_item(context, 1), &whole) && whole == 13);
    CHECK(csi_node_item(context, 2) == NULL);
    const csi_node *labels = csi_node_at(config, "labels");
    CHECK_STR(csi_node_text(csi_node_item(labels, 0)), "\xe2\x96\x81the");
    CHECK_STR(csi_node_text(csi_node_item(labels, 1)), "it's");
    CHECK_STR(csi_node_text(csi_node_item(labels, 2)), "null"); /* quoted: text */
    CHECK_STR(csi_node_text(csi_node_item(labels, 3)), "\xc3\xbc"
                                                       "ber");
    CHECK_INT(csi_node_at(config, "sample_rate")->line, 3);
    close_fixture(a);
}

static const csi_node *parse(csi_arena *arena, const char *text)
{
    csi_node *root = NULL;
    cs_error err = {0};
    if (!CHECK_INT(csi_yaml_parse(arena, "t.yaml", text, strlen(text), &root, &err), CS_OK))
        printf("# %s\n", err.message);
    return root;
}

static void numbers_are_exact(void)
{
    static const struct {
        const char *text;
        bool is_int, is_double;
        double value;
    } cases[] = {
        {"8", true, true, 8},
        {"-1", true, true, -1},
        {"+3", true, true, 3},
        {"1e-05", false, true, 1e-05},
        {"0.1", false, true, 0.1},
        {"-.5", false, true, -0.5},
        {"1.", false, true, 1},
        {"1E3", false, true, 1000},
        {"0.30000000000000004", false, true, 0.1 + 0.2},
        {"1e", false, false, 0},
        {".", false, false, 0},
        {"-", false, false, 0},
        {"1_000", false, false, 0},
        {"0x10", false, false, 0},
        {"12a", false, false, 0},
        {"'8'", false, false, 0},
        {"nan", false, false, 0},
        {"1,5", false, false, 0},
        {"9223372036854775807", true, true, 9223372036854775807.0},
        {"9223372036854775808", false, true, 0x1p63},
        {"-9223372036854775808", true, true, -0x1p63},
    };
    csi_arena arena;
    kit_env(&env, &memory);
    csi_arena_init(&arena, &env);
    for (size_t i = 0; i < CSI_COUNT(cases); i++) {
        const csi_node *node = parse(&arena, cases[i].text);
        int64_t whole = 0;
        double number = 0;
        if (!CHECK_INT(csi_node_int(node, &whole), cases[i].is_int)
            || !CHECK_INT(csi_node_double(node, &number), cases[i].is_double)
            || (cases[i].is_int && !CHECK((double)whole == cases[i].value))
            || (cases[i].is_double && !CHECK(number == cases[i].value)))
            printf("# %s\n", cases[i].text);
    }
    csi_arena_finish(&arena);
}

static void words_are_booleans_and_nulls(void)
{
    csi_arena arena;
    kit_env(&env, &memory);
    csi_arena_init(&arena, &env);
    const csi_node *map = parse(&arena, "a: yes\nb: False\nc: 'true'\nd: 1\ne: ~\nf:\ng: ''\nh: |\n  null\n");
    bool truth;
    CHECK(csi_node_bool(csi_node_at(map, "a"), &truth) && truth);
    CHECK(csi_node_bool(csi_node_at(map, "b"), &truth) && !truth);
    CHECK(!csi_node_bool(csi_node_at(map, "c"), &truth));
    CHECK(!csi_node_bool(csi_node_at(map, "d"), &truth));
    CHECK(csi_node_is_null(csi_node_at(map, "e")));
    CHECK(csi_node_is_null(csi_node_at(map, "f")));
    CHECK_STR(csi_node_text(csi_node_at(map, "g")), "");
    CHECK_STR(csi_node_text(csi_node_at(map, "h")), "null\n");
    CHECK(csi_node_is_null(NULL));
    CHECK(csi_node_text(map) == NULL);
    CHECK(!csi_node_int(NULL, &(int64_t){0}));
    csi_arena_finish(&arena);
}

static void old_configs_nest_below_model(void)
{
    csi_buf tar, checkpoint, pickle;
    csi_archive *a;
    cs_error err;
    kit_env(&env, &memory);
    csi_buf_init(&pickle, &env);
    kit_pickle_begin(&pickle);
    kit_pickle_tensor(&pickle, "x", "Byte", "0", 1, 0, 0, NULL, NULL);
    kit_pickle_end(&pickle);
    kit_checkpoint(&checkpoint, &env, pickle.data, pickle.size, "7", 1);
    kit_archive(&tar, &env, "model:\n  encoder:\n    d_model: 4\n", &checkpoint);
    if (CHECK_INT(csi_archive_open_memory(&env, "t", tar.data, tar.size, &a, &err), CS_OK))
        CHECK(csi_node_at(csi_archive_config(a), "encoder.d_model") != NULL);
    csi_archive_close(a);
    csi_buf_finish(&tar);
    csi_buf_finish(&checkpoint);
    csi_buf_finish(&pickle);
    CHECK_INT(memory.n_live, 0);
}

/* An archive with a second model: one tensor "x", 7 in the whole and 9 in the part. members: which of the part's are there. */
static void make_whole(csi_buf *tar, const char *part_config, int members)
{
    csi_buf checkpoints[2], pickle;
    csi_buf_init(&pickle, &env);
    kit_pickle_begin(&pickle);
    kit_pickle_tensor(&pickle, "x", "Byte", "0", 1, 0, 0, NULL, NULL);
    kit_pickle_end(&pickle);
    kit_checkpoint(&checkpoints[0], &env, pickle.data, pickle.size, "7", 1);
    kit_checkpoint(&checkpoints[1], &env, pickle.data, pickle.size, "9", 1);
    csi_buf_init(tar, &env);
    kit_tar_add(tar, "ustar", '0', "./model_config.yaml", "encoder: {d_model: 4}\n", 22);
    kit_tar_add(tar, "ustar", '0', "./model_weights.ckpt", checkpoints[0].data, checkpoints[0].size);
    if (members & 1)
        kit_tar_add(tar, "ustar", '0', "./inner_config.yaml", part_config, strlen(part_config));
    if (members & 2)
        kit_tar_add(tar, "ustar", '0', "./inner_weights.ckpt", checkpoints[1].data, checkpoints[1].size);
    kit_tar_add(tar, "ustar", '0', "./tok", "pieces", 6);
    kit_tar_end(tar);
    csi_buf_finish(&checkpoints[0]);
    csi_buf_finish(&checkpoints[1]);
    csi_buf_finish(&pickle);
}

static void opens_a_part(void)
{
    csi_buf tar;
    csi_archive *a, *part;
    cs_error err;
    kit_env(&env, &memory);
    for (int members = 0; members < 4; members++) {
        make_whole(&tar, "encoder: {d_model: 6}\n", members);
        if (CHECK_INT(csi_archive_open_memory(&env, "t.nemo", tar.data, tar.size, &a, &err), CS_OK))
            CHECK_INT(csi_archive_has_part(a, "inner"), members == 3);
        if (members == 3 && CHECK_INT(csi_archive_part(a, "inner", &part, &err), CS_OK)) {
            int64_t d = 0;
            CHECK(csi_node_int(csi_node_at(csi_archive_config(part), "encoder.d_model"), &d) && d == 6);
            CHECK(csi_node_int(csi_node_at(csi_archive_config(a), "encoder.d_model"), &d) && d == 4);
            CHECK_INT(*csi_archive_tensor(part, "x")->data, '9');
            CHECK_INT(*csi_archive_tensor(a, "x")->data, '7');
            CHECK_STR(csi_archive_path(part), "t.nemo (inner)");
            CHECK_STR(csi_archive_config_name(part), "inner_config.yaml");
            check_member(part, "nemo:tok", "pieces");
            csi_archive_release(part, "x");
            csi_archive_close(part);
            check_member(a, "nemo:tok", "pieces");
        } else if (members < 3) {
            CHECK(csi_archive_part(a, "inner", &part, &err) == CS_EMODEL && part == NULL);
            CHECK(strstr(err.message, "t.nemo (inner)") != NULL);
        }
        csi_archive_close(a);
        csi_buf_finish(&tar);
    }
    CHECK_INT(memory.n_live, 0);
}

static void a_broken_part_is_refused(void)
{
    csi_buf tar;
    csi_archive *a, *part;
    cs_error err;
    kit_env(&env, &memory);
    make_whole(&tar, "encoder: [\n", 3);
    if (CHECK_INT(csi_archive_open_memory(&env, "t.nemo", tar.data, tar.size, &a, &err), CS_OK)) {
        CHECK(csi_archive_part(a, "inner", &part, &err) == CS_EMODEL && part == NULL);
        CHECK(strstr(err.message, "inner_config.yaml") != NULL);
    }
    csi_archive_close(a);
    csi_buf_finish(&tar);
    CHECK_INT(memory.n_live, 0);
}

static void a_part_may_run_out_of_memory(void)
{
    csi_buf tar;
    csi_archive *a = NULL, *part;
    cs_error err;
    cs_err code = CS_ENOMEM;
    long n = 1;
    kit_env(&env, &memory);
    make_whole(&tar, "encoder: {d_model: 6}\n", 3);
    CHECK_INT(csi_archive_open_memory(&env, "t.nemo", tar.data, tar.size, &a, &err), CS_OK);
    for (; a && code != CS_OK && n < 1000; n++) {
        const long before = memory.n_live;
        memory.n_calls = 0;
        memory.fail_at = n;
        code = csi_archive_part(a, "inner", &part, &err);
        CHECK(code == CS_OK || (code == CS_ENOMEM && part == NULL && strstr(err.message, "out of memory")));
        csi_archive_close(part);
        CHECK_INT(memory.n_live, before);
    }
    memory.fail_at = 0;
    CHECK(code == CS_OK && n > 3);
    csi_archive_close(a);
    csi_buf_finish(&tar);
    CHECK_INT(memory.n_live, 0);
}

static void sorts_names(void)
{
    enum { N = 1000 };
    static char text[N][8];
    static csi_name names[N];
    for (uint32_t i = 0; i < N; i++) {
        snprintf(text[i], sizeof text[i], "%u", i * 7919 % N);
        names[i] = (csi_name){text[i], (uint32_t)strlen(text[i]), i};
    }
    csi_names_sort(names, N);
    CHECK(csi_names_duplicate(names, N) == NULL);
    for (uint32_t i = 0; i < N; i++) {
        const csi_name *found = csi_names_find(names, N, text[i], strlen(text[i]));
        CHECK(found && found->index == i);
    }
    CHECK(csi_names_find(names, N, "1000", 4) == NULL);
    CHECK(csi_names_find(names, 0, "1", 1) == NULL);
    names[500] = names[499];
    CHECK(csi_names_duplicate(names, N) == &names[500]);
}

int main(void)
{
    RUN(reads_what_torch_wrote);
    RUN(copies_only_what_it_must);
    RUN(converts_special_values);
    RUN(shape_is_checked);
    RUN(misaligned_f32_is_copied);
    RUN(gzip_gives_the_same);
    RUN(finds_members);
    RUN(reads_long_names);
    RUN(reads_every_checkpoint);
    RUN(reads_tar_variants);
    RUN(config_is_a_tree);
    RUN(numbers_are_exact);
    RUN(words_are_booleans_and_nulls);
    RUN(old_configs_nest_below_model);
    RUN(opens_a_part);
    RUN(a_broken_part_is_refused);
    RUN(a_part_may_run_out_of_memory);
    RUN(sorts_names);
    return check_done();
}
