"""The sweep as people hold it. The same line finds the same sweep again, whatever happened."""

from pixverse_nb.sweep.looking import Looks


class Sweep(Looks):
    """The same call over several values: `plan()` shows what it would pay, `run()` makes it, `await` does so too.

    Every cell is named by its content. Running the line again, in another cell, kernel or process, goes on where it
    stood; adding values pays for the new cells alone.

    >>> sweep = client.sweep("a.jpg", "b.jpg", seed=range(1, 9))  # doctest: +SKIP
    >>> sweep.run()  # doctest: +SKIP
    >>> sweep.gallery()  # doctest: +SKIP
    """
