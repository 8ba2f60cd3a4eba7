#!/usr/bin/env bash
# Installs what the tests start themselves: Redis, NATS, Chromium, TLS tools. On Debian as root it installs, elsewhere it says what is missing.
set -euo pipefail

declare -A packages=([redis-server]=redis-server [nats-server]=nats-server [chromium]=chromium [openssl]=openssl [curl]=curl [python3]=python3)
missing=()
for command in "${!packages[@]}"; do
  command -v "$command" >/dev/null 2>&1 || [ -x "/usr/sbin/$command" ] || missing+=("${packages[$command]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0
if ! command -v apt-get >/dev/null 2>&1 || [ "$(id -u)" != 0 ]; then
  echo "The tests need: ${missing[*]} (on Debian: sudo apt-get install ${missing[*]})" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -q >/dev/null
apt-get install -y -q --no-install-recommends "${missing[@]}" >/dev/null
