"""Stand-ins for the world outside the trader, so that the whole trader runs offline, unmodified.

Belongs here: whatever plays the market and the broker, and the run that puts a release through
them. Does not belong here: anything the trader itself needs.
"""
