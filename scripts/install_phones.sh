#!/bin/sh
# Makes sure that telephones are there for the tests that ring the server by SIP.
# Tests that find none say so, so a machine without Debian's packages goes on.
set -eu
command -v baresip >/dev/null && command -v sipp >/dev/null && exit 0
command -v apt-get >/dev/null || exit 0
echo "== installing telephones for the SIP tests"
as_root=$([ "$(id -u)" = 0 ] || echo sudo)
$as_root apt-get update -q || true
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
    --no-install-recommends baresip-core sip-tester ||
    echo "No telephones could be installed; the tests that need them are left out."
