"""A child that gets ready and then ignores everything."""

import argparse
import socket
import time

from voiceserver.processes.ipc import BlockingLine, Kind, Message

parser = argparse.ArgumentParser()
parser.add_argument("--fd", type=int)
arguments, _ = parser.parse_known_args()
line = BlockingLine(socket.socket(fileno=arguments.fd))
line.send(Message(Kind.READY))
time.sleep(60)
