"""`python -m pixverse_nb` is `pixverse-nb`."""

import sys

from pixverse_nb.cli import main

sys.exit(main())
