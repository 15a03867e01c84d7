"""Checks of this machine, the home folder, the token, the accounts and the ledger; nothing is charged or changed.

`run` runs the checks of `checks` and returns the values of `report`; a Client imports it only when asked.
"""
