"""Orders: from an intent in the journal to an answer of the venue, through any crash in between.

Belongs here: what an order is, the states it passes, the outbox that remembers them, the payload,
the connection to TradersPost, and who sends what when. Does not belong here: deciding (core), risk
(`rooney_live.risk`), positions and their proof (the ledger).
"""
