"""A worker's process that holds nothing: ready at once, or never; it echoes news."""

from __future__ import annotations

import argparse
import socket
import sys

from voiceserver.processes.ipc import (
    BlockingLine,
    Closed,
    Kind,
    Message,
    read_settings,
)


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("--fd", "--niceness", "--name"):
        parser.add_argument(name)
    line = BlockingLine(socket.socket(fileno=int(parser.parse_args().fd)))
    try:
        settings = read_settings(line)
        if why := settings.get("refuses"):
            line.send(Message(Kind.FAILED, meta={"why": why}))
            return 0
        line.send(Message(Kind.READY))
        while (message := line.receive()) is not None:
            if message.kind is Kind.FINISH:
                return 0
            if message.kind is Kind.NEWS:
                line.send(message)
    except Closed:
        pass
    return 0


if __name__ == "__main__":
    sys.exit(main())
