"""Memory that was freed, given back to the system."""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress


def release_freed() -> None:
    """Give back what this process no longer uses, where its allocator would keep it.

    glibc's does, for blocks below one in use: after the conversion of a model hundreds of megabytes
    (malloc_trim(3)). Elsewhere there is nothing to call.
    """
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL(None).malloc_trim(0)
