#!/usr/bin/env bash
# What `make test-browser` needs beside the tests: Chromium from the system's packages, and playwright, which drives it.
# Playwright's own download of a browser is not used.
set -euo pipefail
cd "$(dirname "$0")/.."
say() { printf 'setup: %s\n' "$*" >&2; }

find_chromium() { command -v chromium || command -v chromium-browser || command -v google-chrome; }

if ! find_chromium >/dev/null; then
    say "installing Chromium with apt"
    sudo=()
    [ "$(id -u)" = 0 ] || sudo=(sudo -n)
    { "${sudo[@]}" apt-get update -qq &&
        "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            chromium fonts-dejavu-core >/dev/null; } || {
        say "could not; install Chromium as your system does, then run this again"
        exit 2
    }
fi
if ! .venv/bin/python -c 'import playwright' 2>/dev/null; then
    say "installing playwright"
    uv="$(command -v uv || echo .tools/bin/uv)"
    "$uv" pip install --quiet --python .venv/bin/python 'playwright>=1.49'
fi
