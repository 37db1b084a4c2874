#!/usr/bin/env python3
"""All pairs by SQL in DuckDB: a self-join on (image, path), or over colour classes.

    duckdb_sql.py CORPUS [--classes]

A colour class is all paths that the same images have; joining classes with their sizes as weights
gives the same counts from fewer rows. Paths of only one image are in no pair and left out there.
"""
import duckdb
import numpy as np

import measure

CLASSES = """
create temp table classes as
select images, count(*) as weight, row_number() over () as class
from (select list(image order by image) as images from facts group by path having count(*) > 1)
group by images
"""

MEMBERS = "create temp table members as select class, weight, unnest(images) as image from classes"

PAIRS = """
select a.image as "left", b.image as "right", ({count})::bigint as common
from {table} a join {table} b on a.{key} = b.{key} and {condition}
group by 1, 2
"""


def main():
    options = [
        (["--classes"], {"action": "store_true", "help": "join colour classes, not paths"}),
        (["--threads"], {"type": int, "default": 2}),
        (["--memory"], {"default": "8GB"}),
    ]
    run = measure.Run("DuckDB", duckdb.__version__, options)
    run.line["engine"] += " classes" if run.args.classes else " paths"
    corpus = run.corpus
    database = duckdb.connect()
    database.execute(f"set threads = {run.args.threads}; set memory_limit = '{run.args.memory}'")
    with run.phase("build"):
        # DuckDB reads the arrays in place by the name of this variable.
        source = {
            "image": np.repeat(np.arange(corpus.images, dtype=np.int32), corpus.sizes),
            "path": corpus.ids,
        }
        database.execute("create table facts as select image, path from source")
        del source
    condition = "a.image < b.image"
    if not run.complete:
        condition = f"a.image in ({','.join(map(str, run.rows))}) and a.image <> b.image"
    if run.args.classes:
        with run.phase("classes"):
            database.execute(CLASSES)
            database.execute(MEMBERS)
        run.line["classes"] = database.execute("select count(*) from classes").fetchone()[0]
        query = PAIRS.format(count="sum(a.weight)", table="members", key="class", condition=condition)
    else:
        query = PAIRS.format(count="count(*)", table="facts", key="path", condition=condition)
    with run.phase("pairs"):
        found = database.execute(query).fetchnumpy()
    run.stop_memory()
    run.add_pairs(found["left"], found["right"], found["common"])
    run.tell_sums()
    run.finish()


if __name__ == "__main__":
    main()
