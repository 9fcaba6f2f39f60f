#!/usr/bin/env python3
"""Measures tokens per second of models compiled by Lathe, with the limits of the machine and with llama.cpp or OpenVINO.

    bench.py MODEL... --lathe build/bin/lathe [--weights as-stored,bf16,q8] [--prompts 8,512] [--fills 8000] [--rounds 7]
             [--threads 2] [--context N] [--peer llama.cpp=PYTHON] [--json FILE] [--docs]
    bench.py --from FILE [--svg FILE] [--docs]

In every round each program runs once, and then the peer (PYTHON is a Python with its package and gguf). The table has the
medians over the rounds. A peer reads the GGUF file, so it is compared with weights as stored. For a config.json, a file of
random weights is made for both, one for each type of --weights (bf16, q8, q4). --fills measures decode steps after this
number of positions, with made-up caches. Percentages are of the bandwidth and of the peak that the program measured
in the same run. --json writes the rounds to a file, after each of them. --from makes the table from such a file, --svg a
chart. --docs writes docs/bench.svg and the table of the README.
"""
import argparse
import datetime
import html
import json
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- begin: ./x bench --docs -->", "<!-- end -->"


SCRIPTS = {"llama.cpp": "bench-llama-cpp.py", "openvino": "bench-openvino.py"}


def output_of(command):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode:
        sys.exit(f"bench: exit status {result.returncode} of {' '.join(map(str, command))}\n{result.stderr}")
    return result.stdout


def run_json(command):
    return json.loads(output_of(command))


def answer_as_peer(description, load):
    """Runs a peer's script: load(arguments) returns a function that runs one round and returns the seconds of its
    prompt and of the tokens after it. Takes the best of as many rounds as `OUT bench` makes: 3 to 7, as fit into 10 seconds."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("-p", dest="prompt", type=int, default=512)
    parser.add_argument("-n", dest="tokens", type=int, default=64)
    parser.add_argument("-t", dest="threads", type=int, default=2)
    args = parser.parse_args()
    run_round, rounds, begin = load(args), [], time.perf_counter()
    while len(rounds) < 3 or (len(rounds) < 7 and time.perf_counter() - begin < 10):
        rounds.append(run_round())
    prompt, decode = map(min, zip(*rounds))
    print(json.dumps({"prompt_tps": args.prompt / prompt, "decode_tps": args.tokens / decode, "rounds": len(rounds)}))


def weights_of(program):
    """Options of `bench`: a program compiled from a config has no weights file."""
    return [] if program.with_name(program.name + ".weights").exists() else ["--random-weights", "1"]


def cpu_name():
    text = pathlib.Path("/proc/cpuinfo").read_text()
    name = re.search(r"model name\s*: (.*)", text)
    kinds = [kind for kind in ("avx512_bf16", "avx512_vnni", "avx512f", "avx2") if re.search(rf"\b{kind}\b", text)]
    return f"{name.group(1) if name else 'unknown CPU'} ({kinds[0] if kinds else 'no AVX2'})"


def lengths(text):
    return [int(part) for part in text.split(",")]


def named_peer(text):
    name, _, python = text.partition("=")
    if name not in SCRIPTS or not python:
        raise argparse.ArgumentTypeError(f"expected {' or '.join(f'{known}=PYTHON' for known in SCRIPTS)}, got {text}")
    return name, python


def made_of_config(config, weights, folder, python):
    """A GGUF file of random weights."""
    path = folder / f"{config.stem}.{weights}.gguf"
    if not path.exists():
        part = path.with_suffix(".part")
        script = ROOT / "test/tools/make-bench-gguf.py"
        if subprocess.run([python, script, config, "--type", weights, "--out", part]).returncode:
            sys.exit(f"bench: no GGUF file of {config} --weights {weights}")
        part.rename(path)
    return path


def runs_peer(peer, model, prompt, args):
    """What the peer's script prints; nothing, and why on stderr, for a file that the peer cannot read."""
    name, python = peer
    command = [python, ROOT / "test/tools" / SCRIPTS[name], model, "-p", prompt, "-n", args.tokens, "-t", args.threads]
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if result.returncode == 0:
        return json.loads(result.stdout)
    print(f"bench: {name} is left out: {(result.stderr.strip().splitlines() or ['it failed'])[-1]}", file=sys.stderr)
    return None


