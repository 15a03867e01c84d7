"""Seed sweeps: the same call over several values, planned, run, resumed, watched, measured and chosen from.

maker     from one line, `client.sweep(...)`, to a sweep; `bench` is what it gets of the client
axes      which fields have several values, and the points where they meet (pure)
cells     each point as a whole request, named by its content; `captions` says what sets it apart
plan      what is new, here, refused, and what it may cost; `inquiry` is what it asks for that
runner    keeps every slot filled, and stops where going on makes no sense
book      the cells and their jobs, kept true as jobs change; `progress` counts them
sweep     what people hold: `core`, its cells and jobs; `running`, `looking` and `measuring`, what it does with them
rows      a sweep as plain values, one row a cell: what `table`, `plots` and `packing` are made of
"""
