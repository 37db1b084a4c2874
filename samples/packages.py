#!/usr/bin/env python3
"""Lists what is installed below a root directory as other programs tell it: a second opinion for oskin.

packages.py IMAGE ROOT      rows for `oskin evaluate --packages`: image, type, name, version

deb by dpkg-query, pypi by importlib.metadata (which pip lists with), npm by the package.json of every package in
`node_modules`, and in `usr/share/nodejs` where Debian has them.
"""

import importlib.metadata
import json
import os
import re
import subprocess
import sys


def deb(root):
    """Name and version of every package whose files are there."""
    database = os.path.join(root, "var/lib/dpkg")
    if not os.path.exists(os.path.join(database, "status")):
        return
    query = ["dpkg-query", f"--admindir={database}", "-W", "-f", "${Package}\t${Version}\t${db:Status-Status}\n"]
    for line in subprocess.run(query, check=True, capture_output=True, text=True).stdout.splitlines():
        name, version, status = line.split("\t")
        if status == "installed":
            yield name, version


def pypi(root):
    """Name as an index has it, and version, of every distribution."""
    places = [place for place, _, _ in os.walk(root) if place.endswith(("/dist-packages", "/site-packages"))]
    for found in importlib.metadata.distributions(path=places):
        yield re.sub(r"[-_.]+", "-", found.metadata["Name"]).lower(), found.version


def npm(root):
    """Name and version of every package."""
    for place, _, files in os.walk(root):
        above = os.path.dirname(place)
        if os.path.basename(above).startswith("@"):
            above = os.path.dirname(above)
        if "package.json" in files and above.endswith(("/node_modules", "/share/nodejs")):
            with open(os.path.join(place, "package.json"), encoding="utf-8") as file:
                manifest = json.load(file)
            if "name" in manifest and "version" in manifest:
                yield manifest["name"], manifest["version"]


def main():
    image, root = sys.argv[1:]
    for kind, find in ("deb", deb), ("pypi", pypi), ("npm", npm):
        for name, version in sorted(set(find(root))):
            print(image, kind, name, version, sep="\t")


main()
