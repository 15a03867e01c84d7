"""Seed sweeps: the same call over several values, planned, run, resumed, watched, measured and chosen from.

axes      which fields have several values, and the points where they meet (pure)
cells     each point as a whole request, named by its content
plan      what is new, here, refused, and what it may cost
runner    keeps every slot filled, and stops where going on makes no sense
sweep     what people hold; looking and measuring are what it shows and counts
"""
