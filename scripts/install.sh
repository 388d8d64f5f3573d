#!/bin/sh
# Installs the server into a virtual environment of its own.
# usage: install.sh PYTHON VENV [EXTRAS]
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

# torch first and by its exact pin: a range would fetch the build for CUDA.
torch=$(grep '^torch==' constraints.txt)
say "installing $torch (the largest part; a few minutes on a slow line)"
pip install -q "$torch" -c constraints.txt
say "installing voiceserver and what it needs"
pip install -q -c constraints.txt -e ".${extras:+[$extras]}"
