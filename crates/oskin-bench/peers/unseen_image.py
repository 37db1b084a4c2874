#!/usr/bin/env python3
"""The images most like an unseen one: six opponents that look it up among all, one engine a run.

    unseen_image.py CORPUS ENGINE [--queries K]

sets       len(a & b) with every image
scipy      sum of the columns of the query's paths in the CSC matrix
sourmash   common hashes with every sketch, one path in --scaled kept
prefix     SetSimilaritySearch, an index of all images at least --threshold alike by Jaccard
forest     datasketch LSHForest, the ten best by MinHash 128
ensemble   datasketch LSHEnsemble, images that hold at least --threshold of the query

A query comes as ascending ids, those of unknown paths among them, and its time is all that is made
from them: sets, sketches, counts and the choice of the best. What is found is judged by the exact
counts of the inverted index in postings.py, which itself is checked against plain sets.
"""
import importlib.metadata
import platform
import time

import numpy as np

import corpus as corpora
import measure
import postings

TOP = 10
PERMUTATIONS = 128


def best_by_dice(common, sizes, size):
    """The ten best and all that are as good as the last of them."""
    dice = 2.0 * common / np.maximum(sizes + size, 1)
    return np.flatnonzero(dice >= np.partition(dice, -TOP)[-TOP])


class Sets:
    package = None

    def __init__(self, corpus, args):
        self.sizes = corpus.sizes
        self.sets = [set(corpus.set(image).tolist()) for image in range(corpus.images)]

    def __call__(self, ids):
        query = set(ids.tolist())
        common = np.fromiter((len(query & other) for other in self.sets), np.int64, len(self.sets))
        return best_by_dice(common, self.sizes, len(ids)), common


class Scipy:
    package = "scipy.sparse"

    def __init__(self, corpus, args):
        from scipy import sparse

        self.sizes, self.paths = corpus.sizes, corpus.paths
        self.matrix = measure.csr(corpus, sparse).tocsc()

    def __call__(self, ids):
        known = ids[: np.searchsorted(ids, self.paths)].astype(np.int32)
        common = np.asarray(self.matrix[:, known].sum(axis=1)).ravel()
        return best_by_dice(common, self.sizes, len(ids)), common


