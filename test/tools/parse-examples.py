#!/usr/bin/env python3
"""Checks that the examples in TableGen descriptions parse and verify.

    parse-examples.py --lathe-opt LATHE_OPT FILE.td...

Every ```mlir block becomes a function (or, without values, a part of a module), and every type or attribute after
"Example:" becomes the type or attribute of a function. Values that an example uses but does not define become arguments of
the function; their types are taken from lathe-opt's errors (%c64 becomes the constant 64). Symbols that examples refer to
are in PREAMBLE.
"""
import argparse
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

PREAMBLE = """\
lm.weight @final_norm : !lm.weight<576xf32>
func.func private @sliding(%x: tensor<?x64xf32>, %at: index) -> tensor<?x64xf32> { return %x : tensor<?x64xf32> }
func.func private @full(%x: tensor<?x64xf32>, %at: index) -> tensor<?x64xf32> { return %x : tensor<?x64xf32> }
"""
PROGRAM = """\
spmd.program @program rows 1 {
spmd.buffer @x : memref<1x576xf32> arena
spmd.buffer @q : memref<1x576xf32> arena
func.func private @layer(%rows: index, %position: index) { return }
func.func @entry(%rows: index, %position: index, %first: index) {"""


class Example:
    def __init__(self, where, text):
        self.where, self.text = where, text
        self.arguments = {}  # name: type, "none" until it is known

    def module(self):
        if re.match(r"[!#]", self.text):  # a type or an attribute
            inside = f"({self.text})" if self.text[0] == "!" else f"() attributes {{example = {self.text}}}"
            return f"func.func private @example{inside}"
        if "%" not in self.text and "@" in self.text or self.text.startswith("spmd.program"):
            return self.text
        if self.text.startswith("spmd.layers"):  # in the entry, which has arguments of its own
            return f"{PROGRAM}\n{self.text}\nreturn\n}}\n}}"
        numbers = [name for name in self.arguments if re.fullmatch(r"c\d+", name)]
        arguments = ", ".join(f"%{name}: {type}" for name, type in self.arguments.items() if name not in numbers)
        constants = "".join(f"%{name} = arith.constant {name[1:]} : index\n" for name in numbers)
        function = f"func.func private @example({arguments}) {{\n{constants}{self.text}\nreturn\n}}"
        if re.match(r"%\w+ = spmd\.", self.text):
            return f"{PROGRAM}\nreturn\n}}\n{function}\n}}"
        return PREAMBLE + function

    def learn(self, message):
        """Takes a type from an error; False if there is nothing to learn from it."""
        other = r"use of value '%(\w+)' expects different type than prior uses: '(.*)' vs 'none'"
        if match := re.search(r"use of undeclared SSA value name %(\w+)", message):
            name, type = match[1], "none"
        elif match := re.search(other, message):
            name, type = match[1], match[2]
        else:
            return False
        known = self.arguments.get(name)
        self.arguments[name] = type
        return known != type


def examples(path):
    text = Path(path).read_text()
    for match in re.finditer(r"```mlir\n(.*?)```|Examples?: ((?:`[^`]*`(?:, )?)+)", text, re.S):
        where = f"{path}:{text.count(chr(10), 0, match.start()) + 1}"
        if match[1] is not None:
            yield Example(where, textwrap.dedent(match[1]).strip())
        else:
            for snippet in re.findall(r"`([^`]*)`", match[2]):
                if snippet[0] in "!#":
                    yield Example(where, snippet)


def first_errors(lathe_opt, modules):
    """{index: message} of the modules that lathe-opt refuses, in one run."""
    separator = "\n// -----\n"
    with tempfile.NamedTemporaryFile("w", suffix=".mlir") as file:
        text = separator.join(modules)
        file.write(text)
        file.flush()
        run = subprocess.run([lathe_opt, "--split-input-file", file.name, "-o", "/dev/null"], capture_output=True,
                             text=True)
        starts = [0]
        for module in modules:
            starts.append(starts[-1] + (module + separator).count("\n"))
        errors = {}
        for line, column, message in re.findall(re.escape(file.name) + r":(\d+):(\d+): error: (.*)", run.stderr):
            index = next(i for i in range(len(modules)) if int(line) <= starts[i + 1])
            here = text.split("\n")[int(line) - 1][int(column) - 1:]
            if message.strip().endswith("undeclared SSA value name"):  # the name is at the place
                message = message.strip() + " " + re.match(r"%?\w*", here)[0]
            errors.setdefault(index, message)
        if run.returncode and not errors:
            sys.exit(f"lathe-opt failed: {run.stderr}")
        return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lathe-opt", required=True)
    parser.add_argument("files", nargs="+")
    args = parser.parse_args()
    left = total = [example for path in args.files for example in examples(path)]
    failed = 0
    while left:
        errors = first_errors(args.lathe_opt, [example.module() for example in left])
        again = []
        for index, message in errors.items():
            if left[index].learn(message):
                again.append(left[index])
            else:
                print(f"{left[index].where}: {message}")
                failed += 1
        left = again
    print(f"{len(total)} examples, {failed} wrong")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
