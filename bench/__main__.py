"""Measure everything: `make bench`. Ratios in one run; nothing here passes or fails."""

import sys

from bench import gallery, join, ledger, measure, memory, polling, render, start, sweep


def main() -> None:
    """Run the benches named on the command line, or all."""
    benches = {
        "start": start,
        "ledger": ledger,
        "polling": polling,
        "memory": memory,
        "render": render,
        "join": join,
        "gallery": gallery,
        "measure": measure,
        "sweep": sweep,
    }
    for name in sys.argv[1:] or benches:
        print(f"== {name}")
        benches[name].main()


main()
