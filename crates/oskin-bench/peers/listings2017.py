#!/usr/bin/env python3
"""Turns the listings of 2017 into a corpus file without parents.

    listings2017.py DIR... --out FILE [--hold-out N]

Each DIR holds zips of files.txt and folders.txt. The images are sorted by FOLDER/NAME, ids are in
first-seen order, files before folders, and a path that is both is one path, as in
benches/allpairs_sets.py. FILE.names tells the names, FILE.paths the texts. With --hold-out every
N-th image is left out, and stands in FILE.queries as an unseen one.
"""
import argparse
import pathlib
import zipfile

import numpy as np

import corpus


def paths_of(package):
    with zipfile.ZipFile(package) as members:
        for member, ending in (("files.txt", b""), ("folders.txt", b"/")):
            for line in members.read(member).split(b"\n"):
                path = line.removeprefix(b"./")
                if path and path != b".":
                    yield path, ending


def ids_of(package, ids, texts):
    """The ids of a package's paths; new ones are entered."""
    found = set()
    for path, ending in paths_of(package):
        number = ids.setdefault(path, len(ids))
        if number == len(texts):
            texts.append(path + ending)
        found.add(number)
    return np.array(sorted(found), np.uint32)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--out", required=True)
    parser.add_argument("--hold-out", type=int, metavar="N")
    args = parser.parse_args()
    packages = {}
    for folder in args.folders:
        for package in folder.glob("*.zip"):
            packages[f"{folder.name}/{package.name.removesuffix('.zip').removesuffix('.img')}"] = package
    names = sorted(packages)
    unseen = names[args.hold_out - 1 :: args.hold_out] if args.hold_out else []
    names = [name for name in names if name not in unseen]
    ids, texts = {}, []
    images = [ids_of(packages[name], ids, texts) for name in names]
    corpus.save(args.out, len(ids), images)
    corpus.save_paths(args.out, texts)
    pathlib.Path(f"{args.out}.names").write_text("".join(f"{name}\n" for name in names))
    print(f"{len(images)} images, {len(ids)} paths, {sum(map(len, images))} entries")
    if unseen:
        # Ids go on for paths that only the unseen images have, as the format wants it.
        queries = [ids_of(packages[name], ids, texts) for name in unseen]
        corpus.save(f"{args.out}.queries", len(ids), queries)
        pathlib.Path(f"{args.out}.queries.names").write_text("".join(f"{name}\n" for name in unseen))


if __name__ == "__main__":
    main()
