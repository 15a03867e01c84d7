"""What a finished film is like, in numbers and at a glance: pure functions of local files, here or on many machines.

`metrics` and `compute` cost nothing to import; `video`, `diversity` and `sheet` need the packages of the extra "sweep"
and raise ConfigError where those are missing.
"""
