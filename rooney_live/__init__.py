"""The trader: its own process, which sees the factory only through one verified release.

Belongs here: clock, feed, venue, journal and the loop around `rooney_core.decision.decide`. Does
not belong here: a signal, a feature or an exit (core), or anything of the factory: dagster, mlflow,
duckdb and rooney_assets are never imported.
"""
