#!/usr/bin/env python3
"""Hand-made hostile model files: make-seeds.py DIRECTORY fills a folder of it for every fuzz target.

With the asan preset, whose build/asan/bin has the targets (one per reader):

    python3 test/fuzz/make-seeds.py /tmp/seeds
    build/asan/bin/GgufFuzz /tmp/seeds/gguf/*                                     # each seed once, at its full size
    build/asan/bin/GgufFuzz -runs=200000 -max_len=4096 -malloc_limit_mb=256 -timeout=10 /tmp/seeds/gguf

A reader may refuse a file, in one line that names it; it may not crash, hang, read past the end or allocate more than
a small multiple of the file.
"""
import base64
import json
import pathlib
import struct
import sys

root = pathlib.Path(sys.argv[1])


def write(kind, name, data):
    folder = root / kind
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)


# --- config.json ------------------------------------------------------------------------------------------------------

SIZES = {"hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4, "num_key_value_heads": 2,
         "intermediate_size": 96, "vocab_size": 128, "max_position_embeddings": 256}
YARN = {"rope_type": "yarn", "factor": 4, "original_max_position_embeddings": 64, "beta_fast": 16, "beta_slow": 2,
        "truncate": False, "mscale": 0.7, "mscale_all_dim": 1.0}
LLAMA3 = {"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
          "original_max_position_embeddings": 64}
