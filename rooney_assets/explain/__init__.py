"""Where a result comes from, and whether it comes out the same again.

Belongs here: finding what an id names (`ids`), the steps behind it (`steps`), what the trader wrote
down of it (`journals`), all of it together (`explanation`), and making it anew in a scratch lake
(`reproduce`). Does not belong here: printing (`rooney_assets.cli`), or changing the lake.
"""
