"""The desk of a coffee bar: takes orders as JSON, prints them, says a number back.

Only the standard library. Run it beside the server:

    python examples/kiosk_orders/desk.py
"""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import ClassVar

ADDRESS = ("127.0.0.1", 8099)
MAX_BYTES = 64 * 1024


class Desk(BaseHTTPRequestHandler):
    """Answers ``POST /orders``; an order that comes twice has one number."""

    numbers: ClassVar[dict[str, int]] = {}

    def do_POST(self) -> None:
        """Take an order."""
        length = int(self.headers.get("Content-Length", 0))
        if self.path != "/orders" or not 0 < length <= MAX_BYTES:
            self.send_error(404 if self.path != "/orders" else 400)
            return
        try:
            order = json.loads(self.rfile.read(length))
            number = self.numbers.setdefault(order["id"], len(self.numbers) + 1)
        except (ValueError, KeyError, TypeError):
            self.send_error(400, "not an order of voiceserver")
            return
        print(f"{number}: {order['intent']}: {order['slots']}", flush=True)
        said = f"Thank you. Your {order['slots']['drink']} is number {number}."
        body = json.dumps({"say": said}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    HTTPServer(ADDRESS, Desk).serve_forever()
