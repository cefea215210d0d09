#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the small archives that tests/unit/test_format*.c read and the seeds of tests/fuzz/corpus/{tar,zip,pickle,yaml}.

usage: make_format_fixtures.py REPOSITORY_ROOT        (needs numpy and torch)

Values follow one formula, (i * 37 % 251 - 125) / 16 for element i in row-major order: exact in f16 and bf16, so that the
C tests compute what to expect. The same torch version gives the same bytes.
"""
import collections, gzip, io, os, pickle, struct, sys, tarfile, zipfile
import torch

CONFIG = """\
target: nemo.collections.asr.models.EncDecCTCModelBPE
nemo_version: 3.0.0
sample_rate: 16000
preprocessor:
  dither: 1.0e-05
  window_stride: 0.01
  pad_to: 0
encoder:
  d_model: 16
  att_context_size: [70, 13]
  xscaling: true
  nothing: null
tokenizer:
  model_path: nemo:0123456789abcdef0123456789abcdef_tokenizer.model
labels:
- "\\u2581the"
- 'it''s'
- "null"
- \u00fcber
"""
TOKENIZER = "0123456789abcdef0123456789abcdef_tokenizer.model"


def values(*shape, dtype=torch.float32):
    n = 1
    for d in shape:
        n *= d
    return torch.tensor([(i * 37 % 251 - 125) / 16 for i in range(n)], dtype=torch.float64).reshape(shape).to(dtype)


def state_dict():
    sd = collections.OrderedDict()
    sd["plain"] = values(3, 5)
    sd["half"] = values(4, 6, dtype=torch.float16)
    sd["brain"] = values(4, 6, dtype=torch.bfloat16)
    sd["double"] = values(2, 3, 4, dtype=torch.float64)
    sd["steps"] = torch.tensor(7)
    sd["turned"] = values(5, 4).t()
    sd["base"] = values(40)
    sd["window"] = sd["base"][10:20].view(2, 5)
    sd["tied"] = sd["plain"]
    sd["parameter"] = torch.nn.Parameter(values(2, 2))
    bits = [0x0001, 0x03FF, 0x0400, 0x7BFF, 0x7C00, 0xFC00, 0x7E01, 0x8000, 0x3C00, 0xC000, 0x8001, 0x3555]
    sd["half_special"] = torch.tensor([b - 0x10000 if b & 0x8000 else b for b in bits], dtype=torch.int16).view(torch.float16)
    sd["double_special"] = torch.tensor([1e300, -1e300, 3.4028235e38, float("nan"), 1e-46, 0.1], dtype=torch.float64)
    sd["permuted_half"] = values(2, 3, 4, dtype=torch.float16).permute(2, 0, 1)
    sd["empty"] = torch.zeros(0, 3)
    sd["broadcast"] = values(3).expand(4, 3)
    sd["flags"] = torch.tensor([True, False])
    sd._metadata = collections.OrderedDict([("", {"version": 1}), ("encoder", {"version": 2})])
    return sd


def checkpoint(obj, **how):
    out = io.BytesIO()
    torch.save(obj, out, **how)
    return out.getvalue()


def rezip(data, zip64=False, deflate_pickle=False):
    """The same entries written by Python's zipfile."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as new:
        for info in old.infolist():
            entry = zipfile.ZipInfo(info.filename, (2020, 1, 1, 0, 0, 0))
            if deflate_pickle and info.filename.endswith("data.pkl"):
                entry.compress_type = zipfile.ZIP_DEFLATED
            with new.open(entry, "w", force_zip64=zip64) as f:
                f.write(old.read(info))
    return out.getvalue()


def force_zip64(data):
    """Move the sizes and offset of each central header into a Zip64 extra field and add the Zip64 end records."""
    end = data.rindex(b"PK\5\6")
    n, size, at = struct.unpack("<HII", data[end + 10:end + 20])
    directory, p = b"", at
    for _ in range(n):
        h = bytearray(data[p:p + 46])
        packed, plain, = struct.unpack("<II", h[20:28])
        name_n, extra_n, comment_n = struct.unpack("<HHH", h[28:34])
        offset, = struct.unpack("<I", h[42:46])
        name = data[p + 46:p + 46 + name_n]
        extra = struct.pack("<HHQQQ", 1, 24, plain, packed, offset)
        h[20:28], h[42:46] = b"\xff" * 8, b"\xff" * 4
        h[30:34] = struct.pack("<HH", len(extra), 0)
        directory += bytes(h) + name + extra
        p += 46 + name_n + extra_n + comment_n
    body = data[:at]
    record = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 45, 45, 0, 0, n, n, len(directory), at)
    locator = struct.pack("<IIQI", 0x07064B50, 0, at + len(directory), 1)
    tail = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return body + directory + record + locator + tail


def archive(members, how=tarfile.PAX_FORMAT, mtime=1700000000.25, folder="./"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=how) as tar:
        if folder:
            top = tarfile.TarInfo(".")
            top.type, top.mtime, top.mode = tarfile.DIRTYPE, mtime, 0o755
            tar.addfile(top)
        for name, data in members:
            info = tarfile.TarInfo(folder + name)
            info.size, info.mtime = len(data), mtime
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()


def put(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)


