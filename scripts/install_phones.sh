#!/bin/sh
# Makes sure that telephones, a proxy to ring through, a scanner and tshark are there for
# the tests that ring the server by SIP. Tests that find none say so, so a machine without
# Debian's packages goes on. RUNLEVEL=1 asks for no service of the proxy to be started.
set -eu
there() { for each; do PATH="$PATH:/usr/sbin" command -v "$each" >/dev/null || return 1; done; }
there baresip sipp kamailio rtpengine svmap tshark && exit 0
command -v apt-get >/dev/null || exit 0
echo "== installing telephones, a proxy and a scanner for the SIP tests"
as_root=$([ "$(id -u)" = 0 ] || echo sudo)
$as_root apt-get update -q || true
install() {
    $as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -q \
        --no-install-recommends "$@"
}
there baresip sipp || install baresip-core sip-tester ||
    echo "No telephones could be installed; the tests that need them are left out."
there svmap || install sipvicious ||
    echo "No scanner could be installed; the test that needs it is left out."
there tshark || install tshark ||
    echo "No tshark could be installed; the test that needs it is left out."
there kamailio rtpengine || install kamailio kamailio-tls-modules rtpengine-daemon ||
    echo "No proxy could be installed; the tests that need it are left out."
