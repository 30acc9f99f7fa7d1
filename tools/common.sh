# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
# What tools/run and tools/test share: where things are, how they are built. Sourced by bash.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BUILD_DIR:-$root/build}

# Debian's own meson works with Debian's python whatever comes first in PATH.
meson=/usr/bin/meson
[ -x "$meson" ] || meson=meson

say() { printf '%s: %s\n' "$(basename "$0")" "$*" >&2; }

die() {
  say "$*"
  exit 1
}

# build_project: configures once, then builds; prints meson's words only when something fails.
build_project() {
  local log
  log=$(mktemp)
  if [ ! -f "$build/build.ninja" ]; then
    say "configuring $build"
    if ! "$meson" setup "$build" "$root" >"$log" 2>&1; then
      cat "$log" >&2
      rm -f "$log"
      die "meson setup failed"
    fi
  fi
  say "building"
  if ! "$meson" compile -C "$build" >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    die "the build failed"
  fi
  rm -f "$log"
}

# use_built_plugins: GStreamer finds the plugins of this tree, and keeps what it learns in a
# registry of its own.
use_built_plugins() {
  export GST_PLUGIN_PATH="$build/ext:$build/gst${GST_PLUGIN_PATH:+:$GST_PLUGIN_PATH}"
  export GST_REGISTRY="$build/gst-registry.bin"
}