class Sourmash:
    package = "sourmash"

    def __init__(self, corpus, args):
        self.scaled = args.scaled
        self.bound = np.uint64(2**64 // args.scaled - 1)
        self.sketches = [self.sketch(corpus.set(image)) for image in range(corpus.images)]
        self.kept = np.array([len(sketch) for sketch in self.sketches])

    def sketch(self, ids):
        import sourmash

        hashes = measure.hash64(ids)
        sketch = sourmash.MinHash(n=0, ksize=21, scaled=self.scaled)
        sketch.add_many(hashes[hashes <= self.bound].tolist())
        return sketch

    def __call__(self, ids):
        query = self.sketch(ids)
        common = np.fromiter(map(query.count_common, self.sketches), np.int64, len(self.sketches))
        dice = 2.0 * common / np.maximum(self.kept + len(query), 1)
        # Sketches tie often; a user who asks for ten gets ten, whichever come first.
        return np.argsort(-dice, kind="stable")[:TOP], None


class Prefix:
    package = "SetSimilaritySearch"

    def __init__(self, corpus, args):
        import SetSimilaritySearch

        sets = [corpus.set(image).tolist() for image in range(corpus.images)]
        self.index = SetSimilaritySearch.SearchIndex(sets, "jaccard", args.threshold)

    def __call__(self, ids):
        return [image for image, _ in self.index.query(ids.tolist())], None


class MinHash:
    package = "datasketch"

    def __init__(self):
        import datasketch

        # Copies share the permutations, which are costly to draw.
        self.empty = datasketch.MinHash(num_perm=PERMUTATIONS, hashfunc=int)

    def sketch(self, ids):
        sketch = self.empty.copy()
        sketch.update_batch((measure.hash64(ids) >> np.uint64(32)).tolist())
        return sketch


class Forest(MinHash):
    def __init__(self, corpus, args):
        import datasketch

        super().__init__()
        self.index = datasketch.MinHashLSHForest(num_perm=PERMUTATIONS)
        for image in range(corpus.images):
            self.index.add(image, self.sketch(corpus.set(image)))
        self.index.index()

    def __call__(self, ids):
        return self.index.query(self.sketch(ids), TOP), None


class Ensemble(MinHash):
    def __init__(self, corpus, args):
        import datasketch

        super().__init__()
        self.index = datasketch.MinHashLSHEnsemble(
            threshold=args.threshold, num_perm=PERMUTATIONS, num_part=16
        )
        # The ensemble cannot hold sets without a size.
        filled = np.flatnonzero(corpus.sizes).tolist()
        self.index.index((i, self.sketch(corpus.set(i)), int(corpus.sizes[i])) for i in filled)

    def __call__(self, ids):
        return list(self.index.query(self.sketch(ids), len(ids))), None


ENGINES = {
    "sets": Sets,
    "scipy": Scipy,
    "sourmash": Sourmash,
    "prefix": Prefix,
    "forest": Forest,
    "ensemble": Ensemble,
}


def label(args):
    return {
        "sets": "Python sets, each image",
        "scipy": "scipy CSC columns",
        "sourmash": f"sourmash scaled={args.scaled}, each sketch",
        "prefix": f"SetSimilaritySearch index J>={args.threshold}",
        "forest": f"datasketch LSHForest {PERMUTATIONS}",
        "ensemble": f"datasketch LSHEnsemble C>={args.threshold}",
    }[args.engine]


class Judge:
    """Compares what was found with the exact answers."""

    def __init__(self, args, corpus):
        self.args, self.sizes = args, corpus.sizes
        self.index = postings.Postings(corpus)
        self.recalls, self.precisions, self.nearest = [], [], []
        self.wrong = self.sum = self.hash = 0

    def wanted(self, exact, size):
        """What a right answer holds: all above the threshold, or the ten best with those that tie."""
        if self.args.engine == "prefix":
            return np.flatnonzero(exact / np.maximum(self.sizes + size - exact, 1) >= self.args.threshold)
        if self.args.engine == "ensemble":
            return np.flatnonzero(exact / max(size, 1) >= self.args.threshold)
        return best_by_dice(exact, self.sizes, size)

    def add(self, query, ids, found, common):
        exact = self.index.common(ids)
        if common is not None:
            self.add_counts(query, np.asarray(common), exact)
        found = np.asarray(found, np.int64)
        wanted = self.wanted(exact, len(ids))
        hits = len(np.intersect1d(found, wanted))
        if len(wanted):
            # Engines that answer with ten images cannot name all that tie for the tenth place.
            most = TOP if self.args.engine in ("forest", "sourmash") else len(wanted)
            self.recalls.append(hits / min(most, len(wanted)))
        if len(found):
            self.precisions.append(hits / len(found))
        dice = 2.0 * exact / np.maximum(self.sizes + len(ids), 1)
        self.nearest.append(len(found) > 0 and dice[found].max() == dice.max())

    def add_counts(self, query, common, exact):
        self.wrong += int((common != exact).sum())
        self.sum += int(common.sum())
        # Queries are numbered after all images, so that each pair has its own hash.
        images = np.arange(len(common))
        own = np.full(len(images), len(images) + query)
        self.hash = (self.hash + measure.weighed(own, images, common)) % 2**64


def spread(count, limit):
    """At most `limit` of `count` numbers, evenly spread."""
    limit = min(limit or count, count)
    return [(2 * k + 1) * count // (2 * limit) for k in range(limit)]


def mean(values):
    return round(float(np.mean(values)), 4) if values else None


def main():
    options = [
        (["engine"], {"choices": ENGINES}),
        (["--queries"], {"type": int, "help": "look only so many up"}),
        (["--scaled"], {"type": int, "default": 100}),
        (["--threshold"], {"type": float, "default": 0.9}),
    ]
    run = measure.Run("", "", options)
    args, corpus, line = run.args, run.corpus, run.line
    kind = ENGINES[args.engine]
    line["engine"] = label(args)
    line["version"] = platform.python_version()
    if kind.package:
        # The code of a library is not part of its index.
        importlib.import_module(kind.package)
        line["version"] = importlib.metadata.version(kind.package.split(".")[0])
        run.forget_memory()
    queries = corpora.load_queries(args.corpus, corpus)
    chosen = spread(queries.images, args.queries)
    with run.phase("build"):
        engine = kind(corpus, args)
    index_bytes = run.grown_bytes()
    times, answers = [], []
    with run.phase("queries"):
        for query in chosen:
            ids = queries.set(query)
            start = time.thread_time()
            answers.append(engine(ids))
            times.append((time.thread_time() - start) * 1e3)
    run.stop_memory()
    judge = Judge(args, corpus)
    for query, (found, common) in zip(chosen, answers):
        judge.add(query, queries.set(query), found, common)
    line["exact"] = False
    if answers[0][1] is not None:
        line["exact"] = judge.wrong == 0
        line.update(wrong_counts=judge.wrong, common_sum=judge.sum, common_hash=judge.hash)
    for unneeded in ("rows", "complete"):
        del line[unneeded]
    run.finish(
        queries=len(chosen),
        query_ms={
            name: round(float(np.quantile(times, share)), 3) for name, share in (("p50", 0.5), ("p99", 0.99))
        },
        recall=mean(judge.recalls),
        precision=mean(judge.precisions),
        nearest_found=mean(judge.nearest),
        index_bytes_per_image=index_bytes // corpus.images,
    )


if __name__ == "__main__":
    main()
