#!/usr/bin/env python3
"""Writes the OCI image layout of the sample systems: layers, configs, manifests, index.

`build.sh` prepares the root file systems with overlay mounts and calls this for everything
that has to be byte for byte the same when the input is: the tar members are sorted, their
times are clamped, user names are left out, and gzip carries no time. Standard library only.

  oci.py layer  LAYOUT UPPER LOWER EPOCH       one layer from an overlay's upper directory
  oci.py image  LAYOUT NAME OPS PARENT ARCH    config and manifest from a list of instructions
  oci.py index  LAYOUT NAME...                 index.json with these images, in this order
  oci.py layers LAYOUT                         tar members of every layer of every image, as TSV
"""

import datetime
import hashlib
import json
import os
import stat
import sys
import tarfile
import zlib

OPAQUE_MARKER = ".wh..wh..opq"
WHITEOUT_PREFIX = ".wh."
READ_SIZE_BYTES = 1 << 20
GZIP_WINDOW_BITS = 31
MEDIA_CONFIG = "application/vnd.oci.image.config.v1+json"
MEDIA_INDEX = "application/vnd.oci.image.index.v1+json"
MEDIA_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
MEDIA_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
REF_NAME = "org.opencontainers.image.ref.name"


class GzipBlob:
    """A write-only file that compresses what it gets and knows both digests at the end."""

    def __init__(self, path):
        self.file = open(path, "wb")
        self.deflate = zlib.compressobj(6, zlib.DEFLATED, GZIP_WINDOW_BITS)
        self.plain_sha256 = hashlib.sha256()
        self.packed_sha256 = hashlib.sha256()
        self.size_bytes = 0

    def _emit(self, packed):
        self.packed_sha256.update(packed)
        self.size_bytes += len(packed)
        self.file.write(packed)

    def write(self, plain):
        self.plain_sha256.update(plain)
        self._emit(self.deflate.compress(plain))
        return len(plain)

    def close(self):
        self._emit(self.deflate.flush())
        self.file.close()


def is_overlay_whiteout(status):
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def is_overlay_opaque(path):
    try:
        return os.getxattr(path, "trusted.overlay.opaque", follow_symlinks=False) == b"y"
    except OSError:
        return False


def hides_something(upper_path, lower_path):
    """Overlay marks nearly every new directory as opaque; only those that hide a directory of
    the layers below need a marker in the tar, which is also what the container engines write."""
    return (
        is_overlay_opaque(upper_path)
        and os.path.isdir(lower_path)
        and not os.path.islink(lower_path)
    )


def bare_member(name, epoch):
    member = tarfile.TarInfo(name)
    member.mtime = epoch
    member.mode = 0o600
    return member


def add_member(tar, path, name, epoch):
    member = tar.gettarinfo(path, arcname=name)
    if member is None:
        return  # A socket: tar has no member type for it, and no engine keeps it.
    member.uname = member.gname = ""
    member.mtime = min(int(member.mtime), epoch)
    if member.isreg():
        with open(path, "rb") as content:
            tar.addfile(member, content)
    else:
        tar.addfile(member)


def add_directory(tar, upper, lower, name, epoch):
    """Adds what lies under `name`, sorted by name, each directory before what it holds."""
    here = os.path.join(upper, name)
    for child in sorted(os.listdir(here), key=os.fsencode):
        child_name = os.path.join(name, child)
        path = os.path.join(upper, child_name)
        status = os.lstat(path)
        if is_overlay_whiteout(status):
            tar.addfile(bare_member(os.path.join(name, WHITEOUT_PREFIX + child), epoch))
            continue
        add_member(tar, path, child_name, epoch)
        if stat.S_ISDIR(status.st_mode):
            if hides_something(path, os.path.join(lower, child_name)):
                tar.addfile(bare_member(os.path.join(child_name, OPAQUE_MARKER), epoch))
            add_directory(tar, upper, lower, child_name, epoch)


