"""Seed sweeps: one call over several values, planned, run, resumed, watched, rated and measured.

axes       the fields with several values and the points where they meet (pure)
context    the parts of a client that a sweep uses, and the sweep's options
cells      each point as a request, identified by its content
cell_jobs  the jobs of the cells, kept up to date
plan       which cells are new, finished or refused, and what they may cost
runner     keeps every slot filled and decides when to stop
sweep      `Sweep`, the public handle
views      progress, gallery, comparison, ratings, timeline
analysis   measurements, table, plots, contact sheet
table      a sweep as rows of plain values, and as a pandas DataFrame
plots      matplotlib figures and the contact sheet, for light and dark notebooks
"""

from pixverse_nb.lazy_names import attach_stub

__getattr__, __dir__, __all__ = attach_stub(__spec__, __file__)
