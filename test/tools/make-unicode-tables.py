#!/usr/bin/env python3
"""Writes runtime/tokenizer/UnicodeTables.inc: the tables for normalising to NFC, NFD, NFKC and NFKD.

    python3 -m venv v && v/bin/pip install tokenizers && v/bin/python make-unicode-tables.py > UnicodeTables.inc

Decompositions come from Hugging Face's `tokenizers`, because the runtime must agree with it and it is older than the newest
Unicode. Combining classes and compositions come from Python and are checked against `tokenizers`.
"""
import unicodedata
from tokenizers import normalizers

HANGUL = range(0xAC00, 0xAC00 + 11172)  # computed, not tabled
every = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF and c not in HANGUL]
nfd, nfkd, nfc = normalizers.NFD(), normalizers.NFKD(), normalizers.NFC()

pool, places = [], {}


def place(text):
    if text not in places:
        places[text] = len(pool)
        pool.extend(map(ord, text))
    return places[text]


def rows(items, per_line, show):
    for i in range(0, len(items), per_line):
        print("    " + " ".join(show(x) + "," for x in items[i : i + per_line]))


def decompositions(name, normalizer, skip=None):
    found = []
    for c in every:
        text = normalizer.normalize_str(chr(c))
        if text != chr(c) and (skip is None or skip.normalize_str(chr(c)) != text):
            found.append((c, place(text), len(text)))
    print(f"const Decomposition {name}[] = {{")
    rows(found, 4, lambda d: f"{{{d[0]:#x}, {d[1]}, {d[2]}}}")
    print("};\n")
    return found


print("// Written by test/tools/make-unicode-tables.py.\n")
canonical = decompositions("canonicalTable", nfd)
decompositions("compatibilityTable", nfkd, nfd)
print("const uint32_t decompositionPool[] = {")
rows(pool, 12, lambda c: f"{c:#x}")
print("};\n")

runs = []
for c in every:
    k = unicodedata.combining(chr(c))
    if k and runs and runs[-1][1] == c - 1 and runs[-1][2] == k:
        runs[-1][1] = c
    elif k:
        runs.append([c, c, k])
print("const CombiningRun combiningTable[] = {")
rows(runs, 5, lambda r: f"{{{r[0]:#x}, {r[1]:#x}, {r[2]}}}")
print("};\n")

pairs = []
for c, _, _ in canonical:
    raw = unicodedata.decomposition(chr(c))
    parts = [int(x, 16) for x in raw.split()] if raw and not raw.startswith("<") else []
    if len(parts) == 2 and unicodedata.normalize("NFC", chr(c)) == chr(c):
        assert nfc.normalize_str(chr(parts[0]) + chr(parts[1])) == chr(c), hex(c)
        pairs.append((parts[0], parts[1], c))
print("const Composition compositionTable[] = {")
rows(sorted(pairs), 4, lambda p: f"{{{p[0]:#x}, {p[1]:#x}, {p[2]:#x}}}")
print("};")
