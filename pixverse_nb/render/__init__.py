"""How jobs, videos and sweeps are shown in notebooks (HTML) and terminals (text)."""
