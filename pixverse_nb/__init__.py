"""Two pictures in, one video out, in a notebook cell: PixVerse for Jupyter.

    import pixverse_nb as pv

    client = pv.Client()                                    # or pv.Client.sandbox(): no token, nothing is charged
    video = client.create_frames("first.jpg", "last.jpg", prompt="a slow dolly in").result()
    pv.studio()                                             # the same as a form

The public names are listed in `__init__.pyi`. Each is imported on first use, so `import pixverse_nb` is fast.
"""

import lazy_loader

__version__ = "0.1.0"

try:
    __getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
except ValueError:  # it cannot read the stub inside a zip file on sys.path
    from pixverse_nb.lazy_names import attach_stub

    __getattr__, __dir__, __all__ = attach_stub(__spec__, __file__)
__all__ += ["__version__"]


def load_ipython_extension(shell: object) -> None:
    """Add `%pixverse` and `%%pixverse` to an IPython shell; `%load_ext pixverse_nb` calls it."""
    from pixverse_nb.magics import register_magics

    register_magics(shell)
