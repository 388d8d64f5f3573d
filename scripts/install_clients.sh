#!/bin/sh
# Installs the third-party clients that the server is tested with: Python ones into an
# environment of their own, JavaScript ones beside their lock file.
# usage: install_clients.sh PYTHON VENV
set -eu
python=$1 venv=$2 folder=tests/clients

wanted=$(cat "$0" "$folder/requirements.txt" "$folder/constraints.txt" "$folder/package-lock.json" | sha256sum)
if [ "$(cat "$venv/.set-up-for" 2>/dev/null)" = "$wanted" ] && [ -d "$folder/node_modules" ]; then
    exit 0
fi
echo "== installing the clients that the server is tested with (about 900 MB)"
rm -f "$venv/.set-up-for"
[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip --disable-pip-version-check install -q \
    -r "$folder/requirements.txt" -c "$folder/constraints.txt"
# node comes from PyPI with the rest. No scripts: none of these packages needs any.
PATH="$PWD/$venv/bin:$PATH" npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
echo "$wanted" > "$venv/.set-up-for"
