"""What comes back from the trader: its journal, landed in the lake and read as tables.

Belongs here: copying the journal, and its rows as frames. Does not belong here: judging them
(`rooney_core.feedback`), or the trader, which is never imported.
"""
