#!/usr/bin/env bash
# Gives a Debian machine on which rustup may not download a std for wasm32-unknown-unknown, built from Debian's own packages.
# Idempotent. Afterwards guests are built with RUSTC=/usr/bin/rustc. Needs root.
set -euo pipefail
T=wasm32-unknown-unknown
if [ ! -x /usr/bin/rustc ] || [ ! -d /usr/lib/rustlib/src/rust/library ]; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends rustc-web rust-web-src
fi
DEST=/usr/lib/rustlib/$T/lib
VER=$(/usr/bin/rustc -vV | sha256sum | cut -c1-16)
if [ "$(cat $DEST/.stamp 2>/dev/null)" != "$VER" ]; then
  W=$(mktemp -d); mkdir "$W/src"; : > "$W/src/lib.rs"
  printf '[package]\nname="sysroot"\nversion="0.0.0"\nedition="2021"\n[profile.release]\npanic="abort"\ndebug=0\n[workspace]\n' > "$W/Cargo.toml"
  ( cd "$W"; unset CARGO_TARGET_DIR; RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Cembed-bitcode=yes \
      cargo build --release --quiet -Zbuild-std=std,panic_abort -Zbuild-std-features= --target $T )
  rm -rf $DEST; mkdir -p $DEST
  find "$W/target/$T/release" -name 'lib*.rlib' ! -name 'libsysroot*' -exec cp {} $DEST/ \;
  echo "$VER" > $DEST/.stamp; rm -rf "$W"
fi
# Debian's rustc brings no wasm linker: lend it the one of rustup's toolchain.
HOST=$(rustc -vV | sed -n 's/^host: //p')
RT=$(rustc --print sysroot)/lib/rustlib/$HOST/bin
mkdir -p "/usr/lib/rustlib/$HOST/bin"
ln -sf "$RT/rust-lld" "$RT/wasm-component-ld" "/usr/lib/rustlib/$HOST/bin/"
