"""Which symbols are traded together, and how many positions may be open at once.

Belongs here: selection and weighting of strategies by their daily results. Does not belong here:
the statistics themselves (validation), whether a model is good enough at all (gates).
"""

from rooney_core.portfolio.greedy import ExclusionCode, Member, Portfolio, greedy_portfolio

__all__ = ["ExclusionCode", "Member", "Portfolio", "greedy_portfolio"]
