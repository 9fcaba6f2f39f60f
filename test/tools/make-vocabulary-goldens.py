#!/usr/bin/env python3
"""Trains a small vocabulary for every kind of file other than tokenizer.json that Lathe reads, and writes the ids that
transformers (or tiktoken, where only the model's own Python code reads the file) gives for difficult texts.

    python3 -m venv v && v/bin/pip install transformers==5.24.* sentencepiece tiktoken blobfile
    v/bin/python make-vocabulary-goldens.py ../frontends/tokenizer/Inputs [--large] [KIND...]

Writes vocabularies/KIND/: the files of a model's folder, and `ids`: a line of ids for every text of texts.json, and after
a bar the decoded text of the ids with special tokens, as hexadecimal bytes. --large: also vocabularies too large to commit.
"""
import base64
import io
import json
import logging
import os
import shutil
import sys
from pathlib import Path

import sentencepiece
import tiktoken
from sentencepiece import sentencepiece_model_pb2
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

logging.disable(logging.WARNING)
INPUTS = Path(sys.argv[1])
IS_LARGE = "--large" in sys.argv
TEXTS = json.loads((INPUTS / "texts.json").read_text())
CORPUS = TEXTS * 3 + [
    "The quick brown fox jumps over the lazy dog. She sells sea shells by the sea shore. " * 4,
    "Large language models are trained to predict the next token of a text, and the text is cut into tokens first.",
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness.",
    "Всем привет! Это небольшой пример текста на русском языке. " * 3, "这是一个小例子，用来训练分词器。" * 3, "こんにちは世界、これはテストです。" * 3,
    "for i in range(10):\n    print(i, i * i)\n    if i % 2 == 0:\n        continue\n" * 4, "today is a good day and every day is a day " * 3,
    "aaa aaaa aaaaa aab aba abab ababab bananas ananas annanna nnn nana", "'s 's 't don't we'll they've I'd I'm", "中文English中文 ENGLISH中文abc漢字Abc",
]  # fmt: skip
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LLAMA3 = CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
KIMI = "|".join([  # tokenization_kimi.py
    r"[\p{Han}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+" + CONTRACTIONS + "?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*" + CONTRACTIONS + "?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+",
])  # fmt: skip
RULES = "\uff01\t!\n\ufb01\tfi\ne\u0301\t\u00e9\n\u3000\t \n\u00a0\t \n\u200b\t\n\t\t \nA\u030a\t\u00c5\n"


def write(folder, name, contents):
    if not isinstance(contents, (str, bytes)):
        contents = json.dumps(contents, ensure_ascii=False, indent=1) + "\n"
    (folder / name).write_bytes(contents.encode() if isinstance(contents, str) else contents)


def token(content, special=True, **flags):
    return {"content": content, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": special, **flags}


# --- vocab.json and merges.txt ----------------------------------------------------------------------------------------


def byte_level(folder, specials=(), size=480):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(specials), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    model = json.loads(tokenizer.to_str())["model"]
    write(folder, "vocab.json", json.dumps(model["vocab"], ensure_ascii=False) + "\n")
    write(folder, "merges.txt", "#version: 0.2\n" + "".join(f"{left} {right}\n" for left, right in model["merges"]))


def gpt2(folder):
    byte_level(folder, ["<|endoftext|>"])
    write(folder, "config.json", {"model_type": "gpt2"})


def gpt2_prefix(folder):
    byte_level(folder, ["<|endoftext|>"])
    write(folder, "config.json", {"model_type": "llama"})
    write(folder, "tokenizer_config.json", {"tokenizer_class": "GPT2TokenizerFast", "add_prefix_space": True, "add_bos_token": True})


def qwen2(folder):
    byte_level(folder)
    write(folder, "config.json", {"model_type": "qwen2"})
    names = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|user|>"]
    write(folder, "tokenizer_config.json", {
        "tokenizer_class": "Qwen2Tokenizer", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "bos_token": None, "add_prefix_space": False,
        "added_tokens_decoder": {str(480 + i): token(name) for i, name in enumerate(names)}, "additional_special_tokens": names[1:3],
    })  # fmt: skip


def qwen3(folder):
    byte_level(folder)
    write(folder, "config.json", {"model_type": "qwen3"})


def qwen35(folder):
    byte_level(folder, ["<|endoftext|>"])
    write(folder, "config.json", {"model_type": "llama"})
    write(folder, "tokenizer_config.json", {"tokenizer_class": "Qwen3_5Tokenizer"})


def neox(folder):
    byte_level(folder, ["<|endoftext|>", "<|padding|>"])
    write(folder, "config.json", {"model_type": "llama"})
    write(folder, "tokenizer_config.json", {"tokenizer_class": "GPTNeoXTokenizer", "add_eos_token": True})


def cohere(folder):
    names = ["<PAD>", "<UNK>", "<CLS>", "<SEP>", "<MASK_TOKEN>", "<BOS_TOKEN>", "<|END_OF_TURN_TOKEN|>"]
    byte_level(folder, names)
    write(folder, "config.json", {"model_type": "llama"})
    write(folder, "tokenizer_config.json", {"tokenizer_class": "CohereTokenizer", "add_bos_token": True})


# --- tokenizer.model of SentencePiece ---------------------------------------------------------------------------------


def sentence_piece(folder, change=None, vocab_size=4000 if IS_LARGE else 700, rules="", **options):
    out = io.BytesIO()
    if rules:
        options["normalization_rule_tsv"] = str(folder / "rules.tsv")
        lines = [line.split("\t") for line in rules.replace("\t\t \n", "").splitlines()] + [["\t", " "]]
        spelt = lambda text: " ".join(f"{ord(c):X}" for c in text)
        write(folder, "rules.tsv", "".join(f"{spelt(source)}\t{spelt(target)}\n" for source, target in lines))
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=(line for text in CORPUS for line in text.split("\n") if line.strip() and "\0" not in line), model_writer=out,
        vocab_size=vocab_size, character_coverage=0.98, minloglevel=2, hard_vocab_limit=False, num_threads=1, **options
    )  # fmt: skip
    if rules:
        (folder / "rules.tsv").unlink()
    model = sentencepiece_model_pb2.ModelProto.FromString(out.getvalue())
    model.trainer_spec.ClearField("input")
    if change:
        change(model)
    write(folder, "tokenizer.model", model.SerializeToString())
    return model


