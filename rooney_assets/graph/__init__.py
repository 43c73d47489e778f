"""How an asset is declared, what of it is stale, and how declarations become Dagster definitions.

Belongs here: the machinery every asset shares. Does not belong here: any particular asset
(`rooney_assets.assets`), check (`rooney_assets.checks`) or calculation (`rooney_core`).
"""