def unit_fixtures(folder):
    ckpt = checkpoint(state_dict())
    members = [(TOKENIZER, b"not a real tokenizer"), ("model_config.yaml", CONFIG.encode()), ("model_weights.ckpt", ckpt)]
    pax = archive(members)
    put(folder + "/tiny.nemo", pax)
    put(folder + "/tiny-gz.nemo", gzip.compress(pax, 9, mtime=0))
    small = collections.OrderedDict([("w", values(2, 3)), ("b", values(3, dtype=torch.float16))])
    small_ckpt = checkpoint(small)
    put(folder + "/zip64.ckpt", force_zip64(rezip(small_ckpt)))
    put(folder + "/deflated.ckpt", rezip(small_ckpt, deflate_pickle=True))
    put(folder + "/nested.ckpt", checkpoint({"epoch": 3, "lr": 0.5, "names": ["a", "b"], "state_dict": small}))
    put(folder + "/protocol4.ckpt", checkpoint(small, pickle_protocol=4))
    long_name = "a" * 120 + "/" + "b" * 120 + ".model"
    text = [(long_name, b"long"), ("model_config.yaml", CONFIG.encode()), ("model_weights.ckpt", small_ckpt)]
    put(folder + "/gnu-long.nemo", archive(text, tarfile.GNU_FORMAT, 1700000000, ""))
    put(folder + "/pax-long.nemo", archive(text, tarfile.PAX_FORMAT, 1700000000.5, "./"))
    split = [("c" * 90 + "/" + "d" * 90, b"long")] + text[1:]
    put(folder + "/ustar-prefix.nemo", archive(split, tarfile.USTAR_FORMAT, 1700000000, "./"))


def seeds(root):
    one = checkpoint(collections.OrderedDict([("w", values(2, 2))]))
    plain = rezip(one)
    put(root + "/zip/plain", plain)
    put(root + "/zip/torch", one)
    put(root + "/zip/zip64", force_zip64(plain))
    put(root + "/zip/deflated", rezip(one, deflate_pickle=True))
    put(root + "/zip/shared", rezip(checkpoint({"a": values(4)[1:], "b": values(2, 3).t().half()})))
    config = b"encoder: {d_model: 8}\ntokenizer: {model_path: 'nemo:a'}\n"
    members = [("a", b"x"), ("model_config.yaml", config), ("model_weights.ckpt", plain)]
    for name, how, mtime, folder in [("pax", tarfile.PAX_FORMAT, 1.5, "./"), ("gnu", tarfile.GNU_FORMAT, 1, ""),
                                     ("ustar", tarfile.USTAR_FORMAT, 1, "./")]:
        tar = archive(members, how, mtime, folder)
        put(root + "/tar/" + name, b"\0" + tar[:len(tar.rstrip(b"\0")) // 512 * 512 + 1536])
    put(root + "/tar/gzip", b"\0" + gzip.compress(archive(members, tarfile.USTAR_FORMAT, 1, ""), 9, mtime=0))
    long_name = archive([("n" * 130, b"1")], tarfile.GNU_FORMAT, 1, "")
    put(root + "/tar/gnu-long", b"\1" + long_name[:3072])
    put(root + "/tar/pax-long", b"\1" + archive([("n" * 130, b"1")], tarfile.PAX_FORMAT, 1.5, "")[:3072])
    # Storages in the pickle target have as many bytes as their key says.
    head = b"\x80\x02ccollections\nOrderedDict\nq\0)Rq\1("
    tensor = (b"ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\n%sStorage\nX\2\0\0\0%sX\3\0\0\0cpuK%ctQ"
              b"K%c(K\2K\2t(K%cK%ct\x89h\0)RtR")
    item = lambda name, kind, size, n, offset=0, s0=2, s1=1: (
        b"X" + struct.pack("<I", len(name)) + name + tensor % (kind, size, n, offset, s0, s1))
    meta = b"u}X\x09\0\0\0_metadatah\0)R(X\0\0\0\0}X\7\0\0\0versionK\1suusb."
    put(root + "/pickle/dict", head + item(b"a.w", b"Float", b"16", 4) + item(b"b", b"Half", b"08", 4) + meta)
    put(root + "/pickle/strided", head + item(b"t", b"Double", b"64", 8, 1, 1, 2) + item(b"e", b"BFloat16", b"12", 6, 2, 0, 1) + b"u.")
    put(root + "/pickle/cycle", b"\x80\x02]q\0h\0ah\0(h\0h\0e}q\1X\1\0\0\0ah\1sX\1\0\0\0bh\0s.")
    put(root + "/pickle/system", b"\x80\x02cos\nsystem\nX\4\0\0\0trueq\0\x85R.")
    put(root + "/pickle/protocol4", b"\x80\4\x95" + struct.pack("<Q", 40)
        + b"\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94}\x94(\x8c\1aK\1\x8c\1bM\2\1\x8c\1cJ\xff\xff\xff\xff\x8c\1dG?\xe0\0\0\0\0\0\0"
          b"\x8c\1e\x8a\2\xff\x7fN\x88\x86\x88u.")
    put(root + "/pickle/plain-dict", pickle.dumps({"state_dict": {"a": 1, "b": [1, (2, 3), None]}}, 2))
    put(root + "/yaml/config", CONFIG.encode())
    put(root + "/yaml/flow", b"{a: [1, [2, 3], {b: 1e-05}], 'c d': \"\\u2581\\xE9\\n\", e: }\n")
    put(root + "/yaml/block", b"a: |\n  two\n  lines\nb: >-\n  folded\n  text\n? c\n: - 1\n  - - 2\n    - .5\n# end\n")
    put(root + "/yaml/refused", b"%YAML 1.1\n---\na: &x !!int 1\nb: *x\n...\n---\nc: 1\n")
    put(root + "/yaml/scalars", b"- 0.01\n- +12\n- -9223372036854775808\n- 1E+400\n- True\n- off\n- ~\n- ''\n- .5e-3\n- 1.\n")
    put(root + "/yaml/utf16", "a: [\u00fc, 1]\n".encode("utf-16"))


if __name__ == "__main__":
    top = sys.argv[1]
    unit_fixtures(top + "/tests/unit/data/format")
    seeds(top + "/tests/fuzz/corpus")
