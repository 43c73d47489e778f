"""What is kept, and for how long: versions of the lake, and runs of Dagster.

Belongs here: deciding what may go, with the reason of everything that stays. Does not belong here:
taking files away (`rooney_assets.lake.forget`), or printing (`rooney_assets.cli.lake`).
"""
