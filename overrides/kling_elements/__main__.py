"""`python -m kling_elements` is the command `kling-elements`."""

from __future__ import annotations

import sys

from kling_elements.command_line import main

if __name__ == "__main__":
    sys.exit(main())
