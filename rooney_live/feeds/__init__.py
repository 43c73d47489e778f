"""The market as it happens: the vendor's live bars made into moments that can be decided on.

Belongs here: sessions with the vendor, what becomes of every fault of a feed, and the series that
decisions read. Does not belong here: deciding, orders, or a server of bars (`rehearsal`).
"""