def measure(args):
    programs = []
    folder = pathlib.Path(args.folder)
    folder.mkdir(parents=True, exist_ok=True)
    for given in map(pathlib.Path, args.models):
        for weights in args.weights.split(","):
            model = given
            if args.peer and given.suffix == ".json":
                model, weights = made_of_config(given, weights, folder, args.peer[1]), "as-stored"
            out = folder / f"{model.stem if model.is_file() else model.name}.{weights}"
            print(f"compiling {model} --weights {weights}", file=sys.stderr)
            out.with_name(out.name + ".weights").unlink(missing_ok=True)  # a config has no weights: remove those of another model
            context = ["--context", str(args.context)] if args.context else []
            if subprocess.run([args.lathe, "compile", model, "--weights", weights, *context, "-o", out]).returncode:
                sys.exit(f"bench: {model} cannot be compiled")
            # A peer reads the weights of the file.
            is_fair = args.peer and weights == "as-stored" and model.suffix == ".gguf"
            programs.append([model, weights, out, args.peer if is_fair else None])
    rounds = []
    data = {"cpu": cpu_name(), "date": datetime.date.today().isoformat(), "threads": args.threads,
            "tokens": args.tokens, "peer": args.peer[0] if args.peer else "llama.cpp", "rounds": rounds}
    for number in range(args.rounds):
        for program in programs:
            model, weights, out, peer = program

            def entry(what, options):
                print(f"round {number + 1} of {args.rounds}: {out.name}, {' '.join(options)}", file=sys.stderr)
                command = [out, "bench", *options, "-n", str(args.tokens), "--threads", str(args.threads), "--json"]
                own = run_json(command + weights_of(out))
                return {"round": number, "model": model.name, "weights": weights, **what, "lathe": own, "peer": None}

            for prompt in args.prompts:
                rounds.append(entry({"prompt": prompt}, ["-p", str(prompt)]))
                if program[3]:
                    rounds[-1]["peer"] = runs_peer(peer, model, prompt, args)
                    if not rounds[-1]["peer"]:
                        program[3] = None
            for fill in args.fills:
                rounds.append(entry({"fill": fill}, ["--fill", str(fill), "-p", "0"]))
        if args.json:  # an interrupted run leaves whole rounds
            args.json.write_text(json.dumps(data))
    return data


def summarize(data):
    """[(label, what, tokens/s, percent of the limit or why there is none, times the peer or None)], medians of the rounds."""
    groups = {}
    for entry in data["rounds"]:
        groups.setdefault((entry["model"], entry["weights"], entry.get("prompt"), entry.get("fill")), []).append(entry)
    rows = []
    for (model, weights, prompt, fill), entries in groups.items():
        decode = (f"decode after {prompt or fill}", "decode_tps", "decode_percent_of_bandwidth")
        prefill = (f"prefill of {prompt}", "prompt_tps", "prompt_percent_of_peak")
        for what, key, limit in (prefill, decode) if prompt else (decode,):
            median = lambda number: statistics.median(map(number, entries))
            ratio = median(lambda e: e["lathe"][key] / e["peer"][key]) if all(e["peer"] for e in entries) else None
            # Without a percentage: the program was faster than its probe (`OUT bench --help`).
            percents = [e["lathe"][limit] for e in entries if e["lathe"][limit] is not None]
            if 2 * len(percents) > len(entries):
                percent = statistics.median(percents)
            else:
                cached = sum(bool(e["lathe"].get("decode_from_cache")) for e in entries)
                percent = CACHED if what == decode[0] and 2 * cached > len(entries) else "probe disturbed"
            rows.append((f"{pathlib.Path(model).stem}, {weights}", what, median(lambda e: e["lathe"][key]), percent, ratio))
    return rows


def percent_text(percent):
    return percent if isinstance(percent, str) else f"{percent:.0f} %"


def has_peer(rows):
    return any(ratio for *_, ratio in rows)


def table(data, rows):
    """A line for each model and format, a column for each measurement."""
    columns, lines = list(dict.fromkeys(row[1] for row in rows)), {}
    for label, what, speed, percent, ratio in rows:
        beside = f", **{ratio:.2f} ×**" if ratio else ""
        lines.setdefault(label, {})[what] = f"{speed:,.0f} ({percent_text(percent)}){beside}"
    count = len({entry["round"] for entry in data["rounds"]})
    beside = f", times as fast as {data['peer']}" if has_peer(rows) else ""
    text = [f"Tokens/s (percent of the machine's peak or bandwidth){beside}; medians of {count} rounds, "
            f"{data['threads']} threads,", f"{data['cpu']}, {data['date']}.", "", f"| | {' | '.join(columns)} |",
            "|---" * (len(columns) + 1) + "|"]
    return "\n".join(text + [f"| {label} | {' | '.join(cells.get(what, '') for what in columns)} |"
                             for label, cells in lines.items()])


FONT = 12  # pixels
CACHED = "partly from a cache"


def widest(texts, size=FONT):
    """Pixels that are enough for each of the texts in any font: 0.8 em for a character is wider than in Verdana."""
    return int(0.8 * size * max(map(len, texts)))


