"""How a child begins: its arguments, its log, its share of the machine, its socket.

The other end of what ``process`` spawns. Knows not what the child does then.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
from collections.abc import Sequence


def begun(program: str, arguments: Sequence[str] | None = None) -> socket.socket:
    """Begin to be a child; return the socket to the parent, which the caller owns.

    Args:
        program: The module, for messages.
        arguments: Without the program's name; None takes those of the process.
    """
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--fd", type=int, required=True, help="connected socket")
    parser.add_argument("--niceness", type=int, default=0)
    parser.add_argument("--name", default="", help="shown in lists of processes")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    os.nice(given.niceness)
    # systemd tells the whole group, and calls go on while the server drains. What ends
    # a child is its socket.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return socket.socket(fileno=given.fd)