def write_layer(layout, upper, lower, epoch):
    """Packs an upper directory into a gzip layer blob and prints digest, diff id and size.

    `lower` shows the layers below as one tree, or is an empty directory for a base layer."""
    blobs = os.path.join(layout, "blobs", "sha256")
    os.makedirs(blobs, exist_ok=True)
    partial = os.path.join(layout, "blobs", f"partial-{os.getpid()}")
    blob = GzipBlob(partial)
    with tarfile.open(fileobj=blob, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        add_directory(tar, upper, lower, "", epoch)
    blob.close()
    digest = blob.packed_sha256.hexdigest()
    os.replace(partial, os.path.join(blobs, digest))
    print(f"sha256:{digest} sha256:{blob.plain_sha256.hexdigest()} {blob.size_bytes}")


def put_json(layout, value):
    data = json.dumps(value, indent=1, sort_keys=True).encode() + b"\n"
    digest = hashlib.sha256(data).hexdigest()
    with open(os.path.join(layout, "blobs", "sha256", digest), "wb") as blob:
        blob.write(data)
    return f"sha256:{digest}", len(data)


def get_json(layout, digest):
    with open(os.path.join(layout, "blobs", *digest.split(":")), "rb") as blob:
        return json.load(blob)


def descriptor_path(layout, name):
    return os.path.join(layout, ".work", "images", name + ".json")


def load_parent(layout, parent, arch):
    """Config and layer descriptors to start from: the parent's, or those of `FROM scratch`."""
    if parent == "-":
        config = {
            "architecture": arch,
            "os": "linux",
            "config": {},
            "history": [],
            "rootfs": {"type": "layers", "diff_ids": []},
        }
        return config, [], None
    with open(descriptor_path(layout, parent), encoding="utf-8") as file:
        parent_digest = json.load(file)["digest"]
    manifest = get_json(layout, parent_digest)
    return get_json(layout, manifest["config"]["digest"]), manifest["layers"], parent_digest


def timestamp(epoch):
    moment = datetime.datetime.fromtimestamp(int(epoch), datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def set_env(config, assignment):
    key = assignment.split("=", 1)[0] + "="
    config["Env"] = [old for old in config.get("Env", []) if not old.startswith(key)]
    config["Env"].append(assignment)


def apply_setting(config, verb, value):
    """Applies one instruction that adds no layer, with the meaning that it has in a Dockerfile."""
    if verb == "ENV":
        set_env(config, value)
    elif verb == "LABEL":
        key, text = value.split("=", 1)
        config.setdefault("Labels", {})[key] = text
    elif verb == "EXPOSE":
        config.setdefault("ExposedPorts", {})[value] = {}
    elif verb == "VOLUME":
        config.setdefault("Volumes", {})[value] = {}
    elif verb == "ENTRYPOINT":
        config["Entrypoint"] = json.loads(value)
        config.pop("Cmd", None)
    elif verb == "CMD":
        config["Cmd"] = json.loads(value)
    else:
        field = {"USER": "User", "WORKDIR": "WorkingDir", "STOPSIGNAL": "StopSignal"}[verb]
        config[field] = value


def write_image(layout, name, ops_path, parent, arch):
    """Writes config and manifest of one image and keeps its descriptor for `index`.

    Each line of the instruction list is `EPOCH<tab>VERB<tab>VALUE`; for `LAYER` the value is
    `digest diff-id size created-by...`, for `ANNOTATION` it is `key=value` of the manifest."""
    config, layers, parent_digest = load_parent(layout, parent, arch)
    layers = list(layers)
    annotations = {}
    with open(ops_path, encoding="utf-8") as ops:
        instructions = [line.rstrip("\n").split("\t", 2) for line in ops]
    for epoch, verb, value in instructions:
        config["created"] = timestamp(epoch)
        event = {"created": config["created"]}
        if verb == "ANNOTATION":
            key, text = value.split("=", 1)
            annotations[key] = parent_digest if text == "@parent-digest" else text
            continue
        if verb == "LAYER":
            digest, diff_id, size_bytes, created_by = value.split(" ", 3)
            layers.append({"mediaType": MEDIA_LAYER, "digest": digest, "size": int(size_bytes)})
            config["rootfs"]["diff_ids"].append(diff_id)
            event["created_by"] = created_by
        else:
            apply_setting(config["config"], verb, value)
            event["created_by"] = f"{verb} {value}"
            event["empty_layer"] = True
        config["history"].append(event)
    config_digest, config_bytes = put_json(layout, config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": MEDIA_MANIFEST,
        "config": {"mediaType": MEDIA_CONFIG, "digest": config_digest, "size": config_bytes},
        "layers": layers,
    }
    if annotations:
        manifest["annotations"] = annotations
    digest, size_bytes = put_json(layout, manifest)
    descriptor = {
        "mediaType": MEDIA_MANIFEST,
        "digest": digest,
        "size": size_bytes,
        "platform": {"architecture": arch, "os": "linux"},
        "annotations": {REF_NAME: name},
    }
    path = descriptor_path(layout, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(descriptor, file)


def write_index(layout, names):
    """Writes the index and removes the blobs that no image of it needs any more."""
    descriptors = []
    wanted = set()
    for name in names:
        with open(descriptor_path(layout, name), encoding="utf-8") as file:
            descriptors.append(json.load(file))
        manifest = get_json(layout, descriptors[-1]["digest"])
        wanted.add(descriptors[-1]["digest"])
        wanted.add(manifest["config"]["digest"])
        wanted.update(layer["digest"] for layer in manifest["layers"])
    index = {"schemaVersion": 2, "mediaType": MEDIA_INDEX, "manifests": descriptors}
    with open(os.path.join(layout, "oci-layout"), "w", encoding="utf-8") as file:
        file.write('{"imageLayoutVersion": "1.0.0"}\n')
    partial = os.path.join(layout, "index.json.partial")
    with open(partial, "w", encoding="utf-8") as file:
        json.dump(index, file, indent=1, sort_keys=True)
        file.write("\n")
    os.replace(partial, os.path.join(layout, "index.json"))
    blobs = os.path.join(layout, "blobs", "sha256")
    for digest in os.listdir(blobs):
        if "sha256:" + digest not in wanted:
            os.remove(os.path.join(blobs, digest))


def count_members(path):
    """Members of one layer by kind; `deleted` counts whiteouts and opaque markers."""
    counts = {"regular": 0, "hardlinks": 0, "symlinks": 0, "dirs": 0, "other": 0, "deleted": 0}
    plain_bytes = 0
    with tarfile.open(path, "r|gz") as tar:
        for member in tar:
            if os.path.basename(member.name).startswith(WHITEOUT_PREFIX):
                counts["deleted"] += 1
            elif member.isreg():
                counts["regular"] += 1
                plain_bytes += member.size
            elif member.islnk():
                counts["hardlinks"] += 1
            elif member.issym():
                counts["symlinks"] += 1
            elif member.isdir():
                counts["dirs"] += 1
            else:
                counts["other"] += 1
    return counts, plain_bytes


def list_layers(layout):
    """Prints one row per layer of the layout, under the first image that has it."""
    kinds = ["regular", "hardlinks", "symlinks", "dirs", "other", "deleted"]
    print("\t".join(["layer", "first_image", "blob_bytes", "content_bytes"] + kinds))
    with open(os.path.join(layout, "index.json"), encoding="utf-8") as file:
        index = json.load(file)
    seen = set()
    for descriptor in index["manifests"]:
        for layer in get_json(layout, descriptor["digest"])["layers"]:
            if layer["digest"] in seen:
                continue
            seen.add(layer["digest"])
            counts, plain_bytes = count_members(
                os.path.join(layout, "blobs", *layer["digest"].split(":"))
            )
            row = [layer["digest"], descriptor["annotations"][REF_NAME], layer["size"], plain_bytes]
            print("\t".join(str(cell) for cell in row + [counts[kind] for kind in kinds]))


def main(arguments):
    command, rest = arguments[0], arguments[1:]
    if command == "layer":
        write_layer(rest[0], rest[1], rest[2], int(rest[3]))
    elif command == "image":
        write_image(*rest)
    elif command == "index":
        write_index(rest[0], rest[1:])
    elif command == "layers":
        list_layers(rest[0])
    else:
        sys.exit(f"oci.py: unknown command {command}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1:])
