#!/usr/bin/env python3
"""Compiles a tiny model and compares its logits with the golden ones.

    check-model.py MODEL --lathe PATH [--weights f32] [--work DIR] [--tolerance 1e-4 | --kl MAX]
                         [--goldens DIR] [--log FILE] [--prompts N] [--target cuda]

MODEL is a directory, or a .gguf file whose goldens lie in --goldens (default: the directory, or the file without .gguf).
Every prompt of prompts.json is fed in one pass, in chunks of 7 and token by token: prefill, a last chunk of fewer rows and
decode must all give the golden logits. The longest prompt is also fed in parts with decode steps between them, as in a
conversation: parts end just before, at and just after the position where a window, a chunk or a convolution is full. Prints
one line per case. --kl compares the mean Kullback-Leibler divergence instead, for weights or activations of few bits, where
the largest difference of a logit is not informative. --log appends the largest difference of all cases to a file, which
set-tolerances.py reads. --prompts N feeds the N shortest prompts only. --target cuda compiles for a
GPU, which the simulator of PTX stands for; its sums have another order than the CPU's, so the tolerance is at least 1e-4. What
a GPU's program cannot be compiled with (--decompose, ...) is skipped. Needs only Python's standard library.
"""
import argparse
import importlib.util
import json
import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

HOST_ONLY = ("--decompose", "--schedule-for", "--tuning")  # options of lathe compile

CHUNKS = ("", "7", "1")  # tokens per pass, a list is repeated
EDGES = ("sliding_window", "attention_chunk_size", "linear_conv_kernel_dim")


def load_compare():
    spec = importlib.util.spec_from_file_location("compare_logits", Path(__file__).resolve().parent / "compare-logits.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.compare


def execute(command):
    """Runs a command; its failure ends the test with its output and the line to repeat."""
    command = [str(part) for part in command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace")
    if done.returncode != 0:
        sys.exit(f"{done.stdout}check-model: exit status {done.returncode} of\n  {shlex.join(command)}")


def parts(golden, length):
    """Parts of a prompt with two decode steps after each. They come again until the prompt ends, so later parts begin
    anywhere in a ring."""
    try:
        config = json.loads((golden / "config.json").read_text())
    except OSError:
        config = {}  # of a GGUF file
    edges = {config.get(key) for key in EDGES} | {config.get("text_config", {}).get(key) for key in EDGES}
    firsts = {edge + step for edge in edges if edge for step in (-1, 0, 1)} or {length // 2 - 2}
    return [f"{first},1,1" for first in sorted(firsts) if 1 < first < length - 3]


def check(args, work):
    golden = args.goldens or (args.model if args.model.is_dir() else args.model.with_suffix(""))
    prompts = json.loads((golden / "prompts.json").read_text())["prompts"]
    compare = load_compare()
    program = work / "model"
    tolerance = args.tolerance
    if args.target == "cuda":
        if any(option.startswith(HOST_ONLY) for option in args.option):
            print(f"skipped: not for a GPU: {' '.join(args.option)}")
            return 0
        args.option.append("--target=cuda")
        os.environ["LD_LIBRARY_PATH"] = str(Path(args.lathe).resolve().parents[1] / "lib" / "ptxsim")
        tolerance = max(tolerance, 1e-4)
    execute([args.lathe, "compile", args.model, "-o", program, "--weights", args.weights] + args.option)
    cases = failed = 0
    largest = 0.0  # of all cases: difference or divergence
    longest = max(range(len(prompts)), key=lambda i: len(prompts[i]["tokens"]))
    fed = sorted(range(len(prompts)), key=lambda i: len(prompts[i]["tokens"]))[:args.prompts]
    for i, prompt in enumerate(prompts):
        if i not in fed:
            continue
        tokens = prompt["tokens"]
        for chunk in [*CHUNKS, *(parts(golden, len(tokens)) if i == longest else [])]:
            out = work / f"prompt-{i}-chunk-{chunk or 'all'}.npy"
            out.unlink(missing_ok=True)
            command = [program, "logits", "--tokens", ",".join(map(str, tokens)), "--out", out]
            execute(command + (["--chunk", chunk] if chunk else []))
            try:
                relative, row, kl = compare(golden / prompt["logits"], out, args.kl is not None)
            except (OSError, ValueError, EOFError) as error:
                sys.exit(f"check-model: {error}")
            good = relative <= tolerance if args.kl is None else kl <= args.kl
            cases += 1
            largest = max(largest, relative if args.kl is None else kl)
            failed += not good
            case = f"{len(tokens)} tokens, {f'chunks of {chunk}' if chunk else 'at once'}"
            print(f"{'ok  ' if good else 'FAIL'} {case:<28} largest difference {relative:.2e} at position {row}"
                  + (f", mean divergence {kl:.2e}" if args.kl is not None else ""), flush=True)
    if args.log:
        with args.log.open("a") as log:
            log.write(f"{work}\t{largest:.3e}\n")
    if failed:
        print(f"check-model: {failed} of {cases} cases of {args.model} differ by more than "
              + (f"{tolerance:g}" if args.kl is None else f"{args.kl:g} nats"))
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("--lathe", required=True)
    parser.add_argument("--weights", default="f32")
    parser.add_argument("--work", type=Path, help="keep the executable and the logits here")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--kl", type=float, metavar="MAX")
    parser.add_argument("--goldens", type=Path)
    parser.add_argument("--log", type=Path, help="append the working directory and the largest difference to this file")
    parser.add_argument("--prompts", type=int, metavar="N", help="only the N shortest")
    parser.add_argument("--target", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--option", action="append", default=[], help="one more option for lathe compile")
    args = parser.parse_args()
    if args.work:
        args.work.mkdir(parents=True, exist_ok=True)
        sys.exit(bool(check(args, args.work.resolve())))
    with tempfile.TemporaryDirectory() as work:
        sys.exit(bool(check(args, Path(work))))


if __name__ == "__main__":
    main()
