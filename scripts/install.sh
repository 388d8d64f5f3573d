#!/bin/sh
# Installs the server into a virtual environment of its own.
# usage: install.sh PYTHON VENV [EXTRAS]
# TORCH_BUILD=cuda in its environment: torch for CUDA, though there is no driver here (an
# image is built on one machine and run on another).
set -eu
python=$1 venv=$2 extras=${3:-}

say() { printf '\n== %s\n' "$*"; }

if ! "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
    echo "Python 3.11 to 3.13 is needed; '$python' is not. Name one: make PYTHON=python3.12" >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
    say "installing python3-venv"
    as_root=$([ "$(id -u)" = 0 ] || echo sudo)
    $as_root apt-get update -q
    $as_root apt-get install -y -q python3-venv
fi

case ",$extras," in *,train,*)
    # Two of its packages come as C sources only.
    if ! command -v cc >/dev/null || ! "$python" -c 'import os, sysconfig, sys
sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'; then
        say "installing a C compiler and Python's headers"
        as_root=$([ "$(id -u)" = 0 ] || echo sudo)
        $as_root apt-get update -q
        $as_root apt-get install -y -q build-essential python3-dev
    fi
esac

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@"; }

# torch first, by its exact pin. The package index has the build for CUDA alone, 5 GB;
# where there is no NVIDIA driver the build for processors does the same in 1 GB.
torch=$(grep '^torch==' constraints.txt)
cpu_index=https://download.pytorch.org/whl/cpu
has() { "$venv/bin/python" -c 'import importlib.metadata as m, sys
sys.exit(m.version("torch").split("+")[0] != sys.argv[1].split("==")[1])' "$torch" 2>/dev/null; }
if has; then
    say "$torch is there already"
elif [ "$(uname -s)" != Linux ] || [ "${TORCH_BUILD:-}" = cuda ] || [ -e /proc/driver/nvidia/version ] || command -v nvidia-smi >/dev/null; then
    say "installing $torch (the largest part; a few minutes on a slow line)"
    pip install -q "$torch" -c constraints.txt
else
    say "no NVIDIA driver: installing $torch for processors, from PyTorch's own index"
    if ! pip install -q --retries 0 --timeout 10 --index-url "$cpu_index" "$torch" -c constraints.txt; then
        say "that index cannot be reached: installing plain $torch, which may be the build for CUDA (5 GB)"
        pip install -q "$torch" -c constraints.txt
    fi
fi
say "torch is $("$venv/bin/python" -c 'import importlib.metadata as m; print(m.version("torch"))')"
say "installing voiceserver and what it needs"
pip install -q -c constraints.txt -e ".${extras:+[$extras]}"
