#!/usr/bin/env bash
# Pins for Linux, macOS and Windows, Python 3.11 to 3.13, in one file each. No index address is written, so that
# the files work with any mirror.
set -euo pipefail
cd "$(dirname "$0")/.."
uv="$(command -v uv || echo .tools/bin/uv)"
compile() {
    "$uv" pip compile pyproject.toml --universal --python-version 3.11 --no-annotate --no-header \
        --no-emit-index-url --no-emit-find-links --quiet --upgrade "$@"
}
compile --output-file requirements/runtime.txt
compile --extra dev --constraint requirements/runtime.txt --output-file requirements/dev.txt
