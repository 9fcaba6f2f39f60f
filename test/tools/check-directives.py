#!/usr/bin/env python3
"""Finds FileCheck directives that FileCheck ignores.

    check-directives.py [FILE|FOLDER]...        default: test/

FileCheck ignores unknown directives, so `CHECK-NXT:` or a prefix that no RUN line names passes silently. In every .mlir and
.test file: text that looks like a directive is spelled right, has a colon and a prefix that some RUN line uses; every prefix
of a RUN line has a directive; there is a RUN line. Prints one line per offence and fails if there is any.
"""
import difflib
import re
import sys
from pathlib import Path

SUFFIXES = ["NEXT", "SAME", "NOT", "DAG", "LABEL", "EMPTY", "COUNT"]
# lit's own keywords, and words that stand before a colon in prose.
OTHERS = {"RUN", "REQUIRES", "UNSUPPORTED", "XFAIL", "ALLOW_RETRIES", "DEFINE", "REDEFINE", "END", "NOTE", "TODO", "FIXME"}
RUN = re.compile(r"RUN:\s*(.*)")
# A comment that begins with a word in capitals, with or without its colon.
WORD = re.compile(r"^\s*(?://|#|;)\s*([A-Z][A-Z0-9_]*(?:-[A-Z0-9_]+)*)(-?\d+|\{[A-Z]+\})*(\s*)(:?)")


def prefixes_of(run):
    """The prefixes of a RUN line's FileCheck commands."""
    found = set()
    for command in re.split(r"\||&&|;", run):
        if not re.search(r"\bFileCheck\b", command):
            continue
        named = re.findall(r"-{1,2}(?:check-)?prefix(?:es)?[= ]([\w,-]+)", command)
        found.update(name for names in named for name in names.split(",")) if named else found.add("CHECK")
    return found


def split(word, prefixes):
    """(prefix, rest) by the longest known prefix."""
    for prefix in sorted(prefixes, key=len, reverse=True):
        if word == prefix or word.startswith(prefix + "-"):
            return prefix, word[len(prefix) + 1:]
    return None, word


def offences(path):
    lines = path.read_text(errors="replace").splitlines()
    runs, joined = [], ""
    for line in lines:
        match = RUN.search(line)
        if match:
            joined += match[1].removesuffix("\\")
            if not match[1].endswith("\\"):
                runs.append(joined)
                joined = ""
    if not runs:
        yield f"{path}: no RUN line"
        return
    prefixes = set().union(*(prefixes_of(run) for run in runs))
    used = set()
    for number, line in enumerate(lines, 1):
        match = WORD.match(line)
        if not match or match[1] in OTHERS:
            continue
        word, space, colon = match[1], match[3], match[4]
        where = f"{path}:{number}: {word}"
        prefix, rest = split(word, prefixes)
        if prefix and (not rest or rest.removesuffix("-") in SUFFIXES or re.fullmatch(r"COUNT-\d+", rest)):
            if colon and not space:
                used.add(prefix)
            elif rest or colon:
                yield f"{where}: no colon right behind it"
        elif prefix:
            yield f"{where}: unknown kind of directive {rest!r}"
        elif colon and re.search(r"-(" + "|".join(SUFFIXES) + r")\b", word):
            yield f"{where}: no RUN line has this prefix; they have {', '.join(sorted(prefixes)) or 'none'}"
        elif colon and difflib.get_close_matches(word, prefixes | {"CHECK"} | {"RUN", "REQUIRES", "UNSUPPORTED"}, 1, 0.6):
            yield f"{where}: no RUN line has this prefix; they have {', '.join(sorted(prefixes)) or 'none'}"
    for prefix in sorted(prefixes - used):
        yield f"{path}: a RUN line names the prefix {prefix}, no directive has it"


def main():
    test = Path(__file__).resolve().parents[1]
    files = []
    for start in [Path(argument) for argument in sys.argv[1:]] or [test]:
        found = [start] if start.is_file() else sorted([*start.rglob("*.mlir"), *start.rglob("*.test")])
        files += [path for path in found if "Inputs" not in path.parts]
    lines = [line for path in files for line in offences(path)]
    print("\n".join(lines) if lines else f"check-directives: {len(files)} files say what they check")
    return len(lines) > 0


if __name__ == "__main__":
    sys.exit(main())
