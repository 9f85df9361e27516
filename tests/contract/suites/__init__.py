"""Suites that others wrote, against a stack whose address is in MLXQ_URL: `make contract` runs them.

They need packages that nothing else here needs (`requirements.txt` beside this file), so `make test` leaves them out.
"""
