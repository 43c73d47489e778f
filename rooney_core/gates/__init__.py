"""Who may pass on the way to money, by numbers that nobody can talk to.

Belongs here: gates, their thresholds, and results as data with codes. Does not belong here: the
statistics that they compare (validation), and promotion, which only reads their results.
"""
