"""What live trading teaches: what it cost, how it went beside expectation, and why it differed.

Belongs here: judging the trader's record by pure functions. Does not belong here: reading the
record (`rooney_assets.feedback`), or what follows from a judgement.
"""
