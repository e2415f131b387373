"""`python -m graphnet` is the command line, for where `graphnet` is not on the path."""

import sys

from graphnet.cli import main

sys.exit(main())
