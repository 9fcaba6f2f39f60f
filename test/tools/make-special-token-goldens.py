#!/usr/bin/env python3
"""Writes special-tokens.json of the tests: how transformers reads the tokens in the files beside tokenizer.json.

make-special-token-goldens.py [COUNT [OUT [SEED]]] needs transformers 5. It varies tokenizer.json's added_tokens,
tokenizer_config.json, special_tokens_map.json and added_tokens.json of a tokenizer of single letters, and writes the
files, texts and their ids as AutoTokenizer gives them. The test reads another file where LATHE_SPECIAL_TOKENS names
one, so that thousands of variations can be compared.
"""
import json
import logging
import os
import pathlib
import random
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import transformers  # noqa: E402

logging.disable(logging.WARNING)
folder = pathlib.Path(__file__).resolve().parent.parent / "frontends/tokenizer/Inputs"
count = int(sys.argv[1]) if len(sys.argv) > 1 else 150
out = sys.argv[2] if len(sys.argv) > 2 else folder / "special-tokens.json"
pick = random.Random(int(sys.argv[3]) if len(sys.argv) > 3 else 20)

letters = list("abcqxyzstk<>/|[]") + ["\u0120"]
VOCAB = {letter: i for i, letter in enumerate(letters)}
VOCAB["ab"] = 17
VOCAB["<z"] = 18
VOCAB["<z>"] = 25  # a hole before it: ids need not be dense
MODEL = {"type": "BPE", "vocab": VOCAB, "merges": ["a b", "< z", "<z >"]}
NAMES = ["<x>", "<y>", "<z>", "<q>", "<s>", "</s>", "<t>", "<k>", "[x]", "ab", "|x|"]
STANDARD = ["bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"]
OTHER = ["image_token", "boi_token"]
TEMPLATE = "".join("{{ %s }}|" % name for name in STANDARD + OTHER) + "{{ messages[0].content }}</s>"


def maybe(chance):
    return pick.random() < chance


def flags(also=()):
    return {name: maybe(0.4) for name in ("single_word", "lstrip", "rstrip", "normalized", *also) if maybe(0.8)}


def added(typed=False):
    token = {"content": pick.choice(NAMES), **flags(("special",))}
    return {"__type": "AddedToken", **token} if typed else token


def named(is_map):
    """One value: a text, or an object as the file has it."""
    if maybe(0.08):
        return None
    if maybe(0.5):
        return pick.choice(NAMES)
    return added(typed=not is_map)


def some_names():
    return pick.sample(STANDARD, pick.choice([0, 1, 2, 3])) + [name for name in OTHER if maybe(0.25)]


def variation():
    tokenizer = {"version": "1.0", "truncation": None, "padding": None, "normalizer": None,
                 "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
                                   "use_regex": maybe(0.5)},
                 "post_processor": None, "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True}}
    if maybe(0.3):
        tokenizer["normalizer"] = {"type": "Replace", "pattern": {"String": "q"}, "content": "x"}
    own = []
    for i, text in enumerate(pick.sample(NAMES, pick.choice([0, 1, 2, 4]))):
        own.append({"id": VOCAB.get(text, len(VOCAB) + i), "content": text,
                    **{name: maybe(0.3) for name in ("single_word", "lstrip", "rstrip", "normalized", "special")}})
    tokenizer["added_tokens"] = own
    files = {}
    config = {"chat_template": TEMPLATE}
    if maybe(0.7):
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    keys = [(name, named(False)) for name in some_names()]
    if maybe(0.4):
        start = len(VOCAB) + len(own)
        keys.append(("added_tokens_decoder",
                     {str(pick.choice([start + i, 17, 25, 60 - i, pick.randrange(70)])): added()
                      for i in range(pick.choice([0, 1, 2, 3]))}))
    for key in ("additional_special_tokens", "extra_special_tokens"):
        if maybe(0.3):
            keys.append((key, [pick.choice(NAMES) if maybe(0.7) else added(typed=True)
                               for _ in range(pick.choice([0, 1, 2]))]))
    if maybe(0.08):
        keys.append(("extra_special_tokens", {name: pick.choice(NAMES) for name in OTHER}))
    for key in ("add_bos_token", "add_eos_token", "split_special_tokens", "add_prefix_space", "legacy",
                "clean_up_tokenization_spaces"):
        if maybe(0.12):
            keys.append((key, maybe(0.6)))
    pick.shuffle(keys)
    config.update(keys)
    if maybe(0.9):
        files["tokenizer_config.json"] = config
    if maybe(0.5):
        special = {name: named(True) for name in some_names()}
        if maybe(0.3):
            special["additional_special_tokens"] = pick.sample(NAMES, 2)
        if maybe(0.15):
            special["extra_special_tokens"] = [pick.choice(NAMES) if maybe(0.6) else {"content": pick.choice(NAMES), **flags()}
                                               for _ in range(2)]
        files["special_tokens_map.json"] = special
    if maybe(0.4):
        start = len(VOCAB) + len(own)
        files["added_tokens.json"] = {text: pick.choice([start + i, 40 - i, pick.randrange(60)])
                                      for i, text in enumerate(pick.sample(NAMES, pick.choice([1, 2, 3])))}
    return tokenizer, files


def text():
    return "".join(pick.choice(NAMES + ["a", "b ", " ", "c", "  ", "q"]) for _ in range(pick.randrange(1, 7)))


cases = []
errors = 0
while len(cases) < count and errors < 10 * count + 20:
    tokenizer, files = variation()
    if tokenizer["normalizer"] and '<q>' in json.dumps([tokenizer, files]):
        continue  # it becomes <x>: which of the two is found then is a matter of chance in tokenizers
    with tempfile.TemporaryDirectory() as where:
        for name, value in {**files, "tokenizer.json": {**tokenizer, "model": MODEL},
                            "config.json": {"model_type": "llama"}}.items():
            pathlib.Path(where, name).write_text(json.dumps(value))
        try:
            auto = transformers.AutoTokenizer.from_pretrained(where)
        except Exception as error:
            errors += 1
            print("transformers refuses:", str(error)[:100], file=sys.stderr)
            continue
        texts = [text() for _ in range(4)]
        beside = {name: json.dumps(value, ensure_ascii=False) for name, value in files.items()}
        case = {"tokenizer": tokenizer, "files": beside, "ids": [[said, auto(said)["input_ids"]] for said in texts],
                "special": sorted({int(i) for i in auto.added_tokens_decoder
                                   if auto.decode([int(i)], skip_special_tokens=True) == ""})}
        if "tokenizer_config.json" in files:
            said = [{"role": "user", "content": texts[0]}]
            case["chat"] = [texts[0], auto.apply_chat_template(said, add_generation_prompt=True)["input_ids"]]
        cases.append(case)
with open(out, "w") as file:
    head = json.dumps(MODEL, ensure_ascii=False)
    file.write('{"model": %s,\n"cases": [\n' % head)
    file.write(",\n".join(json.dumps(case, ensure_ascii=False) for case in cases) + "\n]}\n")
print(f"{count} variations, {errors} more that transformers refuses")
