#!/usr/bin/env python3
"""Checks that the documentation agrees with the sources.

    check-docs.py [--write]

The stage table in docs/architecture.md agrees with compiler/driver/Stages.def; --write updates it. Targets of links exist.
Paths in `code` that look like paths of this tree exist, and so does the test that each pass names.
"""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- stages: check-docs.py --write -->", "<!-- end of stages -->"
TOPS = "frontends|dialects|compiler|runtime|test|docs"


def strings(text):
    """The arguments of LATHE_STAGE(...): names and (joined) string literals."""
    fields = [""]
    for name, literal, comma in re.findall(r'(\w+)|"((?:[^"\\]|\\.)*)"|(,)', text):
        if comma:
            fields.append("")
        else:
            fields[-1] += name or literal
    return fields


def stage_table():
    text = (ROOT / "compiler/driver/Stages.def").read_text()
    rows = ["| # | stage | dump | made by | may contain | a reader asks |", "|---|---|---|---|---|---|"]
    for number, row in enumerate(re.findall(r'^LATHE_STAGE\(((?:[^()"]|"[^"]*")*)\)', text, re.M), 1):
        _, name, suffix, folder, holds, question = strings(row)
        dump = f"`{number}.{name}.{suffix}`" if suffix else "–"
        folders = ", ".join(f"`{part}`" for part in folder.split(", "))
        rows.append(f"| {number} | {name} | {dump} | {folders} | {holds or '–'} | {question} |")
    return "\n".join(rows)


def broken_links(page):
    text = re.sub(r"```.*?```", lambda block: "\n" * block[0].count("\n"), page.read_text(), flags=re.S)
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{page.relative_to(ROOT)}:{number}"
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
            if not re.match(r"\w+:", target) and not (page.parent / target).exists():
                yield f"{where}: the link leads to {target}, which is not there"
        for path in re.findall(rf"`((?:{TOPS})/[\w./-]+)`", line):
            # Words in capitals stand for a name; folders of tests come with their first test.
            if re.search(r"\b[A-Z]{3,}\b", path) and not path.endswith("README.md"):
                continue
            if path.startswith("test/") and "." not in path:
                continue
            if not (ROOT / path).exists():
                yield f"{where}: {path} is not there"


def missing_tests(passes):
    for number, line in enumerate(passes.read_text().splitlines(), 1):
        for path in re.findall(r"\btest/[\w./-]+\.(?:mlir|test)", line):
            if not (ROOT / path).exists():
                yield f"{passes.relative_to(ROOT)}:{number}: {path} is not there"


def main():
    page = ROOT / "docs/architecture.md"
    text = page.read_text()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        sys.exit(f"{page}: expected one {BEGIN} and one {END}")
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    fresh = f"{head}{BEGIN}\n{stage_table()}\n{END}{tail}"
    problems = []
    if "--write" in sys.argv[1:]:
        page.write_text(fresh)
    elif fresh != text:
        problems.append("docs/architecture.md: the stage table is not compiler/driver/Stages.def; "
                        "`python3 test/tools/check-docs.py --write` brings it up to date")
    pages = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    for each in pages:
        problems += broken_links(each)
    for each in sorted((ROOT / "compiler").rglob("Passes.td")):
        problems += missing_tests(each)
    print("\n".join(problems) if problems else f"check-docs: {len(pages)} pages agree with the tree")
    return len(problems) > 0


if __name__ == "__main__":
    sys.exit(main())
