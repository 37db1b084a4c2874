#!/usr/bin/env python3
"""All pairs by oskin itself, for rounds with opponents: the first call in a fresh process.

Opponents count once in a fresh process as well, so nobody's memory or processor is warm. What the call
costs when it is repeated in the same process stands in the line as `warm_cpu_seconds`, the median.

    cargo build --release -p oskin-bench --bin engine
    rounds.py CORPUS --rounds 11 --cpu-limit 0 oskin_matrix.py sets.py scipy_product.py >figures.jsonl
    figures.py figures.jsonl --base oskin
"""
import argparse
import json
import pathlib
import re
import resource
import statistics
import subprocess
import sys

ENGINE = pathlib.Path(__file__).resolve().parents[3] / "target/release/engine"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("--engine", default=ENGINE, help="the program, if it is not in target/release")
    parser.add_argument("--way", default="matrix", help="which way of the program: matrix, search or closest")
    parser.add_argument("--calls", type=int, default=6, help="how often the process counts all pairs")
    args = parser.parse_args()
    if resource.getrlimit(resource.RLIMIT_CPU)[0] != resource.RLIM_INFINITY:
        parser.error("with a limit on CPU time that time is counted by ticks, too coarse here: --cpu-limit 0")
    command = [str(args.engine), str(args.corpus), "--engines", args.way, "--rounds", str(args.calls)]
    text = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
    first, *warm = [float(seconds) for seconds in re.findall(rf"\b{args.way}: ([0-9.]+) s", text)]
    images, loaded = re.search(r"^images (\d+) +input (\d+) MB", text).groups()
    peak = re.search(r"peak (\d+) MB", text)[1]
    total, mixed = re.search(r"sum up to (\d+), hash (\d+)", text).groups()
    line = {
        "engine": "oskin" if args.way == "matrix" else f"oskin, {args.way}",
        "version": "",
        "corpus": args.corpus.name,
        "images": int(images),
        "rows": int(images),
        "complete": True,
        "exact": True,
        "common_sum": int(total),
        "common_hash": int(mixed),
        "peak_over_input_bytes": max(int(peak) - int(loaded), 0) * 1024 * 1024,
        "cpu_seconds": {"pairs": first},
        "total_cpu_seconds": first,
        "total_is_scaled": False,
    }
    if warm:
        line["warm_cpu_seconds"] = statistics.median(warm)
    json.dump(line, sys.stdout)
    print()


if __name__ == "__main__":
    main()
