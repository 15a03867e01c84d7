"""Measure everything: `make bench`. Ratios in one run; nothing here passes or fails."""

import importlib
import os
import sys
import tempfile

BENCHES = (
    "start",
    "first_answer",
    "ledger",
    "polling",
    "memory",
    "render",
    "join",
    "gallery",
    "form",
    "kernel",
    "measure",
    "sweep",
)


def main() -> None:
    """Run the benches named on the command line, or all."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PIXVERSE_NB_DATA"] = folder  # the register of homes is not the user's
        for name in sys.argv[1:] or BENCHES:
            print(f"== {name}")
            importlib.import_module(f"bench.{name}").main()


main()
