"""The asset checks, mirroring `rooney_assets.assets` file by file; one property a check.

Belongs here: looking at a finished table and saying whether it can be trusted. Does not belong
here: mending it. A check is blocking only where everything downstream would be wrong; a blocking
failure keeps the table from being written at all.
"""
