#!/usr/bin/env python3
"""Makes a Markdown table of lines of JSON: medians over rounds, with the range of the totals.

    figures.py FILE.jsonl... [--base ENGINE]

With --base a column tells how many times the total of that engine each other one takes on the same
corpus. Below the table stands whether all exact sums of a corpus agree; if not, the exit code is 1.
"""
import argparse
import collections
import json
import pathlib
import statistics
import sys


def read(files):
    """The lines by corpus, engine and what was counted."""
    groups = collections.defaultdict(list)
    for file in files:
        for line in file.read_text().splitlines():
            if line.startswith("{"):
                entry = json.loads(line)
                rows = "all" if entry.get("complete") else entry.get("rows", "-")
                groups[entry["corpus"], entry["engine"], rows].append(entry)
    return groups


def median(values):
    return statistics.median(values)


def seconds(value):
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def phases(entries):
    names = entries[0]["cpu_seconds"]
    return ", ".join(f"{name} {seconds(median([e['cpu_seconds'][name] for e in entries]))}" for name in names)


def total(entries):
    values = [entry["total_cpu_seconds"] for entry in entries]
    text = seconds(median(values))
    if len(values) > 1:
        text += f" ({seconds(min(values))}-{seconds(max(values))})"
    return text + (", scaled" if entries[0]["total_is_scaled"] else "")


def result(entries):
    entry = entries[0]
    if "query_ms" in entry:
        times = {name: median([e["query_ms"][name] for e in entries]) for name in entry["query_ms"]}
        parts = [f"{name} {time:.3g} ms" for name, time in times.items()]
        parts.append(f"{entry['index_bytes_per_image']:,} B/image")
        if not entry["exact"]:
            parts += [f"{name} {entry[name]}" for name in ("recall", "precision", "nearest_found")]
        return ", ".join(parts).replace("_", " ")
    if "dice_error" in entry:
        return "Dice off by " + ", ".join(f"{name} {value:.3g}" for name, value in entry["dice_error"].items())
    if "largest_difference" in entry:
        pairs, wrong = entry["measured_pairs"], entry["wrong_counts"]
        return f"{wrong} of {pairs} counts wrong, by {entry['largest_difference']} at most"
    if "answered_pairs" in entry:
        return f"{entry['answered_pairs']:,} pairs answered, {entry['missed_or_wrong']} missed or wrong"
    return "exact" if entry["exact"] else "wrong"


def sums(groups):
    """The different exact sums with their hashes, by corpus and what they are summed over."""
    found = collections.defaultdict(lambda: collections.defaultdict(set))
    for (corpus, engine, rows), entries in groups.items():
        for entry in entries:
            if "common_sum" in entry:
                over = f"rows {rows}" if "rows" in entry else f"queries {entry['queries']}"
                found[corpus, over][entry["common_sum"], entry["common_hash"]].add(engine)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("files", nargs="+", type=pathlib.Path)
    parser.add_argument("--base")
    args = parser.parse_args()
    groups = read(args.files)
    base = {
        key[0]: median([entry["total_cpu_seconds"] for entry in entries])
        for key, entries in groups.items()
        if key[1] == args.base
    }
    head = ["corpus", "engine", "version", "rows", "rounds", "CPU s measured", "CPU s in total"]
    head += [f"times {args.base}"] if args.base else []
    head += ["peak MB over input", "result"]
    print("| " + " | ".join(head) + " |")
    print("|" + "---|" * len(head))
    for (corpus, engine, rows), entries in groups.items():
        cells = [corpus, engine, entries[0]["version"], str(rows), str(len(entries)), phases(entries), total(entries)]
        if args.base:
            own = median([entry["total_cpu_seconds"] for entry in entries])
            cells.append(f"{own / base[corpus]:.3g}" if base.get(corpus) else "")
        peak = median([entry["peak_over_input_bytes"] for entry in entries]) / 1e6
        print("| " + " | ".join([*cells, f"{peak:.1f}", result(entries)]) + " |")
    print()
    agree = True
    for (corpus, over), values in sums(groups).items():
        engines = len(set().union(*values.values()))
        agree &= len(values) == 1
        told = "; ".join(f"{total:,} and {mixed:016x}" for total, mixed in values)
        verdict = "one sum and hash" if len(values) == 1 else "DIFFERENT SUMS"
        print(f"{corpus}, {over}: {verdict} of {engines} engines, {told}")
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
