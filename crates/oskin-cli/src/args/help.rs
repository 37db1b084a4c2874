//! What stands behind the help of commands, where it is long. A break of a line is one only where clap
//! is not to wrap: it wraps at the width of the terminal.

/// Behind the help of `oskin` itself.
pub(super) const AFTER_HELP: &str = "\
An IMAGE is a name in the catalog (see `oskin ls`), or a location to be read:
  docker-archive:FILE[:REF]  what `docker save` or `podman save` wrote
  oci:DIR[:REF]              an OCI image layout
  oci-archive:FILE[:REF]     the same in a tar
  docker://[HOST/]NAME[:TAG][@DIGEST]
                             an image in a registry
  docker-daemon:NAME         an image of the local Docker engine (DOCKER_HOST)
  containers-storage:NAME    an image in the store of podman, buildah or CRI-O; also podman:NAME
  sif:FILE                   an image of Singularity or Apptainer
  disk:FILE                  a disk or disk image: raw, qcow2; ext2/3/4, EROFS, squashfs, ISO 9660
  squashfs: erofs: iso: cpio:FILE
                             one file system, or an initramfs
  rootfs:DIR                 a root directory
  tar:FILE                   a tar of a root directory
  host:                      the running system
  paths:FILE                 paths by line or NUL; - is standard input
  oski:FILE                  inventories that `oskin export` wrote
  sbom:FILE                  packages by CycloneDX or SPDX JSON; - is standard input
A bare path is recognized by its content. REF may be @N: the image at index N.

Exit codes: 0 done (compare, paths: same); 1 compare, paths: they differ, find: in no image, \
check: violations found, a gate failed; 2 usage or trouble; 3 some inputs could not be read, the rest was done.

$XDG_CONFIG_HOME/oskin/config.toml may set catalog, color, platform and [limits]; a flag comes first, \
then the environment, then that file.";

/// Behind that of `oskin add`.
pub(super) const ADD_HELP: &str = "\
A list has one source a line, as it would be typed, or a source, a tab and a name. Blank lines and \
those that begin with # do not count. What is added, and what is told of it, does not depend on \
--jobs.

An image whose name and digests the catalog has is unchanged and is not read, so that the same \
command goes on where it was stopped. Another image of a name is an error, or with --replace takes \
the place of the one that is there: tags move.";

/// Behind that of `oskin classify`.
pub(super) const CLASSIFY_HELP: &str = "\
WALK goes from the base down to the image: FILES are added at each step, GONE are those of the \
step before that are not there any more, SIZE is of the image's own.

A BETTER BASE would spare FILES SAVED of what the image adds to its parent; FOREIGN FILES are \
those that it would bring along.

Of the NEAREST, ADDED is what the image has and the other has not, MISSING what it lacks; IN IT is \
the share of the image's paths that the other has, OF IT the share of the other's that the image has.

The catalog tells each image by the closest that was there before it; --walk-down follows these \
ways from their starts, the most promising first, until no other image can be nearer.";

/// Behind that of `oskin paths`.
pub(super) const PATHS_HELP: &str = "\
A path is version-shifted if it is the same but for versions, moved if its name is in another directory, \
renamed if another name is in its directory. Directories that went as a whole come first: PAIRS went with \
them, REMOVED and ADDED are what is below them without a counterpart.

Files of the same content and directories with the same files are pairs whatever --min-similarity says. \
-o tsv writes all pairs, one a line; -o json also what is removed and added.";
