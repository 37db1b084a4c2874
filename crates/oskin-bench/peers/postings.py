#!/usr/bin/env python3
"""The ten most similar images of an unseen one, exactly, by a full inverted index in numpy.

The index holds for each path the images that have it. The common counts of a query with all images
are the histogram of the images in the lists of its paths. Neighbouring paths have neighbouring
lists, so a run of paths is one slice.
"""
import time

import numpy as np

import corpus as corpora
import measure

TOP = 10
BATCH = 1 << 15


class Postings:
    def __init__(self, corpus):
        self.images, self.paths, self.sizes = corpus.images, corpus.paths, corpus.sizes
        self.starts = np.zeros(corpus.paths + 1, np.int64)
        for image in range(corpus.images):
            self.starts[corpus.set(image) + np.int64(1)] += 1
        np.cumsum(self.starts, out=self.starts)
        # The smallest width that holds all images: the opponent shall not lose by padding.
        kind = np.uint16 if corpus.images <= 1 << 16 else np.uint32
        self.lists = np.empty(len(corpus.ids), kind)
        ends = self.starts[:-1].copy()
        for image in range(corpus.images):
            ids = corpus.set(image)
            self.lists[ends[ids]] = image
            ends[ids] += 1

    def bytes(self):
        return self.lists.nbytes + self.starts.nbytes + self.sizes.nbytes

    def common(self, ids):
        """How many paths of a query each image has."""
        known = ids[: np.searchsorted(ids, self.paths)].astype(np.int64)
        breaks = np.flatnonzero(np.diff(known) != 1) + 1
        firsts = known[np.concatenate([[0], breaks])] if len(known) else known
        lasts = known[np.concatenate([breaks - 1, [-1]])] if len(known) else known
        begins, ends = self.starts[firsts].tolist(), self.starts[lasts + 1].tolist()
        common = np.zeros(self.images, np.int64)
        slices, hits = [], 0
        for begin, end in zip(begins, ends):
            # In parts, so that what is counted stays in the cache: half the time of one histogram of all.
            for start in range(begin, end, BATCH):
                slices.append(self.lists[start : min(start + BATCH, end)])
                hits += len(slices[-1])
                if hits >= BATCH:
                    common += np.bincount(np.concatenate(slices), minlength=self.images)
                    slices, hits = [], 0
        if slices:
            common += np.bincount(np.concatenate(slices), minlength=self.images)
        return common

    def top(self, ids):
        """The best images by Dice; equal ones by their index."""
        dice = 2.0 * self.common(ids) / np.maximum(self.sizes + len(ids), 1)
        count = min(TOP, self.images)
        bound = np.partition(dice, -count)[-count]
        best = np.flatnonzero(dice >= bound)
        return best[np.lexsort((best, -dice[best]))][:count]


def check(index, corpus, ids, sample):
    """Compares counts with those of plain sets."""
    common = index.common(ids)
    query = set(ids.tolist())
    for image in sample:
        if common[image] != len(query.intersection(corpus.set(image).tolist())):
            raise SystemExit(f"wrong common count with image {image}")


def main():
    run = measure.Run("numpy postings", np.__version__)
    corpus = run.corpus
    queries = corpora.load_queries(run.args.corpus, corpus)
    with run.phase("build"):
        index = Postings(corpus)
    run.stop_memory()
    times = []
    with run.phase("queries"):
        for query in range(queries.images):
            ids = queries.set(query)
            start = time.thread_time()
            index.top(ids)
            times.append((time.thread_time() - start) * 1e3)
    for query in range(0, queries.images, max(queries.images // 5, 1)):
        check(index, corpus, queries.set(query), range(0, corpus.images, max(corpus.images // 20, 1)))
    run.line["exact"] = True
    for unneeded in ("rows", "complete"):
        del run.line[unneeded]
    run.finish(
        queries=queries.images,
        query_ms={"p50": round(float(np.median(times)), 3), "p99": round(float(np.quantile(times, 0.99)), 3)},
        index_bytes_per_image=index.bytes() // corpus.images,
    )


if __name__ == "__main__":
    main()
