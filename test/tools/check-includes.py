#!/usr/bin/env python3
"""Checks that no folder includes what it must not depend on.

    check-includes.py [ROOT]

The rules are the table below: a folder, and the beginnings of the include paths it may use besides the system's own. The
first folder that contains a file decides. A header beside the file, or below the folder's own root, is always allowed.
Prints one line per offence and fails if there is any.
"""
import re
import sys
from pathlib import Path

LLVM = ("mlir/", "mlir-c/", "llvm/")
DIALECTS = ("dialects/",)
RUNTIME_HEADERS = ("lrt/",)
SUPPORT = ("compiler/support/",)
# Not Registry.h, which sees them all.
FRONTEND = ("frontends/Frontend.h", "frontends/Describe.h", "frontends/GenerationConfig.h")

# What a target may use besides its own folder.
TARGET = ("absl/", "compiler/codegen/", "compiler/targets/Emit.h", "compiler/targets/EntryCall.h",
          "compiler/targets/LLVMConversions.h", "compiler/targets/Target.h", "compiler/targets/Tuning.h")

RULES = [
    # From the ground up; no arrow upward.
    ("runtime/include", RUNTIME_HEADERS),
    ("runtime/support", RUNTIME_HEADERS),
    ("runtime/workers", RUNTIME_HEADERS + ("runtime/support/",)),
    ("runtime/cpu", RUNTIME_HEADERS + ("runtime/support/", "runtime/workers/")),  # a probe measures with a team
    ("runtime/tokenizer", RUNTIME_HEADERS + ("runtime/support/", "pcre2.h")),
    ("runtime/sampling", RUNTIME_HEADERS + ("runtime/support/",)),
    ("runtime/engine", RUNTIME_HEADERS + ("runtime/support/", "runtime/workers/", "runtime/cpu/")),
    ("runtime/cuda", RUNTIME_HEADERS + ("runtime/support/", "runtime/workers/", "runtime/cpu/", "runtime/engine/")),
    ("runtime/commands", RUNTIME_HEADERS + ("runtime/",)),
    ("dialects", LLVM),
    # Code for sources with a config includes no single source; sources never include each other. The last row is for sources
    # without a config.
    ("frontends/config", LLVM + DIALECTS + SUPPORT + ("absl/",) + FRONTEND),
    ("frontends/chat", ("llvm/",) + SUPPORT + ("absl/", "lrt/tokenizer.h")),
    ("frontends/tokenizer", ("llvm/",) + SUPPORT
     + ("absl/", "pcre2.h", "google/protobuf/", "lrt/tokenizer.h", "frontends/chat/")),
    ("frontends/huggingface", LLVM + DIALECTS + SUPPORT + ("absl/", "frontends/config/", "frontends/tokenizer/") + FRONTEND),
    ("frontends/gguf", LLVM + DIALECTS + SUPPORT + ("absl/", "frontends/config/", "frontends/tokenizer/") + FRONTEND),
    ("frontends/onnx", LLVM + DIALECTS + SUPPORT + ("absl/", "google/protobuf/", "onnx/", "frontends/tokenizer/") + FRONTEND),
    ("frontends/*", LLVM + DIALECTS + SUPPORT + ("absl/", "google/protobuf/", "frontends/tokenizer/") + FRONTEND),
    ("frontends", LLVM + DIALECTS + SUPPORT + ("absl/",)),
    ("compiler/support", LLVM + DIALECTS + RUNTIME_HEADERS + ("absl/",)),
    ("compiler/graph", LLVM + DIALECTS + SUPPORT + RUNTIME_HEADERS),
    ("compiler/codegen", LLVM + DIALECTS + SUPPORT + RUNTIME_HEADERS),
    ("compiler/weights", LLVM + DIALECTS + SUPPORT + RUNTIME_HEADERS + ("absl/",)),
    # lm-lower-phases stands among the CPU's passes. Otherwise targets never include each other.
    ("compiler/targets/cuda", LLVM + DIALECTS + SUPPORT + RUNTIME_HEADERS + TARGET + ("compiler/targets/cpu/Passes.h",)),
    ("compiler/targets/*", LLVM + DIALECTS + SUPPORT + RUNTIME_HEADERS + TARGET),
    ("compiler/targets", LLVM + DIALECTS + SUPPORT + RUNTIME_HEADERS + ("absl/",)),
    ("compiler/driver", LLVM + DIALECTS + RUNTIME_HEADERS + ("absl/", "lld/", "frontends/", "compiler/")),
    ("compiler/tools", LLVM + DIALECTS + ("compiler/driver/",)),
    # What executes PTX in tests shares nothing with what writes it.
    ("test/ptxsim", ("gtest/",)),
]

INCLUDE = re.compile(r'^\s*#?\s*include\s*["<]([^">]+)[">]')
SOURCES = {".cpp", ".h", ".td", ".inc", ".def", ".c"}


def rule_for(path):
    """The rule of a file: (folder it owns, what that may include)."""
    for folder, allowed in RULES:
        parts = folder.split("/")
        own = path.parts[:len(parts)]
        # For targets/* there must be a folder below, not a file.
        if len(path.parts) > len(parts) and all(want in ("*", have) for want, have in zip(parts, own)):
            return "/".join(own), allowed
    return None


def is_system(name):
    """<vector>, <sys/mman.h>, <gtest/gtest.h>: nothing of ours and nothing of LLVM's."""
    ours = LLVM + DIALECTS + RUNTIME_HEADERS + ("absl/", "lld/", "clang/", "frontends/", "compiler/", "runtime/", "test/",
                                                "pcre2.h", "google/", "onnx/", "gtest/")
    return not name.startswith(ours)


def offences(root, path):
    found = rule_for(path)
    if not found:
        return
    own, allowed = found
    for number, line in enumerate((root / path).read_text(errors="replace").splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        name = match[1]
        beside = (root / path.parent / name).resolve()
        if beside.exists():  # "Team.h", "../cpu/Features.h"
            name = str(beside.relative_to(root))
        if not is_system(name) and not name.startswith((own + "/",) + allowed):
            yield f'{path}:{number}: {own}/ must not depend on "{match[1]}"'


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2]).resolve()
    files = [path.relative_to(root) for top in ("runtime", "dialects", "frontends", "compiler", "test/ptxsim")
             for path in sorted((root / top).rglob("*")) if path.suffix in SOURCES]
    if len(files) < 50:
        sys.exit(f"check-includes: expected the sources below {root}, found {len(files)} files")
    lines = [line for path in files for line in offences(root, path)]
    print("\n".join(lines) if lines else f"check-includes: {len(files)} files depend on what they may")
    return len(lines) > 0


if __name__ == "__main__":
    sys.exit(main())
