"""A child that never gets ready."""

import time

time.sleep(60)
