#!/usr/bin/env python3
"""Compares the tuning parameters chosen for this CPU with other values of each.

    sweep.py MODEL... --lathe build/bin/lathe [--weights as-stored,bf16,q8] [--keys tile_rows,...] [--rounds 5] [--json FILE]

A program compiled with `--tuning KEY=N` runs in every round right after the one with the chosen value. The table has the
medians of the ratios for a prefill of 512 and for decode after it; above 1 the other value is faster, `*`: in every
round. The chosen values are those of `lathe compile --emit schedule` (lm.tuning).
"""
import argparse
import json
import pathlib
import re
import statistics
import sys

from bench import ROOT, output_of, run_json, weights_of

VALUES = {
    "float_rows": [2, 3, 4, 5, 6, 8, 12], "float_panels": [1, 2],
    "code_rows": [2, 3, 4, 6, 8, 12], "code_panels": [1, 2],
    "split_rows": [1, 2, 3, 4, 8], "split_panels": [1, 2], "group_panels": [1, 2, 4, 8],
    "blocked_from": [0, 9, 17, 25, 33, 65], "blocked_rows": [2, 3, 4, 6], "blocked_split_rows": [2, 3, 4],
    "blocked_columns": [256, 512, 1024],
    "ahead_bytes": [0, 1024, 2048, 4096, 8192], "narrow_ahead_bytes": [0, 512, 1024, 2048, 4096],
    "tile_ahead_bytes": [1024, 2048, 4096, 8192], "ahead_cache": [1, 2, 3], "ahead_groups": [0, 1, 2],
    "tile_rows": [16, 32, 64, 128, 256], "attention_rows": [4, 8, 16, 32, 64],
    "attention_tiles": [4, 8, 16, 32], "split_positions": [32, 64, 128, 256],
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path, metavar="MODEL")
    parser.add_argument("--lathe", default=ROOT / "build/bin/lathe")
    parser.add_argument("--folder", default=ROOT / "build/bench", type=pathlib.Path)
    parser.add_argument("--weights", default="as-stored")
    parser.add_argument("--keys", default=",".join(VALUES))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path)
    args = parser.parse_args()
    keys = args.keys.split(",")
    if unknown := [key for key in keys if key not in VALUES]:
        parser.error(f"--keys: expected some of {', '.join(VALUES)}, found {', '.join(unknown)}")
    args.folder.mkdir(parents=True, exist_ok=True)
    results = []
    for model in args.models:
        for weights in args.weights.split(","):
            common = [args.lathe, "compile", model, "--weights", weights, "--context", "1024"]
            tuning = re.search(r"lm.tuning = {(.*?)}", output_of([*common, "--emit", "schedule"])).group(1)
            chosen = {key: int(value) for key, value in re.findall(r"(\w+) = (\d+)", tuning)}
            programs = {None: args.folder / "sweep.chosen"}
            for name in ("sweep.chosen", "sweep.other"):  # a config has none: no other model's may stay
                (args.folder / f"{name}.weights").unlink(missing_ok=True)
            output_of([*common, "-o", programs[None]])
            print(f"\n{model.stem}, {weights}: times as fast as chosen (prefill of 512, decode), medians of {args.rounds} rounds\n"
                  "| parameter | chosen | " + "other values |\n|---|---|---|", flush=True)
            for key in keys:
                cells = []
                for value in VALUES[key]:
                    if value == chosen[key]:
                        continue
                    other = args.folder / "sweep.other"
                    output_of([*common, "--tuning", f"{key}={value}", "-o", other])
                    # A parameter without effect gives the same code: nothing to measure.
                    if other.read_bytes() == programs[None].read_bytes():
                        continue
                    rounds = []
                    for number in range(args.rounds):
                        print(f"{key}={value}: round {number + 1} of {args.rounds}", file=sys.stderr)
                        pair = [programs[None], other] if number % 2 == 0 else [other, programs[None]]
                        found = {program: run_json([program, "bench", "-p", "512", "-n", "16", "--threads", args.threads,
                                                    "--json", *weights_of(program)]) for program in pair}
                        rounds.append([found[other][what] / found[programs[None]][what] for what in ("prompt_tps", "decode_tps")])
                    ratios = list(zip(*rounds))
                    star = ["*" if min(r) > 1 or max(r) < 1 else "" for r in ratios]
                    cells.append(f"{value}: {statistics.median(ratios[0]):.2f}{star[0]}, {statistics.median(ratios[1]):.2f}{star[1]}")
                    results.append({"model": model.name, "weights": weights, "key": key, "value": value,
                                    "chosen": chosen[key], "prefill": ratios[0], "decode": ratios[1]})
                print(f"| {key} | {chosen[key]} | {'; '.join(cells) or 'has no part in this program'} |", flush=True)
    if args.json:
        args.json.write_text(json.dumps(results))


if __name__ == "__main__":
    main()
