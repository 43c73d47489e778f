"""The factory: the asset graph from bars to a production release, and the `rooney` command.

Belongs here: names, partitions, checks, lineage, triggers, sources of bars, the lake. Does not
belong here: market logic (`rooney_core`) or anything the trader needs (`rooney_live`).

Importing the package imports nothing heavy, so that the command line starts at once.
"""
