#!/usr/bin/env python3
"""Runs the commands of the user's guide.

    run-guide.py --lathe build/bin/lathe --model FILE.gguf --folder DIR [PAGE.md...]

Runs the blocks of every page that begin with ```console test. A line after "$ " is a bash command; the lines below it are
its output (stdout and stderr), in which "…" matches anything, also several lines. A command without output below it must
end with status 0. Commands of a page run one after the other in a folder for this page, where `smollm2.gguf` is the model,
`my-model` a small Hugging Face directory, and `lathe` is found by its name.

Also, every option named in a page must be in a help text: of `lathe compile`, of an executable's commands, or of ./x.
"""
import argparse
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def commands_of(page):
    """[(line, command, expected lines)]"""
    commands, inside = [], False
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```console test"
        elif inside and line.startswith("$ "):
            commands.append((number, line[2:], []))
        elif inside and commands and commands[-1][1].endswith("\\"):
            commands[-1] = (commands[-1][0], commands[-1][1] + "\n" + line, commands[-1][2])
        elif inside:
            commands[-1][2].append(line)
    return commands


def matches(expected, found):
    pattern = "".join(".*" if part == "…" else re.escape(part) for part in re.split("(…)", expected.strip()))
    return re.fullmatch(pattern, found.strip(), re.S)


def run_page(page, folder, args, environment):
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "smollm2.gguf").symlink_to(args.model)
    shutil.copytree(ROOT / "test/models/llama/plain", folder / "my-model")
    problems = []
    for line, command, expected in commands_of(page):
        result = subprocess.run(["bash", "-o", "pipefail", "-c", command], cwd=folder, env=environment, text=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
        where = f"{page.name}:{line}: {command}"
        if expected and not matches("\n".join(expected), result.stdout):
            problems.append(f"{where}: printed\n{result.stdout}")
        elif not expected and result.returncode:
            problems.append(f"{where}: exit status {result.returncode}\n{result.stdout}")
    return problems


def known_options(args, folder, environment):
    """Every option of a help text."""
    def text_of(*command):
        return subprocess.run([str(part) for part in command], cwd=folder, env=environment, text=True,
                              capture_output=True).stdout
    folder.mkdir(parents=True, exist_ok=True)
    text_of("lathe", "compile", ROOT / "test/models/llama/plain", "-o", "program")
    overview = text_of("./program", "--help")
    texts = [text_of("lathe", "--help"), text_of("lathe", "compile", "--help"), text_of(ROOT / "x", "help"), overview]
    texts += [text_of("./program", name, "--help") for name in re.findall(r"^  ([a-z]+)  ", overview, re.M)]
    return set(re.findall(r"(?<![\w-])--?[a-z][-a-z]*", "\n".join(texts))) | {"--help", "--prefix", "--local-dir"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=pathlib.Path)
    parser.add_argument("--lathe", required=True, type=pathlib.Path)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--folder", required=True, type=pathlib.Path)
    args = parser.parse_args()
    environment = os.environ | {"PATH": f"{args.lathe.resolve().parent}:{os.environ['PATH']}", "LC_ALL": "C.UTF-8"}
    options = known_options(args, args.folder.resolve() / "options", environment)
    problems, count = [], 0
    for page in args.pages or sorted((ROOT / "docs/guide").glob("*.md")):
        count += len(commands_of(page))
        problems += run_page(page, args.folder.resolve() / page.stem, args, environment)
        for option in sorted(set(re.findall(r"`[^`\n]*?(?<![\w-])(--[a-z][-a-z]*)", page.read_text())) - options):
            problems.append(f"{page.name}: no help text has {option}")
    print("\n".join(problems) if problems else f"run-guide: {count} commands do what the guide says")
    return 1 if problems or not count else 0


if __name__ == "__main__":
    sys.exit(main())