IDENTITY = {"normalization_rule_name": "identity", "remove_extra_whitespaces": False}


def llama_bpe(folder):
    sentence_piece(folder, model_type="bpe", byte_fallback=True, **IDENTITY)
    write(folder, "config.json", {"model_type": "llama"})
    write(folder, "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "bos_token": {"__type": "AddedToken", **token("<s>")}, "eos_token": "</s>", "unk_token": "<unk>"})


def llama_legacy(folder):
    sentence_piece(folder, model_type="bpe", byte_fallback=True, control_symbols=["<|user|>"], user_defined_symbols=["<|im_end|>"], **IDENTITY)
    write(folder, "config.json", {"model_type": "llama"})
    write(folder, "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizerFast", "legacy": True, "add_eos_token": True})


def llama_no_prefix(folder):
    sentence_piece(folder, model_type="bpe", byte_fallback=True, **IDENTITY)
    write(folder, "config.json", {"model_type": "llama"})
    write(folder, "tokenizer_config.json", {
        "tokenizer_class": "LlamaTokenizer", "add_prefix_space": False,
        "added_tokens_decoder": {"700": token("<|im_end|>"), "701": token("<|user|>", special=False, lstrip=True)},
    })  # fmt: skip


def mistral_bpe(folder):
    sentence_piece(folder, model_type="bpe", byte_fallback=True, control_symbols=["<|im_end|>"], **IDENTITY)
    write(folder, "config.json", {"model_type": "mistral"})
    write(folder, "tokenizer_config.json", {"tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "added_tokens_decoder": {
        "0": token("<unk>"), "1": token("<s>"), "2": token("</s>"), "5": token("<|user|>")}})  # fmt: skip


def gemma_bpe(folder):
    sentence_piece(
        folder, model_type="bpe", byte_fallback=True, add_dummy_prefix=False, pad_id=0, eos_id=1, bos_id=2, unk_id=3, eos_piece="<eos>",
        bos_piece="<bos>", user_defined_symbols=["<mask>", "<|user|>", "<|im_end|>", "\n\n", "▁▁", "▁▁▁"], **IDENTITY
    )  # fmt: skip
    write(folder, "config.json", {"model_type": "gemma3_text"})
    write(folder, "tokenizer_config.json", {"tokenizer_class": "GemmaTokenizer", "add_bos_token": True})


def bpe_plain(folder):
    sentence_piece(folder, model_type="bpe", rules=RULES, user_defined_symbols=["<|im_end|>", "quick", "▁the"])
    write(folder, "config.json", {"model_type": "granite"})


def bpe_first(folder):
    # If spaces are removed from the start, Metaspace treats no word as the first one; SentencePiece and Lathe do.
    sentence_piece(folder, model_type="bpe", byte_fallback=True, control_symbols=["<|im_end|>"], **IDENTITY)
    write(folder, "config.json", {"model_type": "phi3"})
    write(folder, "tokenizer_config.json", {"legacy": False, "bos_token": "<s>"})


def unigram(folder):
    sentence_piece(folder, model_type="unigram", rules=RULES)
    write(folder, "config.json", {"model_type": "mistral"})


def unigram_bytes(folder):
    sentence_piece(folder, model_type="unigram", byte_fallback=True, user_defined_symbols=["<|im_end|>"], **IDENTITY)
    write(folder, "config.json", {"model_type": "olmo2"})
    write(folder, "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": True})


