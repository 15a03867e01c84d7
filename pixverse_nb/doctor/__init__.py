"""What is well and what is not: this machine, the home folder, the token, the accounts, and the ledger against them.

Nothing is spent and no job is moved. The vendor is asked a few free questions, unless that is not wanted. Every finding
that is not well has its mend. `findings` are the values, `visit` makes them: a Client loads it when it is asked.
"""
