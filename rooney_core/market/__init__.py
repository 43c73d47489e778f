"""What the market is: instruments, calendars, bars, rolls, sessions, and a simulated market.

Belongs here: facts and shapes of market data. Does not belong here: where bars come from
(`rooney_assets.sources`) or what to do about them (`rooney_core.strategies`).
"""
