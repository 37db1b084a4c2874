#!/usr/bin/env bash
# Builds the sample systems: real Debian root file systems, layered like container images, with
# parents that are known because this script made them. The recipes are in family.sh, the
# writing of the OCI image layout is in oci.py, and README.md lists what comes out.
#
#   samples/build.sh OUT        (as root, on a Debian machine with overlayfs; about 6 GB in OUT)
#
# OUT becomes an OCI image layout with one reference per image, beside it
#   OUT/truth.tsv    image, parent ("-" = none), what it is a release of, which, its software (words with , between), note
#   OUT/counts.tsv   entries of every image as umoci unpacks it: a second opinion for readers
#   OUT/packages.tsv what is installed, as dpkg-query and others tell it (packages.py)
#   OUT/layers.tsv   tar members of every layer
#   OUT/.work        the layer cache: may be deleted when the layout is finished
# Run it again to resume: a layer is built once for the same steps on the same layers below.
# The mirror is the one that the machine's own apt uses, or MIRROR of the environment. No host name
# gets into an image.
set -euo pipefail

if [[ $# -ne 1 || $1 == -* ]]; then
  echo "usage: $0 OUT" >&2
  exit 2
fi
if [[ $(id -u) -ne 0 ]]; then
  echo "$0: must be root: it mounts overlays and runs package scripts in a chroot" >&2
  exit 2
fi

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Own namespaces: no mount outlives the script however it ends, a daemon that a package starts
# ends with it, and no package writes this machine's name into a file.
if [[ ${SAMPLES_INSIDE:-} != yes ]]; then
  export SAMPLES_INSIDE=yes
  exec nice -n 5 unshare --mount --uts --pid --fork --kill-child --mount-proc \
    --propagation private -- "$here/build.sh" "$1"
fi
hostname samples

mkdir -p "$1"
out=$(cd "$1" && pwd)
work=$out/.work
empty=$work/empty
mkdir -p "$work"/{layers,images,apt,counts,mount} "$empty"

export LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true
export PYTHONDONTWRITEBYTECODE=1 TZ=UTC
umask 022

# The moment at which the family was "built", and the later one of the rebuilt image. Times in
# the layers are clamped to it, so that a second run gives the same bytes from the same packages.
readonly EPOCH_FIRST=1782864000 EPOCH_LATER=1788220800

log=/dev/null
trap 'echo "$0: line $LINENO failed; the end of $log:" >&2; tail -n 20 "$log" >&2' ERR
set -E

say() { printf '%(%H:%M:%S)T %s\n' -1 "$*"; }

# --- what the machine must offer ---------------------------------------------------------------

install_tools() {
  local missing=() package
  for package in mmdebstrap umoci python3 debian-archive-keyring; do
    dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed ||
      missing+=("$package")
  done
  [[ ${#missing[@]} -eq 0 ]] && return
  say "installing ${missing[*]}"
  apt-get install -q -y --no-install-recommends "${missing[@]}" >"$work/apt/tools.log" 2>&1
}

# The first Debian archive of the machine's own sources that is not the security one.
find_mirror() {
  # shellcheck disable=SC2016 # apt expands these, not the shell
  apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "Debian" { print $2; exit }'
}

# --- apt and dpkg from outside -----------------------------------------------------------------

# An apt configuration of its own per suite: lists and downloads stay outside of the images, and
# nothing of the machine's configuration leaks in but its proxy.
prepare_apt() {
  local suite=$1 dir=$work/apt/$1 check=""
  mkdir -p "$dir"/{lists/partial,archives/partial,log}
  # The rolling suites may be served with a release file that is past its date.
  [[ $suite == sid || $suite == forky ]] && check=" check-valid-until=no"
  printf 'deb [signed-by=%s%s] %s %s main\n' \
    /usr/share/keyrings/debian-archive-keyring.gpg "$check" "$mirror" "$suite" >"$dir/sources.list"
  {
    cat <<CONF
APT::Architecture "$(dpkg --print-architecture)";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Log "$dir/log";
Dir::State::lists "$dir/lists";
Dpkg::Use-Pty "false";
DPkg::Options { "--force-unsafe-io"; "--force-confold"; };
CONF
    apt-config dump Acquire | grep -i '::proxy' || true
  } >"$dir/apt.conf"
  [[ -e $dir/updated ]] && return
  say "$suite: reading the package lists"
  APT_CONFIG=$dir/apt.conf apt-get -q -q update
  touch "$dir/updated"
}

# apt of this machine, dpkg of the image: needs no network and no mirror inside.
apt_install() {
  local suite=$1 dir=$work/apt/$1 policy=$root/usr/sbin/policy-rc.d
  shift
  mount --bind "$dir/archives" "$root/var/cache/apt/archives"
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  APT_CONFIG=$dir/apt.conf SOURCE_DATE_EPOCH=$epoch apt-get -q -q -y \
    -o Dir::State::status="$root/var/lib/dpkg/status" \
    -o Dir::State::extended_states="$root/var/lib/apt/extended_states" \
    -o Dir::Cache::archives="$root/var/cache/apt/archives" \
    -o DPkg::Chroot-Directory="$root" install "$@" >>"$log" 2>&1
  rm "$policy"
  umount "$root/var/cache/apt/archives"
}

in_root() {
  env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
    LC_ALL=C.UTF-8 SOURCE_DATE_EPOCH="$epoch" chroot "$root" /bin/sh -euc "$1" >>"$log" 2>&1
}

# --- what a layer can be made of: each fills $root ---------------------------------------------

# A minimal Debian, as slim as the usual container images: no documentation, no translations.
fill_base() {
  local suite=$1 drop
  drop=(--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright')
  drop+=(--dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*')
  drop+=(--dpkgopt='path-exclude=/usr/share/info/*' --dpkgopt='path-exclude=/usr/share/lintian/*')
  drop+=(--dpkgopt='path-exclude=/usr/share/groff/*' --dpkgopt='path-exclude=/usr/share/linda/*')
  SOURCE_DATE_EPOCH=$epoch mmdebstrap --quiet --mode=root \
    --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' "${drop[@]}" \
    "$suite" "$root" "$mirror" >>"$log" 2>&1
  rm -rf "${root:?}"/dev/* "${root:?}"/run/* "${root:?}"/tmp/*
  rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/apt.conf.d/99mmdebstrap
  rm -f "$root"/etc/hostname "$root"/etc/resolv.conf "$root"/etc/hosts
  # Package scripts register manual pages as alternatives and fail where the directories miss.
  mkdir -p "$root"/usr/share/man/man{1..8} "$root"/var/cache/apt/archives/partial
}

fill_apt() { apt_install "${image%%-*}" "$@"; }

# Packages, then a script in the same layer, so that what it removes was never in the image.
fill_apt_then() {
  local script=$1
  shift
  apt_install "${image%%-*}" "$@"
  in_root "$script"
}

fill_run() { in_root "$1"; }

# The second argument is a digest of the files: it is there to be part of the layer's key.
fill_put() {
  local from=$here/files/$1 to=$root$3
  rm -rf "$work/staged"
  cp -R "$from" "$work/staged"
  find "$work/staged" -exec touch -d "@$epoch" {} +
  mkdir -p "$to"
  cp -a "$work/staged/." "$to/"
}

# Everything that another image shows, as one layer.
fill_flat() {
  local -a lowers_here=("${lowers[@]}")
  mapfile -t lowers <"$work/images/$1.lowers"
  mount_view "$work/mount/view"
  cp -a "$work/mount/view/." "$root/"
  umount "$work/mount/view"
  lowers=("${lowers_here[@]}")
}

# A root file system that holds one static program and its names.
fill_busybox() {
  local dir=$work/apt/$1 staged=$work/staged applet
  rm -rf "$staged"
  mkdir -p "$staged" "$root"/{bin,etc,home,tmp}
  chmod 1777 "$root/tmp"
  (cd "$staged" && APT_CONFIG=$dir/apt.conf apt-get -q -q download busybox-static >>"$log" 2>&1)
  dpkg-deb -x "$staged"/busybox-static_*.deb "$staged"
  find "$staged" -path '*bin/busybox' -exec mv {} "$root/bin/busybox" \;
  "$root/bin/busybox" --list | while read -r applet; do
    [[ $applet == busybox ]] || ln -s busybox "$root/bin/$applet"
  done
  printf 'root:x:0:0:root:/:/bin/sh\nwww:x:1000:1000::/home:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\nwww:x:1000:\n' >"$root/etc/group"
}

# --- layers ------------------------------------------------------------------------------------

# Shows the layers of `lowers` (topmost first) as one read-only tree.
mount_view() {
  mkdir -p "$1"
  case ${#lowers[@]} in
    0) mount --bind "$empty" "$1" ;;
    1) mount --bind "$work/layers/${lowers[0]}/upper" "$1" ;;
    *) mount -t overlay overlay -o "ro,lowerdir=$(lower_dirs)" "$1" ;;
  esac
}

lower_dirs() {
  local key joined=""
  for key in "${lowers[@]}"; do joined+=:$work/layers/$key/upper; done
  printf %s "${joined#:}"
}

# What a build leaves behind by accident: logs, caches that hold times, backups of databases.
tidy_root() {
  rm -f "$root"/var/log/{dpkg,alternatives,bootstrap,fontconfig}.log "$root"/var/log/apt/*
  rm -f "$root"/var/cache/debconf/*-old "$root"/var/lib/dpkg/*-old "$root"/var/cache/apt/*.bin
  rm -f "$root"/var/cache/ldconfig/aux-cache "$root"/var/lib/apt/lists/*_*
}

build_layer() {
  local dir=$1 fill=$2
  shift 2
  rm -rf "$dir"
  mkdir -p "$dir"/{upper,overlay,root}
  if [[ ${#lowers[@]} -eq 0 ]]; then
    root=$dir/upper
    "$fill" "$@"
    tidy_root
  else
    root=$dir/root
    mount -t overlay overlay "$root" -o "lowerdir=$(lower_dirs),upperdir=$dir/upper" \
      -o "workdir=$dir/overlay,index=off,redirect_dir=off,metacopy=off,volatile"
    [[ -d $root/proc ]] && mount -t proc proc "$root/proc"
    [[ -d $root/dev ]] && mount --bind /dev "$root/dev"
    "$fill" "$@"
    [[ -d $root/dev ]] && umount "$root/dev"
    [[ -d $root/proc ]] && umount "$root/proc"
    tidy_root
    umount "$root"
  fi
  mount_view "$work/mount/lower"
  python3 "$here/oci.py" layer "$out" "$dir/upper" "$work/mount/lower" "$epoch" >"$dir/blob.partial"
  umount "$work/mount/lower"
  rm -rf "$dir/overlay" "$dir/root"
  mv "$dir/blob.partial" "$dir/blob"
}

have_layer() {
  local digest
  [[ -s $1/blob ]] || return 1
  read -r digest _ <"$1/blob"
  [[ -s $out/blobs/sha256/${digest#sha256:} ]]
}

# add_layer CREATED_BY FILL ARGUMENT... puts one layer on the image, from the cache if it is there.
add_layer() {
  local created_by key dir started=$SECONDS
  created_by=$(tr -s ' \n' ' ' <<<"$1")
  created_by=${created_by% }
  shift
  key=$(printf '%s\0' "${lowers[@]}" "$epoch" "$@" | sha256sum | cut -c 1-12)
  dir=$work/layers/$key
  log=$work/layers/$key.log
  if ! have_layer "$dir"; then
    build_layer "$dir" "$@"
    say "$image: $created_by: $(du -sm "$dir/upper" | cut -f 1) MB, $((SECONDS - started)) s" |
      cut -c 1-150
  fi
  lowers=("$key" "${lowers[@]}")
  record LAYER "$(<"$dir/blob") $created_by"
}

record() { printf '%s\t%s\t%s\n' "$epoch" "$1" "$2" >>"$ops"; }

# --- the words of the recipes ------------------------------------------------------------------

# from PARENT NAME: starts an image; `-` is FROM scratch.
from() {
  parent=$1 image=$2 epoch=$EPOCH_FIRST ops=$work/images/$2.ops
  lowers=()
  [[ $parent == - ]] || mapfile -t lowers <"$work/images/$parent.lowers"
  : >"$ops"
}
base() { add_layer "mmdebstrap --variant=minbase $1" fill_base "$1"; }
install() { add_layer "RUN apt-get install -y --no-install-recommends $*" fill_apt "$@"; }
install_then() {
  add_layer "RUN apt-get install -y --no-install-recommends ${*:2} && $1" fill_apt_then "$@"
}
run() { add_layer "RUN $1" fill_run "$1"; }
put() {
  local digest
  digest=$(cd "$here/files/$1" && find . -type f | sort | xargs sha256sum | sha256sum)
  add_layer "COPY $1 $2" fill_put "$1" "${digest%% *}" "$2"
}
flatten() { add_layer "flattened from $1" fill_flat "$1" "$(<"$work/images/$1.lowers")"; }
setting() { record "$1" "$2"; }
later() { epoch=$EPOCH_LATER; }

# from_flat OF PARENT NAME: starts an image with one layer that shows what OF shows. It shares no
# layer with anything, so its PARENT can only be known by content.
from_flat() {
  from - "$3"
  flatten "$1"
  parent=$2 config_from=-
}

# What the images are that measures are judged by: releases of one system, and the same software on
# several of them. Prints release_family, release and software.
answers() {
  local release=-
  case ${1%%-*} in
    bullseye) release=11 ;; bookworm) release=12 ;; trixie) release=13 ;; forky) release=14 ;; sid) release=15 ;;
  esac
  case ${1#*-} in
    base) printf 'debian\t%s\t-' "$release" ;;
    python | nginx | node | php | redis | tomcat | r | perl) printf -- '-\t-\t%s' "${1#*-}" ;;
    postgres) printf -- '-\t-\tpostgres,postgresql' ;;
    java) printf -- '-\t-\tjava,openjdk' ;;
    go) printf -- '-\t-\tgo,golang' ;;
    build) printf -- '-\t-\tgcc,build-essential' ;;
    apache) printf -- '-\t-\tapache,apache2,httpd' ;;
    lamp) printf -- '-\t-\tmariadb,mysql' ;;
    webapp-nginx) printf -- '-\t-\twebapp,nginx' ;;
    webapp*) printf -- '-\t-\twebapp' ;;
    *) printf -- '-\t-\t-' ;;
  esac
}

# done_image NOTE: writes config and manifest, and the image's line of the truth.
done_image() {
  printf '%s\n' "${lowers[@]}" >"$work/images/$image.lowers"
  python3 "$here/oci.py" image "$out" "$image" "$ops" "${config_from:-$parent}" "$arch"
  printf '%s\t%s\t%s\t%s\n' "$image" "$parent" "$(answers "$image")" "$1" >>"$out/truth.tsv.partial"
  images+=("$image")
  config_from=""
}

# --- the second opinion ------------------------------------------------------------------------

count_tree() {
  find "$1" -mindepth 1 -printf '%y %D:%i %s\n' | awk '
    $1 == "d" { dirs++; next }
    { files++ }
    $1 == "f" { regular++; if (!($2 in seen)) { seen[$2] = 1; bytes += $3 } }
    $1 == "l" { symlinks++ }
    END { printf "%d\t%d\t%d\t%d\t%d\n", files, dirs, regular, symlinks, bytes }'
}

# Every image is unpacked by umoci from the layout and must count the same as the mounted layers.
count_images() {
  local name digest row view
  printf 'image\tlayers\tfiles\tdirectories\tregular\tsymlinks\tsize_bytes\n' >"$out/counts.tsv"
  printf 'image\ttype\tname\tversion\n' >"$out/packages.tsv"
  for name in "${images[@]}"; do
    digest=$(sed -n 's/.*"digest": "sha256:\([0-9a-f]*\)".*/\1/p' "$work/images/$name.json")
    if [[ ! -s $work/counts/$digest || ! -e $work/counts/$digest.packages ]]; then
      rm -rf "$work/unpacked"
      umoci raw unpack --image "$out:$name" "$work/unpacked" >>"$work/counts.log" 2>&1
      row=$(count_tree "$work/unpacked")
      python3 "$here/packages.py" "$name" "$work/unpacked" >"$work/counts/$digest.packages"
      rm -rf "$work/unpacked"
      mapfile -t lowers <"$work/images/$name.lowers"
      mount_view "$work/mount/view"
      view=$(count_tree "$work/mount/view")
      umount "$work/mount/view"
      if [[ $row != "$view" ]]; then
        echo "$name: umoci counts $row, the mounted layers $view" >&2
        exit 1
      fi
      printf '%s\t%s\n' "${#lowers[@]}" "$row" >"$work/counts/$digest"
      say "$name: $(cut -f 2 "$work/counts/$digest") files"
    fi
    printf '%s\t%s\n' "$name" "$(<"$work/counts/$digest")" >>"$out/counts.tsv"
    cat "$work/counts/$digest.packages" >>"$out/packages.tsv"
  done
}

# --- all together ------------------------------------------------------------------------------

install_tools
mirror=${MIRROR:-$(find_mirror)}
if [[ -z $mirror ]]; then
  echo "$0: the machine's apt has no Debian archive; set MIRROR" >&2
  exit 2
fi
arch=$(dpkg --print-architecture)
images=() lowers=() config_from=""
printf 'image\tparent\trelease_family\trelease\tsoftware\tnote\n' >"$out/truth.tsv.partial"

# shellcheck source-path=SCRIPTDIR source=family.sh
. "$here/family.sh"
for suite in $suites; do prepare_apt "$suite"; done
build_family

mv "$out/truth.tsv.partial" "$out/truth.tsv"
python3 "$here/oci.py" index "$out" "${images[@]}"
say "counting ${#images[@]} images with umoci"
count_images
python3 "$here/oci.py" layers "$out" >"$out/layers.tsv"
awk -F '\t' 'NR > 1 { n++; size += $3; regular += $5 }
  END { printf "%d layers, %d regular files in them, %.0f MB compressed\n", n, regular, size / 1e6 }' \
  "$out/layers.tsv"
echo "done in $((SECONDS / 60)) min; to turn the layout into inventories:"
echo "  oskin --catalog C add oci:$out --all && oskin --catalog C export --all -o oski=samples/images.oski"
