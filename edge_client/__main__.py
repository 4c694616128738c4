"""`python -m edge_client`. The commands are in `cli.py`."""

import sys

from edge_client.cli import main

sys.exit(main())
