"""Risk: what may be ordered, what stops everything, and who watches the one that orders.

Belongs here: rules over a Book, the kill switch, and the monitor process. Does not belong here:
deciding, sending, or the numbers of the limits (they travel with the release).
"""
