"""Corpus files as numpy arrays: the full sets of all images, one behind the other.

`crates/oskin-bench/src/corpus.rs` describes the format; this reads and writes the same bytes.
"""
import dataclasses
import pathlib

import numpy as np

MAGIC = 0x434B534F
VERSION = 1
NO_PARENT = 0xFFFFFFFF


@dataclasses.dataclass
class Corpus:
    """Image `i` has the ascending ids `ids[offsets[i]:offsets[i + 1]]`."""

    paths: int
    offsets: np.ndarray  # int64, one more than there are images
    ids: np.ndarray  # uint32

    @property
    def images(self):
        return len(self.offsets) - 1

    @property
    def sizes(self):
        return np.diff(self.offsets)

    def set(self, image):
        return self.ids[self.offsets[image] : self.offsets[image + 1]]


def load(file):
    """All images of a corpus file."""
    return _load(file, None)


def load_queries(file, corpus):
    """The queries that were made for `corpus`, from beside its file."""
    return _load(f"{file}.queries", corpus)


def load_paths(file):
    """The texts of the paths by id, from beside the file; directories end with a slash."""
    # Only few opponents look at texts, so the others need not have this library.
    import zstandard

    with open(f"{file}.paths", "rb") as compressed:
        text = zstandard.ZstdDecompressor().stream_reader(compressed).read()
    return text.split(b"\n")[:-1]


def save(file, paths, images):
    """Writes images without parents; `images` are arrays of ascending ids."""
    parts = [np.array([MAGIC, VERSION, len(images), paths], np.uint32)]
    for ids in images:
        runs = _runs_of(ids)
        parts.append(np.array([NO_PARENT, len(runs), 0], np.uint32))
        parts.append(runs.ravel())
    np.concatenate(parts).astype("<u4").tofile(file)


def save_paths(file, texts):
    """Writes the texts of the paths beside the corpus file."""
    import zstandard

    text = b"".join(text + b"\n" for text in texts)
    pathlib.Path(f"{file}.paths").write_bytes(zstandard.compress(text, 10))


def _load(file, ancestors):
    words = np.fromfile(file, "<u4")
    if len(words) < 4 or words[0] != MAGIC or words[1] != VERSION:
        raise SystemExit(f"{file}: no corpus file of version {VERSION}")
    count, paths = int(words[2]), int(words[3])
    sets = []
    empty = np.empty(0, np.uint32)
    at = 4
    for _ in range(count):
        parent, added, removed = (int(word) for word in words[at : at + 3])
        middle = at + 3 + 2 * added
        end = middle + 2 * removed
        if parent == NO_PARENT:
            ids = empty
        else:
            ids = ancestors.set(parent) if ancestors else sets[parent]
        sets.append(_apply(ids, _expand(words[at + 3 : middle]), _expand(words[middle:end])))
        at = end
    if at != len(words):
        raise SystemExit(f"{file}: {len(words) - at} words more or fewer than its images take")
    offsets = np.zeros(count + 1, np.int64)
    np.cumsum([len(ids) for ids in sets], out=offsets[1:])
    return Corpus(paths, offsets, np.concatenate(sets) if sets else empty)


def _expand(pairs):
    """The ids of runs that stand as first, len, first, len."""
    firsts, lens = pairs[0::2].astype(np.int64), pairs[1::2].astype(np.int64)
    starts = np.cumsum(lens) - lens
    return (np.repeat(firsts - starts, lens) + np.arange(lens.sum())).astype(np.uint32)


def _runs_of(ids):
    """The pairs (first, len) of ascending ids."""
    ids = np.asarray(ids, np.int64)
    starts = np.flatnonzero(np.diff(ids, prepend=-2) != 1)
    lens = np.diff(starts, append=len(ids))
    return np.stack([ids[starts], lens], axis=1).astype(np.uint32)


def _apply(ids, added, removed):
    if len(removed):
        places = np.searchsorted(ids, removed)
        # A delta that removes what is not there would silently remove a neighbour.
        if places[-1] >= len(ids) or not np.array_equal(ids[places], removed):
            raise SystemExit("an image removes a path that its parent has not")
        ids = np.delete(ids, places)
    if len(added):
        # The stable sort sees two ascending halves and merges them in linear time.
        ids = np.sort(np.concatenate([ids, added]), kind="stable")
        if len(ids) > 1 and not (ids[1:] > ids[:-1]).all():
            raise SystemExit("an image adds a path that its parent has")
    return ids
