#!/usr/bin/env bash
# Fetches the package indexes that `corpus make` reads, with apt, from the mirror of this machine:
#
#   crates/oskin-bench/fetch-index.sh DIR SUITE...      (about 60 MB a suite)
#
# makes DIR/SUITE/Packages.gz, Contents.gz (packages of this architecture) and Contents-all.gz (the
# packages for all of them, which stand nowhere else). apt works in a root of its own below
# DIR/.apt, so that nothing of the system changes. The mirror is the one that the machine's own apt
# uses, or MIRROR of the environment.
set -euo pipefail

if [[ $# -lt 2 || $1 == -* ]]; then
  echo "usage: $0 DIR SUITE..." >&2
  exit 2
fi
mkdir -p "$1"
out=$(cd "$1" && pwd)
shift

# The first Debian archive of the machine's own sources that is not the security one.
find_mirror() {
  # shellcheck disable=SC2016 # apt expands these, not the shell
  apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' |
    awk '$1 == "Debian" { print $2; exit }'
}

mirror=${MIRROR:-$(find_mirror)}
if [[ -z $mirror ]]; then
  echo "$0: apt of this machine knows no Debian archive; set MIRROR" >&2
  exit 1
fi

native=$(dpkg --print-architecture)

# A configuration that shares nothing with the machine's but the proxy.
configure() {
  local suite=$1 root=$2 check=""
  mkdir -p "$root"/{lists/partial,log}
  # The rolling suites may be served with a release file that is past its date.
  [[ $suite == sid || $suite == forky ]] && check=" check-valid-until=no"
  printf 'deb [signed-by=%s%s] %s %s main\n' \
    /usr/share/keyrings/debian-archive-keyring.gpg "$check" "$mirror" "$suite" >"$root/sources.list"
  : >"$root/status"
  {
    cat <<CONF
APT::Architecture "$native";
APT::Architectures { "$native"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::GzipIndexes "true";
Acquire::IndexTargets::deb::Contents {
  MetaKey "\$(COMPONENT)/Contents-\$(ARCHITECTURE)"; Description "Contents"; KeepCompressedAs "gz";
};
Dir::Cache::pkgcache "";
Dir::Cache::srcpkgcache "";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "/dev/null";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "$root/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Log "$root/log";
Dir::State::lists "$root/lists";
Dir::State::status "$root/status";
CONF
    apt-config dump Acquire | grep -i '::proxy' || true
  } >"$root/apt.conf"
}

fetch() {
  local suite=$1 root=$out/.apt/$1 target file
  configure "$suite" "$root"
  APT_CONFIG=$root/apt.conf apt-get -q -q update
  mkdir -p "$out/$suite"
  # shellcheck disable=SC2016 # apt expands these, not the shell
  APT_CONFIG=$root/apt.conf apt-get indextargets \
    --format '$(CREATED_BY)-$(ARCHITECTURE) $(FILENAME)' >"$root/targets"
  while read -r target file; do
    case $target in
      "Packages-$native" | "Contents-$native") target=${target%-*} ;;
      Contents-all) ;;
      *) continue ;;
    esac
    APT_CONFIG=$root/apt.conf /usr/lib/apt/apt-helper cat-file "$file" |
      gzip -n -6 >"$out/$suite/$target.gz.part"
    mv "$out/$suite/$target.gz.part" "$out/$suite/$target.gz"
  done <"$root/targets"
  rm -r "$root/lists"
  ls -l "$out/$suite"
}

for suite in "$@"; do
  fetch "$suite"
done
