#!/usr/bin/env bash
# Set up procmem in .venv: uv, the pinned packages (first argument: runtime or dev), headless OpenGL.
# Says what it does, does nothing twice, and touches the system only where OpenGL or Python's tools are missing.
set -euo pipefail
cd "$(dirname "$0")/.."
level="${1:-runtime}"
backend="${TORCH_BACKEND:-}"

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 2; }

# Install system packages with apt (as root, or with sudo that asks no password); otherwise return 1.
apt_install() {
    command -v apt-get >/dev/null || return 1
    local sudo=()
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || return 1
        sudo=(sudo -n)
    fi
    say "installing system packages with apt: $*"
    "${sudo[@]}" apt-get update -qq || true
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@" >/dev/null
}

find_uv() {
    if command -v uv >/dev/null && uv --version >/dev/null 2>&1; then command -v uv; return; fi
    if [ -x .tools/bin/uv ]; then echo "$PWD/.tools/bin/uv"; return; fi
    return 1
}

# uv from the package index through any pip; Debian's python3 comes without pip and venv.
install_uv() {
    say "installing uv into .tools"
    for attempt in 1 2; do
        if python3 -m pip install --quiet --disable-pip-version-check --target .tools uv 2>/dev/null; then
            return 0
        elif python3 -m venv .tools/bootstrap >/dev/null 2>&1 && .tools/bootstrap/bin/pip install --quiet uv; then
            mkdir -p .tools/bin && ln -sf ../bootstrap/bin/uv .tools/bin/uv
            return 0
        fi
        [ "$attempt" = 1 ] && { apt_install python3-pip python3-venv || break; }
    done
    fail "could not install uv; install it as its documentation says (https://docs.astral.sh/uv) and run this again"
}

uv="$(find_uv)" || { install_uv; uv="$(find_uv)" || fail "uv was installed but does not start"; }

# What .venv must hold for a level; a stamp with the same line means that it does.
wanted() { echo "$(cat pyproject.toml "requirements/$1.txt" | sha256sum | cut -d' ' -f1) $PWD $backend"; }

install_packages() {
    local pins="requirements/$level.txt"
    if [ "$(cat ".venv/.installed-$level" 2>/dev/null)" = "$(wanted "$level")" ]; then return; fi
    if [ ! -x .venv/bin/python ]; then
        say "creating .venv"
        # with pip, so that what messages advise works: pip install 'procmem[explorer]'
        "$uv" venv --quiet --seed --python '>=3.11,<3.14' .venv || fail "no Python 3.11 to 3.13 found or installable"
    fi
    say "installing the packages pinned in $pins"
    local options=()
    if [ -n "$backend" ]; then
        # The pins name the CUDA packages of the default build; another backend brings its own.
        grep -vE '^(nvidia-|cuda-|triton)' "$pins" > .venv/pins.txt
        pins=.venv/pins.txt
        options=(--torch-backend "$backend")
    fi
    # Compiled once here: where PYTHONDONTWRITEBYTECODE is set, every process would parse torch anew (15 s of a core).
    "$uv" pip install --quiet --compile-bytecode --python .venv/bin/python ${options[@]+"${options[@]}"} -r "$pins"
    "$uv" pip install --quiet --python .venv/bin/python --no-deps -e .
    wanted "$level" > ".venv/.installed-$level"
    if [ "$level" = dev ]; then wanted runtime > .venv/.installed-runtime; fi  # dev includes runtime
}

opengl_answers() {
    .venv/bin/python -c 'import moderngl; moderngl.create_context(standalone=True, backend="egl", require=430)' 2>/dev/null
}

ensure_opengl() {
    [ -e .venv/.opengl-answered ] && return
    if ! opengl_answers; then
        say "headless OpenGL (EGL) does not answer"
        apt_install libegl1 libgl1 libgl1-mesa-dri libegl-mesa0 || {
            say "install Mesa's EGL and software driver, then run this again:"
            say "  Debian, Ubuntu:  sudo apt-get install libegl1 libgl1 libgl1-mesa-dri libegl-mesa0"
            say "  Fedora, RHEL:    sudo dnf install mesa-libEGL mesa-libGL mesa-dri-drivers"
            say "  Arch:            sudo pacman -S mesa libglvnd"
            exit 2
        }
        opengl_answers || fail "OpenGL 4.3 through EGL still does not answer; 'procmem doctor' says more"
        say "headless OpenGL works now"
    fi
    touch .venv/.opengl-answered
}

install_packages
ensure_opengl