CONFIGS = {
    "llama": {"model_type": "llama", **SIZES, "rope_scaling": LLAMA3, "attention_bias": True, "mlp_bias": True},
    "mistral": {"model_type": "mistral", **SIZES, "sliding_window": 8, "eos_token_id": [1, 2]},
    "mistral3": {"model_type": "mistral3", "text_config": {"model_type": "mistral", **SIZES}, "eos_token_id": 2},
    "qwen3": {"model_type": "qwen3", **SIZES, "rope_parameters": YARN, "use_sliding_window": True,
              "max_window_layers": 2},
    "gemma3": {"model_type": "gemma3_text", **SIZES, "query_pre_attn_scalar": 24, "final_logit_softcapping": 30.0,
               "layer_types": ["sliding_attention", "full_attention"] * 2,
               "rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8, "rope_theta": 1e6},
                                   "sliding_attention": {"rope_type": "default", "rope_theta": 1e4}}},
}
for name, config in CONFIGS.items():
    text = json.dumps(config)
    write("config", name, text)
    write("config", name + "-truncated", text[:len(text) * 2 // 3])
for path in (pathlib.Path(__file__).resolve().parent.parent / "models").glob("*/*/config.json"):
    write("config", f"{path.parts[-3]}-{path.parts[-2]}", path.read_bytes())
for key in SIZES:
    for value in (-1, 0, 2**40, 2**63, 1e308, "8x", None, [], {}, 1.5, True):
        write("config", f"{key}-{value}".replace("/", "_"), json.dumps({**CONFIGS["llama"], key: value}))
for value in ("NaN", "Infinity", "-Infinity", "[NaN, 0, {\"a\": NaN}]", "01", "1NaN", "-"):
    write("config", f"name-{value[:9]}", json.dumps({**CONFIGS["llama"], "a": 0}).replace('"a": 0', f'"a": {value}'))
write("config", "pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n")
write("config", "page", "<!DOCTYPE html><html><head><title>404</title></head></html>")
write("config", "answer", "Entry not found")
write("config", "error", '{"error": {"message": "Repository not found"}}')
write("config", "byte-order-mark", b"\xef\xbb\xbf{}")
write("config", "deep-arrays", "[" * 400_000)
write("config", "deep-objects", '{"a":' * 400_000)
write("config", "deep-in-key", '{"model_type": "llama", "hidden_size": ' + "[" * 400_000 + "]" * 400_000 + "}")
write("config", "long-string", '{"model_type": "' + "x" * 100_000 + '"}')
write("config", "control-characters", '{"model_type": "a\\n\\u0000\\u001b[31m"}')
write("config", "half-a-surrogate", '{"model_type": "\\ud800"}')
write("config", "not-utf8", b'{"model_type": "\xff\xfe"}')
write("config", "empty", "")
write("config", "layers-at-the-limit", json.dumps({**CONFIGS["gemma3"], "num_hidden_layers": 4096, "layer_types": None}))
write("config", "theta-one", json.dumps({**CONFIGS["qwen3"], "rope_parameters": {**YARN, "rope_theta": 1.0000000001}}))
write("config", "tiny-numbers", json.dumps({**CONFIGS["llama"], "rope_theta": 5e-324, "rms_norm_eps": 5e-324}))

# --- safetensors ------------------------------------------------------------------------------------------------------


def safetensors(header, data=b"", length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


write("safetensors", "good", safetensors({"__metadata__": {"format": "pt"}, "a": tensor([2], 0, 8),
                                          "b": tensor([2, 3], 8, 20, "BF16"), "c": tensor([], 20, 24)}, b"\0" * 24))
for length in (0, 1, 2**31, 2**32 - 1, 2**60, 2**63, 2**64 - 1, 100_000_000):
    write("safetensors", f"header-of-{length}", safetensors({"a": tensor([1], 0, 4)}, b"\0" * 4, length))
write("safetensors", "overlap", safetensors({"a": tensor([2], 0, 8), "b": tensor([2], 4, 12)}, b"\0" * 12))
write("safetensors", "past-the-end", safetensors({"a": tensor([2], 0, 8)}, b"\0" * 4))
write("safetensors", "offsets-swapped", safetensors({"a": tensor([2], 8, 0)}, b"\0" * 8))
write("safetensors", "offsets-huge", safetensors({"a": tensor([2], 2**62, 2**62 + 8)}, b"\0" * 8))
write("safetensors", "shape-overflows", safetensors({"a": tensor([2**32, 2**32], 0, 0)}))
write("safetensors", "shape-overflows-to-fit", safetensors({"a": tensor([2**62 + 1, 4], 0, 16)}, b"\0" * 16))
write("safetensors", "shape-zero-times-huge", safetensors({"a": tensor([0, 2**62, 2**62], 0, 0)}))
write("safetensors", "many-dimensions", safetensors({"a": tensor([1] * 10_000, 0, 4)}, b"\0" * 4))
write("safetensors", "unknown-type", safetensors({"a": tensor([2], 0, 8, "Q9")}, b"\0" * 8))
write("safetensors", "sub-byte", safetensors({"a": tensor([3], 0, 2, "F4"), "b": tensor([3], 2, 5, "F6_E2M3")}, b"\0" * 5))
write("safetensors", "twice-the-same-key", safetensors(b'{"a":' + json.dumps(tensor([1], 0, 4)).encode() + b',"a":' +
                                                       json.dumps(tensor([1], 4, 8)).encode() + b"}", b"\0" * 8))
write("safetensors", "deep", safetensors(b"[" * 400_000))
write("safetensors", "no-header", safetensors(b""))
write("safetensors", "seven-bytes", b"\1\0\0\0\0\0\0")
write("safetensors", "newline-in-name", safetensors({"a\n\x1b[31m": 1}))

# --- GGUF -------------------------------------------------------------------------------------------------------------

U8, I8, U16, I16, U32, I32, F32, BOOL, STRING, ARRAY, U64, I64, F64 = range(13)


def string(text):
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(raw)) + raw


def entry(key, type, value):
    return string(key) + struct.pack("<I", type) + value


def u32(key, value):
    return entry(key, U32, struct.pack("<I", value))


def f32(key, value):
    return entry(key, F32, struct.pack("<f", value))


def array(key, type, count, value):
    return entry(key, ARRAY, struct.pack("<IQ", type, count) + value)


def info(name, dimensions, type, offset):
    return (string(name) + struct.pack("<I", len(dimensions)) + b"".join(struct.pack("<Q", n) for n in dimensions) +
            struct.pack("<IQ", type, offset))


def gguf(entries, tensors=(), data=b"", version=3, counts=None, magic=b"GGUF", alignment=32):
    tensor_count, entry_count = counts or (len(tensors), len(entries))
    out = magic + struct.pack("<IQQ", version, tensor_count, entry_count) + b"".join(entries) + b"".join(tensors)
    return out + b"\0" * (-len(out) % alignment) + data


def model(arch, **changes):
    numbers = {"embedding_length": 8, "block_count": 1, "attention.head_count": 2, "attention.head_count_kv": 1,
               "feed_forward_length": 12, "context_length": 64, "attention.sliding_window": 4, **changes}
    return ([entry("general.architecture", STRING, string(arch))] +
            [u32(f"{arch}.{key}", value) for key, value in numbers.items()] +
            [f32(f"{arch}.attention.layer_norm_rms_epsilon", 1e-6), f32(f"{arch}.rope.freq_base", 1e4),
             array("tokenizer.ggml.tokens", STRING, 3, string("<s>") + string("<|im_end|>") + string("a")),
             u32("tokenizer.ggml.eos_token_id", 1)])


LAYER = {"attn_norm": (8,), "attn_q": (8, 8), "attn_k": (8, 4), "attn_v": (8, 4), "attn_output": (8, 8),
         "ffn_norm": (8,), "ffn_gate": (8, 12), "ffn_up": (8, 12), "ffn_down": (12, 8), "attn_q_norm": (4,),
         "attn_k_norm": (4,), "post_attention_norm": (8,), "post_ffw_norm": (8,)}
shapes = {"token_embd.weight": (8, 3), "output_norm.weight": (8,), "rope_freqs.weight": (2,),
          **{f"blk.0.{name}.weight": shape for name, shape in LAYER.items()}}
tensors, data = [], b""
for name, shape in shapes.items():
    tensors.append(info(name, shape, 0, len(data)))
    size = 4 * shape[0] * (shape[1] if len(shape) > 1 else 1)
    data += struct.pack("<f", 1.0) * (size // 4) + b"\0" * (-size % 32)
for arch in ("llama", "mistral3", "qwen3", "gemma3"):
    write("gguf", arch, gguf(model(arch), tensors, data))
    write("gguf", arch + "-version-2", gguf(model(arch), tensors, data, version=2))
good = gguf(model("llama"), tensors, data)
for cut in (3, 4, 7, 8, 20, 24, 30, 100, len(good) // 2, len(good) - 1):
    write("gguf", f"cut-at-{cut}", good[:cut])
write("gguf", "wrong-magic", gguf([], magic=b"GGML"))
write("gguf", "version-1", gguf([], version=1))
write("gguf", "big-endian", gguf([], version=3 << 24))
for count in (2**31, 2**60, 2**64 - 1):
    write("gguf", f"{count}-entries", gguf([u32("a", 1)], counts=(0, count)))
    write("gguf", f"{count}-tensors", gguf([], [info("t", (8,), 0, 0)], b"\0" * 32, counts=(count, 0)))
    write("gguf", f"array-of-{count}-u8", gguf([array("a", U8, count, b"123")]))
    write("gguf", f"array-of-{count}-u64", gguf([array("a", U64, count, b"12345678")]))
    write("gguf", f"array-of-{count}-strings", gguf([array("a", STRING, count, string("x"))]))
    write("gguf", f"string-of-{count}", gguf([entry("a", STRING, struct.pack("<Q", count) + b"x")]))
    write("gguf", f"key-of-{count}", gguf([struct.pack("<Q", count) + b"a"], counts=(0, 1)))
    write("gguf", f"dimension-{count}", gguf([], [info("t", (8, count), 0, 0)], b"\0" * 32))
    write("gguf", f"offset-{count}", gguf([], [info("t", (8,), 0, count & ~31)], b"\0" * 32))
write("gguf", "product-overflows-to-fit", gguf([], [info("t", (2**32, 2**32 + 1), 0, 0)], b"\0" * 32))
write("gguf", "nested-array", gguf([array("a", ARRAY, 1, struct.pack("<IQ", ARRAY, 1) * 1000)]))
write("gguf", "unknown-value-type", gguf([entry("a", 13, b"12345678")]))
write("gguf", "same-key-twice", gguf([u32("a", 1), u32("a", 2)]))
write("gguf", "same-tensor-twice", gguf([], [info("t", (8,), 0, 0)] * 2, b"\0" * 64))
write("gguf", "overlap", gguf([], [info("t", (16,), 0, 0), info("u", (8,), 0, 32)], b"\0" * 64))
write("gguf", "odd-offset", gguf([], [info("t", (8,), 0, 1)], b"\0" * 64))
write("gguf", "five-dimensions", gguf([], [info("t", (1,) * 5, 0, 0)], b"\0" * 32))
write("gguf", "four-billion-dimensions", gguf([], [string("t") + struct.pack("<I", 2**32 - 1) + b"\0" * 64]))
for type in (4, 5, 10, 16, 31, 39, 255, 2**32 - 1):
    write("gguf", f"tensor-type-{type}", gguf([], [info("t", (256,), type, 0)], b"\0" * 256))
write("gguf", "half-a-block", gguf([], [info("t", (33,), 8, 0)], b"\0" * 64))
more = b"\0" * 32
for name, shape in (("v.patch.weight", (8, 1, 1, 1)), ("blk.0.attn_q.scale", (1,)), ("blk.1.attn_q.weight", (8, 8)),
                    ("blk.9999999999999999999.a", (1,)), ("output_norm.bias", (8,)), ("blk.0.", (1,)), ("blk.", (1,))):
    for type in (0, 10, 999):
        write("gguf", f"unread-{name}-{type}", gguf(model("llama"), tensors + [info(name, shape, type, len(data))],
                                                    data + b"\0" * 256))
write("gguf", "unknown-types-side-by-side", gguf([], [info("a", (5,), 999, 0), info("b", (5,), 999, 0)], more))
write("gguf", "unknown-type-at-the-end", gguf([], [info("a", (5,), 999, 32)], more))
for type, size in ((U8, 1), (I8, 1), (U16, 2), (I16, 2), (U32, 4), (I32, 4), (U64, 8), (I64, 8)):
    write("gguf", f"no-token-{type}", gguf(model("llama") + [entry("tokenizer.ggml.bos_token_id", type, b"\xff" * size)],
                                           tensors, data))
for alignment in (0, 1, 3, 2**31):
    write("gguf", f"alignment-{alignment}", gguf([u32("general.alignment", alignment)], tensors, data))


def part(number, count, total):
    return [entry("split.no", U16, struct.pack("<H", number)), entry("split.count", U16, struct.pack("<H", count)),
            entry("split.tensors.count", I32, struct.pack("<i", total))]


def parts(*files):
    return b"<part>".join(files)  # as GgufFuzz.cpp cuts them


one = [info("t", (8,), 0, 0)]
rest = [info("u", (8,), 0, 0)], b"\0" * 32
write("gguf", "split", parts(gguf(model("llama") + part(0, 3, len(tensors) + 1), tensors, data),
                             gguf(part(1, 3, len(tensors) + 1)), gguf(part(2, 3, len(tensors) + 1), *rest)))
for name, claims in (("number", (0, 2, 2)), ("count", (1, 3, 2)), ("total", (1, 2, 9)), ("huge-total", (1, 2, -1))):
    write("gguf", f"split-other-{name}", parts(gguf(part(0, 2, 2), one, b"\0" * 32), gguf(part(*claims), *rest)))
write("gguf", "split-twice-the-same-part", parts(*[gguf(part(0, 2, 2), one, b"\0" * 32)] * 2))
write("gguf", "split-twice-the-same-tensor", parts(gguf(part(0, 2, 2), one, b"\0" * 32),
                                                   gguf(part(1, 2, 2), one, b"\0" * 32)))
write("gguf", "split-cut", parts(gguf(part(0, 2, 2), one, b"\0" * 32), gguf(part(1, 2, 2), *rest)[:-1]))
for count in (2, 3, 65535):
    write("gguf", f"split-of-{count}-alone", gguf(part(0, count, 2), one, b"\0" * 32))
for count in (2**31, 2**63, 2**64 - 1):
    write("gguf", f"split-of-{count}", gguf([entry("split.count", U64, struct.pack("<Q", count))]))
write("gguf", "not-a-number", gguf(model("llama") + [f32("llama.rope.scaling.factor", float("nan"))], tensors, data))
write("gguf", "control-characters", gguf([u32("a\n\x1b[31m", 1)] * 2))
for key, value in (("embedding_length", 0), ("block_count", 2**32 - 1), ("attention.head_count_kv", 3),
                   ("attention.key_length", 2**31), ("rope.dimension_count", 3)):
    write("gguf", f"{key}-{value}", gguf(model("llama", **{key: value}), tensors, data))

# --- tokenizers: the first byte chooses what TokenizerFuzz reads -------------------------------------------------------

inputs = pathlib.Path(__file__).resolve().parent.parent / "frontends/tokenizer/Inputs"
for path in inputs.glob("*.tokenizer.json"):
    write("tokenizer", path.name, b"\0" + path.read_bytes())


def bpe(vocab, merges=(), **rest):
    return "\0" + json.dumps({"model": {"type": "BPE", "vocab": vocab, "merges": list(merges)}, **rest})


def token(content, **rest):
    return {"content": content, "special": True, **rest}


GOOD = {"a": 0, "b": 1, "ab": 2, "<0x41>": 3}
STEPS = [{"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "a+"}, "content": "b"}, {"type": "Strip"},
         {"type": "Prepend", "prepend": "x"}]
write("tokenizer", "good", bpe(GOOD, ["a b"], added_tokens=[token("<s>")],
                               normalizer={"type": "Sequence", "normalizers": STEPS},
                               pre_tokenizer={"type": "ByteLevel", "add_prefix_space": True, "use_regex": True},
                               decoder={"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]},
                               post_processor={"type": "TemplateProcessing", "single": [
                                   {"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}],
                                   "special_tokens": {"<s>": {"id": "<s>", "ids": [4]}}}))
write("tokenizer", "unigram", "\0" + json.dumps({"model": {"type": "Unigram", "unk_id": 0, "byte_fallback": True,
                                                           "vocab": [["<unk>", 0], ["a", -1.5], ["ab", -2]]},
                                                 "pre_tokenizer": {"type": "Metaspace", "replacement": "_",
                                                                   "prepend_scheme": "first", "split": True}}))
write("tokenizer", "deep", "\0" + '{"model":' + "[" * 400_000)
write("tokenizer", "deep-normalizers", bpe(GOOD, normalizer=eval('{"type":"Sequence","normalizers":[' * 50 + "STEPS[0]" +
                                                                 "]}" * 50, {"STEPS": STEPS})))
for id in (1_000_000_000, -1, 2**53, 2**63, 1e300, 1.5, None, "0", [0]):
    write("tokenizer", f"id-{id}", bpe({**GOOD, "c": id}))
write("tokenizer", "ids-twice", bpe({"a": 0, "b": 0, "ab": 0}, ["a b"]))
write("tokenizer", "one-id-far-away", bpe({"a": 65_000}))
write("tokenizer", "merges-of-unknown-tokens", bpe(GOOD, ["x y"]))
write("tokenizer", "merge-of-itself", bpe({**GOOD, "": 4}, [["", "a"], ["a", ""], ["", ""]]))
write("tokenizer", "same-merge-many-times", bpe(GOOD, ["a b"] * 5000))
write("tokenizer", "empty-added-token", bpe(GOOD, added_tokens=[token("")]))
write("tokenizer", "added-tokens-that-overlap", bpe(GOOD, added_tokens=[token("a" * n, lstrip=True, rstrip=True,
                                                                            normalized=True) for n in range(1, 40)]))
for number, pattern in enumerate(("(a+)+$", "(" * 5000 + ")" * 5000, "a{1000}{1000}", "(?=a)*", "", "[", "\\p{L", "(?<=a*)b",
                                  "[^\\s\\p{L}]+|\\s+(?!\\S)")):
    write("tokenizer", f"pattern-{number}", bpe(GOOD, pre_tokenizer={"type": "Split", "pattern": {"Regex": pattern},
                                                                   "behavior": "Isolated", "invert": False}))
    write("tokenizer", f"bare-pattern-{number}", "\3" + pattern)
write("tokenizer", "gguf-scores", b"\1ldefault\0a\0b\0ab\0|\0")
write("tokenizer", "gguf-merges", b"\1gllama-bpe\0a\0b\0ab\0|\0a b\0b a\0a  b\0")
write("tokenizer", "section-magic", b"\2" + struct.pack("<QII", 0x4b54454854414c2e, 4, 208) + b"\xff" * 192)
golden = json.loads((inputs / "special-tokens.json").read_text())
for number, case in enumerate(golden["cases"][:40]):
    files = [case["files"].get(name, "") for name in ("tokenizer_config.json", "special_tokens_map.json",
                                                      "added_tokens.json")]
    write("tokenizer", f"beside-{number}", "\5" + "\0".join([*files, "{{ bos_token }}{{ messages[0].content | trim }}"]))
for kind in range(3):
    write("tokenizer", f"damaged-{kind}", bytes([4 + 6 * kind]) + struct.pack("<HB", 40, 255))

# --- other vocabularies: the first byte chooses the class in test/fuzz/UseTokenizer.h ----------------------------------

for path in sorted((inputs / "vocabularies").glob("*/tokenizer.model")):
    if path.read_bytes()[:1] == b"\n":
        for kind in (0, 4, 5, 12):
            write("sentencepiece", f"{path.parent.name}-{kind}", bytes([kind]) + path.read_bytes())


def field(number, value):
    """A field of a protobuf message: a number, a float or bytes."""
    if isinstance(value, bytes):
        return varint(number << 3 | 2) + varint(len(value)) + value
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    return varint(number << 3) + varint(value)


def varint(value):
    out = b""
    while value >= 128:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def piece(text, score=0.0, type=1):
    return field(1, field(1, text) + field(2, float(score)) + field(3, type))


PIECES = [piece(b"<unk>", 0, 2), piece(b"<s>", 0, 3), piece("\u2581".encode(), -1), piece(b"a", -2), piece(b"b", -3), piece(b"ab", -1),
          piece(b"a b", 0, 4)]
for name, spec in (("bpe", field(3, 2)), ("unigram", field(3, 1)), ("word", field(3, 3)), ("bytes", field(3, 2) + field(35, 1)),
                   ("suffix", field(24, 1)), ("kind", field(3, 2**64 - 1))):
    write("sentencepiece", name, b"\0" + b"".join(PIECES) + field(2, spec))
for name, spec in (("spaces", field(4, 0)), ("no-prefix", field(3, 0)), ("charsmap", field(2, b"\4\0\0\0\0\0\0\0a\0")),
                   ("charsmap-that-claims", field(2, b"\xff\xff\xff\xffabc")), ("no-escape", field(5, 0))):
    write("sentencepiece", name, b"\0" + b"".join(PIECES) + field(2, field(3, 2)) + field(3, spec))
write("sentencepiece", "piece-that-claims-2-gb", b"\0\n\xff\xff\xff\xff\7")
write("sentencepiece", "deep-groups", b"\0" + b"\x0b" * 100_000)
write("sentencepiece", "deep-messages", b"\0" + b"\n\x7f" * 100_000)
write("sentencepiece", "empty-pieces", b"\0" + b"\n\0" * 1_000_000)
write("sentencepiece", "same-pieces", b"\0" + PIECES[0] * 1000)
write("sentencepiece", "long-piece", b"\0" + b"".join(PIECES) + piece(b"ab" * 5_000_000))
write("sentencepiece", "all-cuts", b"\4" + b"".join(PIECES[:2] + [piece(b"a" * n, -n) for n in range(1, 1025)]) + field(2, field(3, 2)))
write("sentencepiece", "ranks", b"\0YQ== 0\nYg== 1\nYWI= 2\n")

for path in sorted((inputs / "vocabularies").glob("*/t*.model")):
    if path.read_bytes()[:1] != b"\n":
        write("tiktoken", path.parent.name, b"\0" + path.read_bytes())
        write("tiktoken", path.parent.name + "-kimi", b"\6" + path.read_bytes())
for number, text in enumerate(("YQ== 0\nYg== 1\nYWI= 2\n", "", "YQ==", "YQ== -1", "YQ== 2147483648", "YQ== 99999999999999999999", "== 0", "A 0",
                               "YQ== 0\nYg== 0", "YQ== 0\nYQ== 1", "YQ== 1", "\n" * 100_000, "YWFh" * 2_500_000 + " 0", " 0", "YQ== 0 0")):
    write("tiktoken", f"lines-{number}", "\0" + text)
write("tiktoken", "all-cuts", b"\0" + b"".join(base64.b64encode(b"a" * n) + b" %d\n" % (n - 1) for n in range(1, 1025)))

for path in sorted((inputs / "vocabularies").glob("*/vocab.json")):
    write("bytelevel", path.parent.name, b"\1" + path.read_bytes() + b"\0" + (path.parent / "merges.txt").read_bytes())
for number, (vocab, merges) in enumerate((('{"a":0,"b":1,"ab":2}', "a b\n"), ('{"a":0}', "a a\n"), ('{"a":1e99}', ""), ("[", ""), ("", "a b"),
                                          ('{"a":0,"b":1,"ab":2}', "a b\n" * 5000), ('{"":0,"a":1}', " a\n"), ('{"a":65000}', "\r\n"))):
    for kind in (1, 2, 3, 7):
        write("bytelevel", f"files-{number}-{kind}", bytes([kind]) + f"{vocab}\0{merges}".encode())

# --- chat templates ---------------------------------------------------------------------------------------------------

for path in (inputs / "templates").glob("*.jinja"):
    write("chattemplate", path.name, path.read_bytes())
CHAT = {
    "loops": "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
    "doubling": "{% set n = namespace(x='ab') %}{% for a in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}{{ n.x }}",
    "nesting": "{% set n = namespace(x=1) %}{% for a in range(9999) %}{% set n.x = [n.x] %}{% endfor %}",
    "cycle": "{% set n = namespace() %}{% set n.n = n %}{% set n.l = [n] %}{{ n }}",
    "replaced": "{{ ('a' * 9).replace('a', 'aa') }}{{ 'aaaa'.split('a', 2) | join('b') }}{{ 'abc'[::-1][1:-1] }}",
    "filters": "{{ messages | selectattr('role', 'in', ['user']) | map(attribute='content') | join | tojson | trim }}",
    "numbers": "{{ 9223372036854775807 + 1 }}{{ -9223372036854775807 // -1 }}{{ 1 % 0 }}{{ 'a'[99999999999:] }}",
    "conditions": "{{ ((1 if 0 else 2) if (0 if 1 else 1) else 3 if x is defined else -4) }}",
    "capture": "{% set a %}{% for m in messages if m.content is string %}{{ loop.index }}{% break %}{% endfor %}{% endset %}",
    "ends": "{{ 'a\\", "open": "{%- if", "comment": "{#- -#", "dict": "{{ {'a': {'b': [1, (2, 3)]}}.items() | list }}",
    "parentheses": "{{ " + "(" * 400_000 + ")" * 400_000 + " }}",
    "blocks": "{% if 1 %}" * 100_000,
    "nots": "{{ " + "not " * 400_000 + "1 }}",
}
for name, text in CHAT.items():
    write("chattemplate", name, text)

# --- the weights file: header, then what follows its page -------------------------------------------------------------


def weights(tensors=64, tokenizer=16, rest=b"\1" * (4096 + 16), **changes):
    fields = {"magic": 0x534754574548544c, "version": WEIGHTS_VERSION, "header_bytes": 72, "file_bytes": 4096 + len(rest), "id0": 1,
              "id1": 2, "tensors_offset": 4096, "tensors_bytes": tensors, "tokenizer_offset": 8192,
              "tokenizer_bytes": tokenizer, **changes}
    return struct.pack("<QIIQQQQQQQ", *fields.values()) + rest


abi = (pathlib.Path(__file__).resolve().parents[2] / "runtime/include/lrt/abi.h").read_text()
WEIGHTS_VERSION = int(abi.split("#define LRT_ABI_VERSION ")[1].split("u")[0])
write("weights", "good", weights())
write("weights", "no-tokenizer", weights(tokenizer=0, tokenizer_offset=0))
write("weights", "foreign-ids", weights(id0=0, id1=0))
for cut in (0, 7, 8, 71, 72, 73, 100):
    write("weights", f"cut-at-{cut}", weights()[:cut])
for key in ("magic", "version", "header_bytes", "file_bytes", "tensors_offset", "tensors_bytes", "tokenizer_offset",
            "tokenizer_bytes"):
    for value in (0, 1, 4096, 2**31, 2**32 - 1) if key in ("version", "header_bytes") else (
            0, 1, 4096, 8192, 2**60, 2**63, 2**64 - 4096, 2**64 - 1):
        write("weights", f"{key}-{value}", weights(**{key: value}))

# --- ONNX: protobuf by hand -------------------------------------------------------------------------------------------


def varint(value):
    out = b""
    value &= 2**64 - 1
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def field(number, value):
    """A number, or bytes: text or a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def onnx_tensor(name, dims, data, kind=1):
    return b"".join(field(1, dim) for dim in dims) + field(2, kind) + field(8, name) + field(9, data)


def onnx_node(op, inputs, outputs, *attributes, domain=""):
    return (b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs) + field(4, op)
            + field(7, domain) + b"".join(field(5, attribute) for attribute in attributes))


def onnx_value(name, kind, rank):
    shape = field(2, b"".join(field(1, field(2, f"n{i}")) for i in range(rank)))
    return field(1, name) + field(2, field(1, field(1, kind) + shape))


def onnx_model(nodes, tensors=(), inputs=(("input_ids", 7, 2),), outputs=("logits",), opset=20, more=b""):
    graph = (b"".join(field(1, node) for node in nodes) + b"".join(field(5, tensor) for tensor in tensors)
             + b"".join(field(11, onnx_value(*value)) for value in inputs)
             + b"".join(field(12, onnx_value(name, 1, 3)) for name in outputs))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, opset)) + more


embed = onnx_node("Gather", ["w", "input_ids"], ["logits"])
table = onnx_tensor("w", [4, 2], bytes(32))
write("onnx", "embedding", onnx_model([embed], [table]))
write("onnx", "huge-dims", onnx_model([embed], [onnx_tensor("w", [2**62, 2**62], bytes(32))]))
write("onnx", "negative-dims", onnx_model([embed], [onnx_tensor("w", [-1, -8], bytes(32))]))
write("onnx", "cycle", onnx_model([onnx_node("Neg", ["b"], ["a"]), onnx_node("Neg", ["a"], ["b"])], outputs=("a",)))
write("onnx", "own-input", onnx_model([onnx_node("Neg", ["a"], ["a"])], outputs=("a",)))
write("onnx", "twice", onnx_model([embed, embed], [table]))
write("onnx", "functions", onnx_model([embed], [table], more=field(25, field(1, "f") + field(7, onnx_node("f", [], [])))))
write("onnx", "external", onnx_model([embed], [field(1, 4) + field(2, 1) + field(8, "w") + field(14, 1)
                                               + field(13, field(1, "location") + field(2, "/etc/passwd"))]))
for op in ("Range", "ConstantOfShape", "Expand", "Tile", "Reshape", "Slice", "Squeeze", "Unsqueeze", "Split", "Concat",
           "Transpose", "GatherND", "Trilu", "CumSum", "MatMul", "Where", "Pow", "Clip", "If", "Shape", "ReduceSum"):
    for value in (0, -1, 1, 2**40, 2**62, -2**63):
        number = onnx_tensor("n", [1], struct.pack("<Q", value & 2**64 - 1), 7)
        write("onnx", f"{op}-{value}", onnx_model([onnx_node(op, ["n", "n", "n", "n", "n"], ["logits"])], [number]))
        write("onnx", f"{op}-of-rows-{value}",
              onnx_model([onnx_node("Gather", ["w", "input_ids"], ["x"]), onnx_node(op, ["x", "n", "n", "n", "n"], ["logits"])],
                         [table, number]))
deep = embed
for _ in range(1000):
    deep = onnx_node("If", ["c"], ["logits"], field(1, "then_branch") + field(6, field(1, deep)))
write("onnx", "deep", onnx_model([deep], [table]))
for path in (pathlib.Path(__file__).resolve().parent.parent / "models/onnx").glob("*.onnx"):
    data = path.read_bytes()
    write("onnx", path.stem, data)
    for cut in (100, len(data) // 2, len(data) - 1):
        write("onnx", f"{path.stem}-cut-at-{cut}", data[:cut])
