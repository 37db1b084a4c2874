#!/usr/bin/env bash
# Runs all opponents on one corpus, in turn, and appends their lines to a file:
#
#     run.sh CORPUS OUT.jsonl
#
# ROUNDS (3) is how often; ROWS limits the slow ones to so many rows, which is 10 by itself where there are more than
# 500 images; QUERIES (100) is how many unseen images are looked up, where CORPUS.queries exists. The libraries go to
# a virtual environment, VENV (.venv beside this script).
set -euo pipefail

[ $# = 2 ] || { echo "usage: run.sh CORPUS OUT.jsonl" >&2; exit 2; }
corpus=$1 out=$2
here=$(cd "$(dirname "$0")" && pwd)
venv=${VENV:-$here/.venv}

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --requirement "$here/requirements.txt"

# Images are the third number of the header.
images=$(od -An -t u4 -j 8 -N 4 "$corpus" | tr -d ' ')
rows=${ROWS:-$([ "$images" -gt 500 ] && echo 10 || true)}
some=${rows:+ --rows $rows}

opponents=(
    "sets.py$some"
    "scipy_product.py"
    "roaring_pairs.py"
    "duckdb_sql.py$some"
    "duckdb_sql.py --classes$some"
    "sourmash_minhash.py --scaled 1$some"
    "sourmash_minhash.py --scaled 100"
    "sourmash_minhash.py --scaled 1000"
    "datasketch_minhash.py"
    "set_similarity_search.py --threshold 0.5$some"
    "set_similarity_search.py --threshold 0.9$some"
)
if [ -e "$corpus.queries" ]; then
    some="--queries ${QUERIES:-100}"
    opponents+=(
        "postings.py"
        "unseen_image.py scipy $some"
        "unseen_image.py sets --queries 10"
        "unseen_image.py sourmash --scaled 100 $some"
        "unseen_image.py sourmash --scaled 1000 $some"
        "unseen_image.py prefix --threshold 0.5 $some"
        "unseen_image.py forest $some"
        "unseen_image.py ensemble $some"
    )
fi
"$venv/bin/python" "$here/rounds.py" "$corpus" --rounds "${ROUNDS:-3}" "${opponents[@]}" >>"$out"
# One pair costs this one a walk of its whole tree, so it runs once and counts four pairs.
if [ -e "$corpus.paths" ]; then
    "$venv/bin/python" "$here/rounds.py" "$corpus" "container_tree.py --rows 1 --per-row 4" >>"$out"
fi
"$venv/bin/python" "$here/figures.py" "$out"
