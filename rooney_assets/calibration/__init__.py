"""The factory's own graph on small simulated universes, to see how often its gates are wrong.

Belongs here: running the assets' bodies on a scratch lake, and the processes that do it. Does not
belong here: what is counted of it (`rooney_core.gates.calibration`), any gate, Dagster.
"""
