"""How much of a result is luck: pure statistics on arrays.

Belongs here: Sharpe inference, overfitting, purged splits, path metrics, resampling, the windows.
Does not belong here: thresholds of decisions (gates), bars, strategies, models. Import the module
that answers your question; this package imports none of them for you.
"""
