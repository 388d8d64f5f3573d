"""Takes the picture of the page for the README, from a real server.

python -m scripts.screenshot docs/page.png
"""

from __future__ import annotations

import argparse
import asyncio
from pathlib import Path

from tests.browser import Look, open_browser
from tests.e2e.running import running_server

STATE = "document.body.dataset.state"
QUESTIONS = ("What is twelve times seven?", "How old is the Brooklyn Bridge?")


async def take() -> bytes:
    """Ask by typing; return a PNG of the page while it speaks the second answer."""
    look = Look(width=1120, height=760)
    async with running_server() as server, open_browser(look) as browser:
        await browser.navigate(server.url)
        await browser.click("#talk")
        await browser.wait_for(f"{STATE} === 'listening'", 20)
        await browser.click("#mute")
        for question in QUESTIONS:
            await browser.click("#words")
            await browser.write(question)
            await browser.press("Enter")
            await browser.wait_for(f"{STATE} === 'speaking'", 20)
            if question is not QUESTIONS[-1]:
                await browser.wait_for(f"{STATE} === 'listening'", 20)
        await browser.click("#latency summary")
        await asyncio.sleep(0.8)
        return await browser.screenshot()


def main() -> None:
    """Write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    path: Path = parser.parse_args().path
    path.write_bytes(asyncio.run(take()))


if __name__ == "__main__":
    main()
