"""`python -m emulator.demo` is the guided tour."""

import sys

from emulator.demo.tour import main

if __name__ == "__main__":
    sys.exit(main())
