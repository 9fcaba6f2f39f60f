#!/usr/bin/env python3
"""Trains vocabularies of every kind on varied texts, and compares Lathe's ids of these texts, and its texts of the ids, with
the reference: transformers, or tiktoken where only the model's own Python code reads the file.

    v/bin/python test/tools/compare-tokenizers.py --tests build/bin/lathe-unit-tests [--texts 300] [--seed 1] [KIND...]

Kinds and packages are those of make-vocabulary-goldens.py. The unit test that reads the committed goldens also reads these
files.
"""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

TOOLS = Path(__file__).resolve().parent
PARTS = [
    " ", "  ", "   ", "\n", "\n\n", "\t", "\r\n", "\u00a0", "\u3000", "\u200b", "\u2581", "\u2581\u2581", "the", "The", "THE", "quick", " brown", "it's", "don't",
    "I'LL", "'s", "123", "1234567", "3.14", "½", "٣", "你好", "漢字", "世界", "カタカナ", "々", "〇", "㐀", "\U00020000", "\U00031350", "안녕", "Привет", "é", "e\u0301",
    "ﬁ", "Å", "A\u030a", "！", "ß", "ǅ", "ﷺ", "👋", "👨‍👩‍👧", "🇺🇸", "\u0301", "\x00", "\x1b", "\x7f", "\ufeff", "\ufffd", "\U0010ffff", "<s>", "</s>", "<unk>", "<|im_end|>",
    "<|user|>", "<|endoftext|>", "[BOS]", "<|reserved_token_600|>", "<0x41>", "<bos>", "aaaaa", "banana", "ababab", "!", "...", "--", "/", "\\", "{", "}", "_", "x=y+1",
    "def f():", "word.Word", "camelCaseWord", "SNAKE_CASE", "中a文B", "a中", "ABC中", "۔", "।", "नमस्ते", "สวัสดี", "Ġ", "Ċ", "x" * 40, "ab" * 20, "=" * 33,
]  # fmt: skip
BLOCKS = [(0x20, 0x7F), (0x80, 0x3000), (0x3000, 0xA000), (0x1F000, 0x1FB00)]


def texts(count, choose):
    for _ in range(count):
        if choose.random() < 0.25:
            yield "".join(chr(choose.randrange(*choose.choice(BLOCKS))) for _ in range(choose.randrange(1, 30)))
        else:
            yield "".join(choose.choice(PARTS) for _ in range(choose.randrange(1, 12)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tests", required=True)
    parser.add_argument("--texts", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("kinds", nargs="*")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        inputs = Path(folder)
        samples = list(texts(arguments.texts, random.Random(arguments.seed)))
        (inputs / "texts.json").write_text(json.dumps(samples, ensure_ascii=False))
        make = [sys.executable, TOOLS / "make-vocabulary-goldens.py", inputs, "--large", *arguments.kinds]
        subprocess.run(make, check=True)
        tests = [arguments.tests, "--gtest_filter=Kinds/Vocabulary.*", "--gtest_brief=1"]
        return subprocess.run(tests, env={**os.environ, "LATHE_TOKENIZER_INPUTS": f"{folder}/"}).returncode


if __name__ == "__main__":
    sys.exit(main())
