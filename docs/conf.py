"""Settings of Sphinx, which builds these pages with `make docs`."""

project = "pixverse_nb"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "pixverse_nb"
html_copy_source = False
html_show_copyright = False
exclude_patterns = ["_build"]
templates_path: list[str] = []
myst_heading_anchors = 3  # headings can be linked to, as on a code host
