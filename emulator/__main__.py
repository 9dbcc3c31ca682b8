"""`python -m emulator` is `homeport`."""

import sys

from emulator.cli import main

sys.exit(main())
