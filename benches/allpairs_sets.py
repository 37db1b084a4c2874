#!/usr/bin/env python3
"""All pairs by Python sets, the plain way: what `oskin matrix` is measured against.

    benches/allpairs_sets.py DIR... > matrix.csv

Each DIR holds packages as the founding author made them: zips of files.txt and folders.txt. Prints
the Dice similarities of all pairs (files and folders together) as oskin prints them; each pair is
counted once. Names get their folder in front if there are several.
"""
import pathlib
import sys
import zipfile

ENDINGS = (".img.zip", ".zip")


def name_of(path):
    for ending in ENDINGS:
        if path.name.endswith(ending):
            return path.name[: -len(ending)]
    return path.name


def paths_of(path):
    found = set()
    with zipfile.ZipFile(path) as package:
        for member in ("files.txt", "folders.txt"):
            for line in package.read(member).decode("utf-8", "surrogateescape").split("\n"):
                if line.startswith("./"):
                    line = line[2:]
                if line and line != ".":
                    found.add(line)
    return found


def main():
    packages = [path for folder in sys.argv[1:] for path in sorted(pathlib.Path(folder).glob("*.zip"))]
    prefix = len(sys.argv) > 2
    names = [(f"{path.parent.name}/" if prefix else "") + name_of(path) for path in packages]
    sets = [paths_of(path) for path in packages]
    values = [[1.0] * len(sets) for _ in sets]
    for i, left in enumerate(sets):
        for j in range(i):
            total = len(left) + len(sets[j])
            values[i][j] = values[j][i] = 2.0 * len(left & sets[j]) / total if total else 1.0
    names = [f'"{name}"' if "," in name else name for name in names]
    out = ["," + ",".join(names)]
    out += [name + "," + ",".join("%.6f" % value for value in row) for name, row in zip(names, values)]
    print("\n".join(out))


if __name__ == "__main__":
    main()
