#!/usr/bin/env python3
"""Checks that the numbers of `bench --phases` add up.

usage: check-phases.py EXECUTABLE [--svg FILE]

Runs EXECUTABLE's bench and checks that its JSON holds every field, that totals are the sums over the phases, that the bytes
of decode agree with `bytes_per_token` and `decode_weight_bytes`, and that the chart is an SVG file. Prints the phases of
decode.
"""
import argparse
import json
import re
import subprocess
import xml.etree.ElementTree

PHASE = {"phase", "kind", "count", "bytes", "weight_bytes", "f32_ops", "bf16_ops", "int8_ops", "bound", "limit_us",
         "measured_us", "wait_us", "barrier_us", "loss_us", "share"}
PASS = PHASE - {"phase", "kind", "count", "bound", "share"} | {"entry", "calls", "rows", "position", "samples", "barriers",
                                                               "median_us", "phases"}


def check(condition, what):
    if not condition:
        raise SystemExit(f"check-phases: {what}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("executable")
    parser.add_argument("--svg")
    arguments = parser.parse_args()
    command = [arguments.executable, "bench", "--phases", "--json", "-p", "12", "-n", "4", "--threads", "2"]
    if arguments.svg:
        command += ["--svg", arguments.svg]
    report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    passes = {each["entry"]: each for each in report["phases"]}
    check(set(passes) == {"prefill", "logits", "decode"}, f"expected three entry points, found {sorted(passes)}")
    for name, each in passes.items():
        check(set(each) == PASS, f"{name}: expected the fields {sorted(PASS)}, found {sorted(each)}")
        for phase in each["phases"]:
            check(set(phase) == PHASE, f"{name}: expected the fields {sorted(PHASE)}, found {sorted(phase)}")
        for key in PASS & PHASE:
            total = sum(phase[key] for phase in each["phases"])
            check(abs(total - each[key]) <= 1e-3 * abs(each[key]) + len(each["phases"]),
                  f"{name}: {key} is {each[key]}, but its phases' are {total}")
        check(sum(phase["count"] for phase in each["phases"]) == each["barriers"], f"{name}: counts are not its barriers")
        check(abs(sum(phase["share"] for phase in each["phases"]) - 1) < 1e-3, f"{name}: shares are not 1")
        losses = [phase["loss_us"] for phase in each["phases"]]
        check(losses == sorted(losses, reverse=True), f"{name}: not sorted by loss: {losses}")
        for phase in each["phases"]:
            check(phase["measured_us"] > 0, f"{name}: {phase['phase']} took no time")
            check(0 <= phase["barrier_us"] <= phase["wait_us"] + 1e-3 <= phase["measured_us"] + 2e-3,
                  f"{name}: {phase['phase']}: expected barrier <= wait <= measured, found {phase}")
    check(passes["prefill"]["rows"] == 12, f"expected 12 rows of a prompt, found {passes['prefill']['rows']}")

    decode = passes["decode"]
    weights = sum(phase["weight_bytes"] for phase in decode["phases"])
    check(weights == report["decode_weight_bytes"],
          f"decode's phases read {weights} bytes of weights, but decode_weight_bytes is {report['decode_weight_bytes']}")
    info = subprocess.run([arguments.executable, "info"], check=True, capture_output=True, text=True).stdout
    barriers = int(re.search(r"barriers per layer\s+(\d+)", info)[1])
    check(barriers == report["barriers_per_layer"], f"info says {barriers} barriers per layer")

    if arguments.svg:
        root = xml.etree.ElementTree.parse(arguments.svg).getroot()
        check(root.tag == "{http://www.w3.org/2000/svg}svg", f"{arguments.svg}: expected svg, found {root.tag}")
        texts = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
        for each in passes.values():
            for phase in each["phases"]:
                check(any(text.startswith(phase["phase"]) for text in texts), f"{arguments.svg}: no {phase['phase']}")
    for phase in sorted(decode["phases"], key=lambda phase: (phase["kind"], phase["phase"])):
        print(phase["kind"] or "-", phase["phase"], phase["count"], phase["weight_bytes"], phase["bytes"],
              phase["f32_ops"] + phase["bf16_ops"] + phase["int8_ops"])


main()