def picture(data, rows):
    """One bar a row: Lathe's percent of the machine's limit, the peer's as a mark on it. A text begins where there is room
    for it in any font: headings and legend in lines of their own, names and numbers in columns beside the bars."""
    peer, bars, step = has_peer(rows), 400, 24
    title = "Percent of what the machine can do"
    machine = f"{data['cpu']}, {data['threads']} threads, {data['date']}"
    limit = "100 %: the limit of this machine"
    legend = [("#4477aa", "prefill, of the peak of its own dot products"), ("#66aa77", "decode, of the bandwidth of memory")]
    if any(row[3] == CACHED for row in rows):
        legend.append(("#c2e0ca", "decode, faster than memory: the last-level cache kept a part"))
    numbers = [f"{percent_text(percent)}, {speed:,.0f} tokens/s" + (f", {ratio:.2f} × {data['peer']}" if ratio else "")
               for _, _, speed, percent, ratio in rows]
    left = 24 + widest([what for _, what, *_ in rows]) + 8
    width = max(left + bars + 12 + widest(numbers), 10 + widest([title], 15), 10 + widest([machine]),
                34 + widest([name for _, name in legend]), 10 + widest([label for label, *_ in rows])) + 10
    text, y = [], 0

    def write(x, what, more=""):
        text.append(f'<text x="{x}" y="{y}"{more}>{html.escape(what)}</text>')

    y += 24
    write(10, title, ' font-size="15" font-weight="bold"')
    y += 20
    write(10, machine, ' fill="#555"')
    for color, name in legend:
        y += 20
        text.append(f'<rect x="10" y="{y - 11}" width="16" height="12" fill="{color}"/>')
        write(34, name)
    if peer:
        y += 20
        text.append(f'<line x1="18" x2="18" y1="{y - 13}" y2="{y + 3}" stroke="black" stroke-width="3"/>')
        write(34, f"{data['peer']} with the same file")
    y += 30
    write(left + bars, limit, ' text-anchor="end" fill="#a33"')
    top = y + 6
    for i, (label, what, speed, percent, ratio) in enumerate(rows):
        if i == 0 or label != rows[i - 1][0]:
            y += step
            write(10, label, ' font-weight="bold"')
        y += step
        bar = 0 if isinstance(percent, str) else percent / 100 * bars
        write(24, what)
        color = "#4477aa" if what.startswith("prefill") else "#66aa77"
        if percent == CACHED:  # at the limit of memory or above it: paler, up to the line
            text.append(f'<rect x="{left}" y="{y - 13}" width="{bars}" height="17" fill="#c2e0ca"/>')
        text.append(f'<rect x="{left}" y="{y - 13}" width="{bar:.1f}" height="17" fill="{color}"/>')
        if ratio and bar:
            x = left + min(bar / ratio, bars * 1.02)
            text.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{y - 15}" y2="{y + 6}" stroke="black" stroke-width="3"/>')
        write(left + bars + 12, numbers[i])
    text.append(f'<line x1="{left + bars}" x2="{left + bars}" y1="{top}" y2="{y + 8}" stroke="#a33" stroke-width="2"/>')
    height = y + 20
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
                      f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="{FONT}" role="img">',
                      f"<title>{html.escape(title)}</title>", '<rect width="100%" height="100%" fill="white"/>', *text,
                      "</svg>", ""])


def write_docs(data, rows):
    (ROOT / "docs/bench.svg").write_text(picture(data, rows))
    readme = ROOT / "README.md"
    before, rest = readme.read_text().split(BEGIN)
    readme.write_text(f"{before}{BEGIN}\n{table(data, rows)}\n{END}{rest.split(END, 1)[1]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", metavar="MODEL")
    parser.add_argument("--lathe", default=ROOT / "build/bin/lathe")
    parser.add_argument("--folder", default=ROOT / "build/bench")
    parser.add_argument("--weights", default="as-stored")
    parser.add_argument("--prompts", default="8,512", type=lengths)
    parser.add_argument("--fills", default=[], type=lengths)
    parser.add_argument("--context", type=int)
    parser.add_argument("--tokens", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--peer", metavar="NAME=PYTHON", type=named_peer)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--from", dest="source", type=pathlib.Path)
    parser.add_argument("--svg", type=pathlib.Path)
    parser.add_argument("--docs", action="store_true")
    args = parser.parse_args()
    if bool(args.models) == bool(args.source):
        parser.error("expected models or --from")
    data = json.loads(args.source.read_text()) if args.source else measure(args)
    if args.json:
        args.json.write_text(json.dumps(data))
    rows = summarize(data)
    print(table(data, rows))
    if args.svg:
        args.svg.write_text(picture(data, rows))
    if args.docs:
        write_docs(data, rows)


if __name__ == "__main__":
    main()
