"""``python -m hutch.cli.warren``."""

import sys

from . import main

sys.exit(main())
