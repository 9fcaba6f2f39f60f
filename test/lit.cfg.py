# lit's view of test/: every .mlir and .test file with RUN lines. docs/testing.md lists the substitutions.
import ctypes
import os
import shutil
import sys

import lit.formats

here = os.path.dirname(os.path.abspath(__file__))

if not hasattr(config, "lathe_bin"):
    # Started on the sources (`lit test/driver`): take the release build's configuration, which reads this file again.
    site = os.path.join(os.path.dirname(here), "build", "test", "lit.site.cfg.py")
    if not os.path.exists(site):
        lit_config.fatal(f"{site}: expected the build's configuration, found none; `./x build` makes it")
    lit_config.load_config(config, site)
    raise SystemExit

config.name = "lathe"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "tools"]
config.test_source_root = here
config.test_exec_root = config.lathe_test_build


def tool(name):
    return os.path.join(here, "tools", name)


# --param target=cuda: the tiny models on the simulator of PTX (`./x test --cuda`).
target = lit_config.params.get("target", "cpu")
# --param log=FILE and --param option=OPTION for lathe compile: what set-tolerances.py asks for.
check_model = tool("check-model.py") + (f" --target {target}" if target != "cpu" else "")
if "log" in lit_config.params:
    check_model += f" --log {lit_config.params['log']} --option={lit_config.params['option']}"

# A name is over where a longer one could not go on: %lathe is not the beginning of %lathe-opt.
for name, value in {
    "%lathe": os.path.join(config.lathe_bin, "lathe"),
    "%lathe-opt": os.path.join(config.lathe_bin, "lathe-opt"),
    "%python": f'"{sys.executable}"',
    "%check_model": check_model,
    "%compare": tool("compare-logits.py"),
    "%tools": os.path.join(here, "tools"),
    "%root": os.path.dirname(here),
    "%build": os.path.dirname(config.lathe_bin),
}.items():
    config.substitutions.append((name + r"(?![-\w])", value))

# The tools by their names: lathe-opt, FileCheck, not, split-file, ...
config.environment["PATH"] = os.pathsep.join([config.lathe_bin, config.llvm_bin, os.environ.get("PATH", "")])
config.environment["FILECHECK_OPTS"] = "--enable-var-scope"
config.environment["PYTHONDONTWRITEBYTECODE"] = "1"
for name in ("LSAN_OPTIONS", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

# REQUIRES: demo-model: where `./x demo` and CI keep it.
cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
demo = os.path.join(cache, "lathe", "SmolLM2-135M-Instruct.Q4_1.gguf")
config.substitutions.append((r"%demo_model(?![-\w])", demo))
if os.path.exists(demo):
    config.available_features.add("demo-model")
if config.lathe_sanitize:
    config.available_features.add("sanitize")
try:
    ctypes.CDLL("libcuda.so.1")
    config.available_features.add("cuda-driver")
except OSError:
    pass
if shutil.which("groff"):
    config.available_features.add("groff")
