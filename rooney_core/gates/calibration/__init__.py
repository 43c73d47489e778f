"""How often the gates themselves are wrong: small simulated markets whose truth is known.

Belongs here: the small universes, the true Sharpe ratio of what is planted in them, and error
rates with intervals. Does not belong here: any gate, the chain that is tried (the factory's own
assets are), or processes (`rooney_assets.calibration`).
"""
