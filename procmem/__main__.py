"""``python -m procmem`` is ``procmem``."""

import sys

from procmem.cli import main

if __name__ == "__main__":
    sys.exit(main())
