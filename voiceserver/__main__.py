"""``python -m voiceserver`` is the command ``voiceserver``."""

import sys

from voiceserver.cli import main

if __name__ == "__main__":
    sys.exit(main())
