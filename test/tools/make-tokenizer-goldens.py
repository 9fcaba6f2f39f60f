#!/usr/bin/env python3
"""Trains a small tokenizer for every kind of tokenizer.json that models have, and writes the ids that Hugging Face gives for
difficult texts.

    python3 -m venv v && v/bin/pip install tokenizers==0.23.3
    v/bin/python make-tokenizer-goldens.py ../frontends/tokenizer/Inputs

Writes texts.json (a list), KIND.tokenizer.json and KIND.ids (a line of ids for every text; the second half of a line,
after a bar, is the decoded text of the ids with special tokens, as hexadecimal UTF-8).
"""
import json
import sys
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

OUT = Path(sys.argv[1])
BASE = ["<unk>", "<s>", "</s>", "<|user|>", "<|im_end|>"]

TEXTS = [
    "", "a", " ", "  ", "   ", "\n", "\n\n", "\n\n\n", "\t", "\t\t", " \n \n", "\r\n", "\r\n\r\n", "\r", " \t \n \r x",
    "Hello, world!", " leading", "trailing ", "trailing  ", "  two   three    four", "a\n b\n  c\n\td",
    "I'm you're we've he'll she'd it's don't 'S 'T 'RE I'M DON'T can't've", "'s't 're'm 'll", "don\u2019t it\u2019s",
    "'\u017f \u017f K\u212a", "0 1 12 123 1234 12345 123456 3.14159 1,000,000", "x1y22z333w4444",
    "\u00bd \u00b2 \u00b3 \u2167 \u2460 \u0663\u0664\u0665 \u0967\u0968",
    "你好，世界！这是一个测试。", "今日は世界。カタカナ ひらがな 漢字", "안녕하세요 세계", "Привет, мир! Ёлка ЖЖЖ", "مرحبا بالعالم ١٢٣",
    "שלום עולם", "สวัสดีชาวโลก", "नमस्ते दुनिया", "e\u0301 a\u0300\u0323 n\u0303 \u0301alone", "A\u030a\u0327 A\u0327\u030a \u1e9b\u0323 q\u0307\u0323",
    "cafe\u0301 na\u00efve \ufb01 \ufb02 \u212b \u2126", "\uac01 \u1100\u1161\u11a8 \uac00\u11a8 \u3131\u314f", "\u0958 \u0344 \ufb1d \U0001d15e",
    "👋🌍🎉", "👨‍👩‍👧‍👦 👩🏽‍💻 🏳️‍🌈 🇺🇸🇩🇪 1️⃣", "🤷🏾‍♀️x🤷", "\x00", "a\x00b", "\x01\x02\x1b[31mred\x1b[0m\x7f", "\x1c\x1d\x1e\x1f",
    "\u0085\u00a0\u1680\u2003\u2028\u2029\u202f\u3000", "\u200b\u200c\u200d\ufeff\u2060", "a\u00a0b\u3000c", "\u180e x \u180ey",
    "<s>a</s>", "<|user|>hi<|im_end|>\n", "x<|im_end|>y", "<|im_end|", "<|im_end|><|im_end|> <|user|> a", "  <|im_end|>  b",
    "<s><s> <unk>", "<0x41><0x0A>", "\u2581", "\u2581\u2581a \u2581b", "a\u2581b", "Ġhello ĊĠ", "\u2581 \u2581",
    "def f(x):\n    if x > 0:\n        return x**2  # square\n\n\nclass A:\n\tpass\n", '{"a": [1, 2.5, null], "b": "\\n"}',
    "https://example.com/path?q=1&r=a%20b#frag", "$100 \u20ac200 #hash @at 50%", "!!!???...---___===+++\\\\\\|||",
    "\"quoted\" 'single' `tick` «g» “c” ‘x’", "AbCdEf ABCdef abcDEF HTTPServer iPhone", "\u01c5 \u01c6 \u01c4 ß ẞ İ ı", "\ufdfa \u337f \u2122 \u2103 \u210c \ufb03",
    "a" * 50, "ab" * 30, " " * 40, "\n" * 40, " \n" * 20, "   \n   \n   x", "x   \n\n  y", "end with newline\n", "end with spaces   \n   ",
    "1\n2\n3", "a  b   c    d", "𝒳𝕐 𝟙𝟚 𐍈 𓀀", "𠀀𠀁 \U0010ffff \ufffd \ue000", "\u0e33 \u0e01\u0e33", "\u06d4 \u060c \u0964 \u2026 \uff01", "— – ‐ ‑",
    "'''\"\"\"", "x\u00b2+y\u00b3=z\u2074 \u2211\u222b\u221e", "word.Word,word;WORD", "00 007 192.168.1.1",
    "keep this<tag>and <tag> that", "one day, Day by day today", "left   <l>right", "left<r>   right", "left  <b>  right", "weekdays <x> day",
]  # fmt: skip

CORPUS = TEXTS * 3 + [
    "The quick brown fox jumps over the lazy dog. She sells sea shells by the sea shore. " * 4,
    "Large language models are trained to predict the next token of a text, and the text is cut into tokens first.",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.",
    "Всем привет! Это небольшой пример текста на русском языке. " * 3, "这是一个小例子，用来训练分词器。" * 3, "こんにちは世界、これはテストです。" * 3,
    "for i in range(10):\n    print(i, i * i)\n    if i % 2 == 0:\n        continue\n" * 4, "today is a good day and every day is a day " * 3,
]  # fmt: skip

CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
O200K = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+" + CONTRACTIONS + "?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*" + CONTRACTIONS + "?",
    r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
])  # fmt: skip
DEEPSEEK = [
    r"\p{N}{1,3}", "[一-龥぀-ゟ゠-ヿ]+",
    r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^" + "\r\n" + r"\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[" + "\r\n" + r"]*|\s*[" + "\r\n" + r"]+|\s+(?!\S)|\s+",
]  # fmt: skip


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def byte_level(prefix=False, regex=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)


def bos_template(tokenizer):
    return processors.TemplateProcessing(single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", tokenizer.token_to_id("<s>"))])


def train_bytes(splitter, normalizer=None, size=560, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=BASE, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def train_pieces(normalizer, splitter, decoder, size=620, limit=120):
    """As SentencePiece: characters; an unknown one becomes its bytes."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    if normalizer:
        tokenizer.normalizer = normalizer
    if splitter:
        tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoder
    spelt = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=BASE + spelt, limit_alphabet=limit, show_progress=False, max_token_length=16
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    # Bytes are tokens of the vocabulary, but are not matched in texts.
    raw = json.loads(tokenizer.to_str())
    raw["added_tokens"] = [token for token in raw["added_tokens"] if token["content"] not in spelt]
    return Tokenizer.from_str(json.dumps(raw))


def train_unigram(normalizer, splitter, byte_fallback, size=420):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = splitter
    tokenizer.decoder = decoders.Metaspace()
    spelt = [f"<0x{byte:02X}>" for byte in range(256)] if byte_fallback else []
    trainer = trainers.UnigramTrainer(
        vocab_size=size + len(spelt), special_tokens=BASE + spelt, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    raw = json.loads(tokenizer.to_str())
    raw["added_tokens"] = [token for token in raw["added_tokens"] if token["content"] not in spelt]
    raw["model"]["byte_fallback"] = byte_fallback
    if byte_fallback:
        raw["decoder"] = {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, raw["decoder"]]}
    return Tokenizer.from_str(json.dumps(raw))


def pieces_decoder(strip=True):
    parts = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence(parts + ([decoders.Strip(" ", 1, 0)] if strip else []))


def kinds():
    yield "gpt2", train_bytes(byte_level(regex=True))
    yield "gpt2-prefix", train_bytes(byte_level(prefix=True, regex=True))
    tokenizer = train_bytes(pre_tokenizers.Sequence([split(LLAMA3), byte_level()]), ignore_merges=True)
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), bos_template(tokenizer)])
    yield "llama3", tokenizer
    yield "qwen2", train_bytes(pre_tokenizers.Sequence([split(QWEN2), byte_level()]), normalizers.NFC())
    yield "o200k", train_bytes(pre_tokenizers.Sequence([split(O200K), byte_level()]))
    yield "deepseek", train_bytes(pre_tokenizers.Sequence([split(p) for p in DEEPSEEK] + [byte_level()]), normalizers.Sequence([]))
    yield "smollm", train_bytes(pre_tokenizers.Sequence([pre_tokenizers.Digits(True), byte_level(regex=True)]))
    yield "falcon", train_bytes(pre_tokenizers.Sequence([
        pre_tokenizers.Punctuation("contiguous"), byte_level(regex=True), pre_tokenizers.Digits(False), split("[0-9][0-9][0-9]"),
    ]))  # fmt: skip

    tokenizer = train_pieces(normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None, pieces_decoder())
    tokenizer.post_processor = bos_template(tokenizer)
    yield "llama2", tokenizer
    tokenizer = train_pieces(None, pre_tokenizers.Metaspace("▁", prepend_scheme="first", split=False), pieces_decoder())
    tokenizer.post_processor = bos_template(tokenizer)
    yield "mistral", tokenizer
    tokenizer = train_pieces(
        normalizers.Replace(" ", "▁"), pre_tokenizers.Split(" ", "merged_with_previous"), pieces_decoder(strip=False)
    )
    tokenizer.add_tokens([AddedToken("\n" * n, normalized=False) for n in (2, 3, 4)] + [AddedToken("▁" * n, normalized=False) for n in (2, 3)])
    yield "gemma", tokenizer
    yield "metaspace", train_pieces(
        normalizers.NFKC(), pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation("merged_with_next")]), pieces_decoder()
    )  # fmt: skip

    spaces = normalizers.Replace(Regex(" {2,}"), " ")
    yield "unigram", train_unigram(normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC(), spaces]), pre_tokenizers.Metaspace(), False)
    yield "unigram-bytes", train_unigram(normalizers.Sequence([normalizers.Strip(True, True), normalizers.NFD()]), pre_tokenizers.Metaspace(), True)

    tokenizer = train_pieces(normalizers.Replace(" ", "▁"), pre_tokenizers.WhitespaceSplit(), pieces_decoder())
    tokenizer.add_special_tokens([AddedToken("<tag>"), AddedToken("<l>", lstrip=True), AddedToken("<r>", rstrip=True), AddedToken("<b>", lstrip=True, rstrip=True)])
    tokenizer.add_tokens([AddedToken("day", single_word=True), AddedToken("two three", normalized=True), AddedToken("<x> day", normalized=True)])
    yield "added", tokenizer


OUT.mkdir(parents=True, exist_ok=True)
(OUT / "texts.json").write_text(json.dumps(TEXTS, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
for name, tokenizer in kinds():
    raw = json.loads(tokenizer.to_str())
    (OUT / f"{name}.tokenizer.json").write_text(json.dumps(raw, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    lines = []
    for text in TEXTS:
        ids = tokenizer.encode(text).ids
        decoded = tokenizer.decode(ids, skip_special_tokens=False)
        lines.append(",".join(map(str, ids)) + "|" + decoded.encode().hex())
    (OUT / f"{name}.ids").write_text("\n".join(lines) + "\n", encoding="utf-8")
