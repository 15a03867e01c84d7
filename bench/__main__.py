"""Measure everything: `make bench`. Ratios in one run; nothing here passes or fails."""

import sys

from bench import film, gallery, join, ledger, measure, memory, polling, start, sweep


def main() -> None:
    """Run the benches named on the command line, or all."""
    benches = {
        "start": start,
        "ledger": ledger,
        "polling": polling,
        "memory": memory,
        "film": film,
        "join": join,
        "gallery": gallery,
        "measure": measure,
        "sweep": sweep,
    }
    for name in sys.argv[1:] or benches:
        print(f"== {name}")
        benches[name].main()


main()
