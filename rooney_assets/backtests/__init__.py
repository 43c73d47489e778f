"""Backtests that a person asks for: one configuration on the lake's bars, on the record.

Belongs here: which bars a person may see, what is written down before, and the files that come of
it. Does not belong here: the search (`rooney_assets.assets.factory`), how a backtest runs
(`rooney_core.backtest`), or printing (`rooney_assets.cli`).
"""
