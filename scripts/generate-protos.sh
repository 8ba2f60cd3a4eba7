#!/usr/bin/env bash
# Writes protos/gen from the .proto files. Run it after changing one; `generate-protos.sh DIR` writes to DIR instead.
set -euo pipefail
cd "$(dirname "$0")/../protos"
PATH="$PWD/../node_modules/.bin:$PATH"
out=${1:-.}
rm -rf "$out/gen"
buf generate --output "$out"
