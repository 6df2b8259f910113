#!/usr/bin/env bash
# Makes the component that is packed into drift-host and runs a file of JavaScript: host/src/plugin/runtime/javascript.wasm.
# Needs Node.js 20 or newer and npm. Run it after a change of the SDK, of what stands beside this script, or of the contract.
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
work="${DRIFT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/drift-host}/js-runtime"
mkdir -p "$work" && cp "$here/package.json" "$here/package-lock.json" "$work/"
(cd "$work" && npm ci --ignore-scripts --no-audit --no-fund --silent)
cmp "$here/../../../wit/migration.wit" "$here/wit/deps/migration/migration.wit"
"$work/node_modules/.bin/esbuild" "$here/runtime.js" --bundle --format=esm --target=es2023 --external:'drift:*' --log-level=warning --outfile="$work/bundle.js"
"$work/node_modules/.bin/componentize-qjs" -w "$here/wit" -n script -j "$work/bundle.js" --sync --minify -o "$work/javascript.wasm"
mkdir -p "$here/../../../host/src/plugin/runtime"
cp "$work/javascript.wasm" "$here/../../../host/src/plugin/runtime/javascript.wasm"
