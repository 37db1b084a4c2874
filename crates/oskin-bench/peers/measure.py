"""What all opponents share: arguments, CPU clocks, peak memory, exact counts, the line of JSON."""
import argparse
import contextlib
import ctypes
import gc
import json
import os
import pathlib
import platform
import time

import numpy as np

import corpus as corpora


class Run:
    """One measurement of one opponent on one corpus.

    The pair matrix is counted completely as the pairs i < j. With `--rows K` only K rows, evenly
    spread, are counted, each against all other images; the CPU time of the phase `pairs` is then
    scaled by the number of pairs, that of other phases is not.
    """

    def __init__(self, engine, version, options=()):
        parser = argparse.ArgumentParser()
        parser.add_argument("corpus")
        parser.add_argument("--rows", type=int, help="count only so many rows, and scale")
        for names, settings in options:
            parser.add_argument(*names, **settings)
        self.args = parser.parse_args()
        self.corpus = corpora.load(self.args.corpus)
        images = self.corpus.images
        self.complete = self.args.rows is None or self.args.rows >= images
        count = images if self.complete else self.args.rows
        self.rows = [(2 * k + 1) * images // (2 * count) for k in range(count)]
        self.cpu = {}
        self.line = {
            "engine": engine,
            "version": version,
            "python": platform.python_version(),
            "corpus": pathlib.Path(self.args.corpus).name,
            "images": images,
            "paths": self.corpus.paths,
            "entries": len(self.corpus.ids),
            "rows": count,
            "complete": self.complete,
        }
        self.common_sum = self.common_hash = 0
        self.forget_memory()

    def forget_memory(self):
        """Takes what is held now as the input, and starts the peak anew.

        Reading the corpus has a peak of its own, and leaves free memory in the heap; neither may hide
        what the opponent takes.
        """
        gc.collect()
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
        with contextlib.suppress(OSError):
            pathlib.Path("/proc/self/clear_refs").write_text("5")
        self.loaded_bytes = _status_bytes("VmRSS")

    def grown_bytes(self):
        """By how much resident memory grew since the input was loaded."""
        return max(_status_bytes("VmRSS") - self.loaded_bytes, 0)

    @contextlib.contextmanager
    def phase(self, name):
        """Adds the CPU time of all threads within to a phase."""
        start = time.process_time()
        yield
        self.cpu[name] = self.cpu.get(name, 0.0) + time.process_time() - start

    def others(self, row):
        """The images that a row is counted against."""
        images = self.corpus.images
        if self.complete:
            return range(row + 1, images)
        return [image for image in range(images) if image != row]

    def pairs(self):
        images = self.corpus.images
        return images * (images - 1) // 2

    def scale(self):
        """By what the measured pairs must be multiplied to be all pairs."""
        return 1.0 if self.complete else self.pairs() / (len(self.rows) * (self.corpus.images - 1))

    def stop_memory(self):
        """Notes the peak; what follows, such as checks, does not count."""
        peak = _status_bytes("VmHWM") - self.loaded_bytes
        self.line.setdefault("peak_over_input_bytes", max(peak, 0))

    def exact_counts(self):
        """Row by row the exact common counts with all images, by scipy, for the opponents that estimate."""
        from scipy import sparse

        matrix = csr(self.corpus, sparse)
        transposed = matrix.T.tocsr()
        for start in range(0, len(self.rows), 64):
            block = (matrix[self.rows[start : start + 64]] @ transposed).toarray()
            yield from zip(self.rows[start : start + 64], block)

    def judge_dice(self, estimates):
        """The errors of estimated Dice similarities; `estimates[k]` are row k against its others."""
        self.stop_memory()
        sizes = self.corpus.sizes
        errors = []
        for (row, common), estimate in zip(self.exact_counts(), estimates):
            others = np.fromiter(self.others(row), np.int64)
            total = sizes[row] + sizes[others]
            exact = np.where(total > 0, 2.0 * common[others] / np.maximum(total, 1), 1.0)
            errors.append(np.abs(exact - np.asarray(estimate, float)))
        errors = np.concatenate(errors)
        shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
        self.line["exact"] = False
        self.line["dice_error"] = {
            "mean": round(float(errors.mean()), 5),
            **{name: round(float(np.quantile(errors, share)), 5) for name, share in shares.items()},
            "max": round(float(errors.max()), 5),
        }

    def add_row(self, row, common):
        """Takes the exact common counts of a row with its `others`."""
        others = np.fromiter(self.others(row), np.int64)
        self.add_pairs(np.full(len(others), row), others, np.asarray(common))

    def add_pairs(self, left, right, common):
        """Takes exact common counts of pairs of images, in any order."""
        self.common_sum += int(common.sum())
        self.common_hash = (self.common_hash + weighed(left, right, common)) % 2**64

    def tell_sums(self):
        """The sum and hash of the counts that were added: over i < j, or over the counted rows.

        A sum alone would not see counts that stand in each other's place.
        """
        self.line["exact"] = True
        self.line["common_sum"] = self.common_sum
        self.line["common_hash"] = self.common_hash

    def finish(self, factor=1.0, **more):
        """Prints the line; `factor` corrects the scaling of opponents that count pairs twice."""
        self.stop_memory()
        self.line["cpu_seconds"] = {name: round(seconds, 4) for name, seconds in self.cpu.items()}
        scaled = dict(self.cpu)
        if "pairs" in scaled:
            scaled["pairs"] *= self.scale() * factor
        self.line["total_cpu_seconds"] = round(sum(scaled.values()), 4)
        self.line["total_is_scaled"] = not self.complete and "pairs" in scaled
        print(json.dumps({**self.line, **more}), flush=True)


def csr(corpus, sparse):
    """The 0-1 matrix of a corpus, image by path."""
    ones = np.ones(len(corpus.ids), np.int32)
    shape = (corpus.images, corpus.paths)
    return sparse.csr_matrix((ones, corpus.ids.astype(np.int32), corpus.offsets), shape=shape)


def hash64(ids):
    """Well mixed 64-bit hashes of ids, by the finalizer of SplitMix64 (Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        mixed = ids.astype(np.uint64) + np.uint64(1)
        mixed *= np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def weighed(left, right, common):
    """The sum of counts, each times the hash of its pair, modulo 2^64: the same in any order."""
    pairs = np.minimum(left, right).astype(np.uint64) << np.uint64(32)
    pairs |= np.maximum(left, right).astype(np.uint64)
    with np.errstate(over="ignore"):
        return int((common.astype(np.uint64) * hash64(pairs)).sum(dtype=np.uint64))


def _status_bytes(field):
    """A field of the memory status of this process; 0 where the system does not tell."""
    if not os.path.exists("/proc/self/status"):
        return 0
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    return 0