def unigram_nmt(folder):  # not committed: the map is large
    sentence_piece(folder, model_type="unigram", byte_fallback=True)
    write(folder, "config.json", {"model_type": "mistral"})


# --- tiktoken's ranks -------------------------------------------------------------------------------------------------


def ranks(folder, name, size=520):
    byte_level(folder, size=size)
    vocab = json.loads((folder / "vocab.json").read_text())
    (folder / "vocab.json").unlink()
    (folder / "merges.txt").unlink()
    byte_of = {character: byte for byte, character in bytes_to_unicode().items()}
    by_rank = [bytes(byte_of[c] for c in text) for text, _ in sorted(vocab.items(), key=lambda item: item[1])]
    # With the ranks of a trained vocabulary the order of two equal merges never matters; with these it does.
    by_rank += [b"aa", b"ana", b"nan", b"aaa", b"anan", b"nana", b"aba", b"bab", b"abab"]
    by_rank = list(dict.fromkeys(by_rank))
    write(folder, name, "".join(f"{base64.b64encode(token).decode()} {rank}\n" for rank, token in enumerate(by_rank)))
    return {token: rank for rank, token in enumerate(by_rank)}


def kimi(folder):
    base = ranks(folder, "tiktoken.model")
    named = {len(base): "[BOS]", len(base) + 1: "[EOS]", len(base) + 2: "<|im_end|>", len(base) + 3: "<|user|>", len(base) + 254: "[UNK]", len(base) + 255: "[PAD]"}
    write(folder, "config.json", {"model_type": "kimi_k2"})
    write(folder, "tokenizer_config.json", {
        "tokenizer_class": "TikTokenTokenizer", "auto_map": {"AutoTokenizer": ["tokenization_kimi.TikTokenTokenizer", None]}, "bos_token": "[BOS]",
        "eos_token": "[EOS]", "unk_token": "[UNK]", "pad_token": "[PAD]", "additional_special_tokens": ["<|im_end|>", "<|user|>"],
        "added_tokens_decoder": {str(id): token(name) for id, name in named.items()},
    })  # fmt: skip
    special = {named.get(id, f"<|reserved_token_{id}|>"): id for id in range(len(base), len(base) + 256)}
    return tiktoken.Encoding(name="kimi", pat_str=KIMI, mergeable_ranks=base, special_tokens=special)


def llama3_ranks(folder):
    base = ranks(folder, "tokenizer.model")
    # No ids for the tokens that only the class defines: </s> and <unk>.
    write(folder, "config.json", {"model_type": "llama", "vocab_size": len(base) + 4})
    write(folder, "tokenizer_config.json", {
        "tokenizer_class": "LlamaTokenizer", "add_bos_token": True, "bos_token": "<s>",
        "added_tokens_decoder": {str(len(base)): token("<s>"), str(len(base) + 3): token("<|im_end|>")},
    })  # fmt: skip
    special = {"<s>": len(base), "<|im_end|>": len(base) + 3}
    return tiktoken.Encoding(name="llama3", pat_str=LLAMA3, mergeable_ranks=base, special_tokens=special)


KINDS = {f.__name__.replace("_", "-"): f for f in (
    gpt2, gpt2_prefix, qwen2, qwen3, qwen35, neox, cohere, llama_bpe, llama_legacy, llama_no_prefix, mistral_bpe, gemma_bpe, bpe_plain, bpe_first,
    unigram, unigram_bytes, unigram_nmt, kimi, llama3_ranks)}  # fmt: skip


def golden(folder, encoding, texts):
    """Lines of ids and of what they decode to."""
    if encoding:
        config = json.loads((folder / "tokenizer_config.json").read_text())
        first = [encoding.encode(config["bos_token"], allowed_special="all")[0]] if config.get("add_bos_token") else []
        encode = lambda text: first + encoding.encode(text, allowed_special="all")
        decode = lambda ids: encoding.decode_bytes(ids)
    else:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        if len(tokenizer) == 1:  # a class that reads vocab.json only when it is told
            merges = [tuple(line.split(" ")) for line in (folder / "merges.txt").read_text().splitlines()[1:]]
            tokenizer = type(tokenizer)(vocab=json.loads((folder / "vocab.json").read_text()), merges=merges)
        encode = lambda text: tokenizer(text)["input_ids"]
        decode = lambda ids: tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False).encode()
    for text in texts:
        ids = encode(text)
        yield ",".join(map(str, ids)) + "|" + decode(ids).hex()


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    chosen = [argument for argument in sys.argv[2:] if argument != "--large"]
    for kind in chosen or [kind for kind in KINDS if kind != "unigram-nmt" or IS_LARGE]:
        folder = INPUTS / "vocabularies" / kind
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        encoding = KINDS[kind](folder)
        write(folder, "ids", "\n".join(golden(folder, encoding, TEXTS)) + "\n")
