#!/usr/bin/env python3
"""Makes the edits of a table in dumps of a model, and expects each to be refused with the message in the table.

    refused-edits.py TABLE --lathe LATHE --models DIR --work DIR

A paragraph of the table is a model (a path in DIR) and then edits, one per line: the stage, a regular expression, the
replacement of its first match, and the end of the message, separated by ` | `. Without a message the edit must be
accepted. $DUMP and $MODEL stand for the paths of the edited dump and of the model.
"""
import argparse
import re
import subprocess
import sys
from pathlib import Path

STAGES = ["import", "graph", "schedule", "vector", "llvm", "object"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", type=Path)
    parser.add_argument("--lathe", required=True)
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    edits, wrong = 0, 0
    for paragraph in re.split(r"\n\n+", re.sub(r"(?m)^//.*\n", "", args.table.read_text()).strip()):
        name, *lines = paragraph.split("\n")
        model, work = args.models.resolve() / name, args.work / name.replace("/", ".")
        # A fixed CPU, because sizes of buffers depend on it.
        subprocess.run([args.lathe, "compile", model, "--mcpu", "x86-64-v3", "--dump-stages", work, "--emit", "object",
                        "-o", args.work / "last.s"], check=True)
        for line in lines:
            stage, pattern, other, message = [part.strip() for part in line.split(" |")]
            suffix = "s" if stage == "object" else "mlir"
            text = (work / f"{STAGES.index(stage) + 1}.{stage}.{suffix}").read_text()
            edited = re.sub(pattern, other, text, count=1)
            dump = args.work / f"edited.{suffix}"
            dump.write_text(edited)
            message = message.replace("$DUMP", str(dump)).replace("$MODEL", str(model))
            run = subprocess.run([args.lathe, "compile", dump, "--from", stage, "-o", args.work / "edited"],
                                 capture_output=True, text=True)
            found = run.stderr.strip()
            edits += 1
            isRight = run.returncode == 0 if not message else (
                run.returncode == 1 and "\n" not in found and found.startswith("lathe: ") and found.endswith(message))
            if edited == text or not isRight:
                wrong += 1
                print(f"{line}\n  " + ("finds nothing" if edited == text else found or "accepted"), flush=True)
    print(f"{edits} edits, {wrong} not as the table says")
    return wrong > 0


if __name__ == "__main__":
    sys.exit(main())
