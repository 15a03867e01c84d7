"""Metrics of finished videos: pure functions of local files, which can run on this machine or on a cluster.

`definitions` and `executors` import only the standard library. `frames`, `measure` and `contact_sheet` need the
packages of the extra "sweep", and importing them raises ConfigError if one is missing.
"""
