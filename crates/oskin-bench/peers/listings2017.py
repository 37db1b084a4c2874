#!/usr/bin/env python3
"""Turns the listings of 2017 into a corpus file without parents.

    listings2017.py DIR... --out FILE

Each DIR holds zips of files.txt and folders.txt. The images are sorted by FOLDER/NAME, ids are in
first-seen order, files before folders, and a path that is both is one path, as in
benches/allpairs_sets.py. FILE.names tells the names, FILE.paths the texts.
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    packages = {}
    for folder in args.folders:
        for package in folder.glob("*.zip"):
            packages[f"{folder.name}/{package.name.removesuffix('.zip').removesuffix('.img')}"] = package
    ids, texts, images = {}, [], []
    for name in sorted(packages):
        found = set()
        for path, ending in paths_of(packages[name]):
            number = ids.setdefault(path, len(ids))
            if number == len(texts):
                texts.append(path + ending)
            found.add(number)
        images.append(np.array(sorted(found), np.uint32))
    corpus.save(args.out, len(ids), images)
    corpus.save_paths(args.out, texts)
    pathlib.Path(f"{args.out}.names").write_text("".join(f"{name}\n" for name in sorted(packages)))
    print(f"{len(images)} images, {len(ids)} paths, {sum(map(len, images))} entries")


if __name__ == "__main__":
    main()
