"""Vendors as backends: requests as plain `Call` values and replies as plain values (sans-I/O), and the transport."""
