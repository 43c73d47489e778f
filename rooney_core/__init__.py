"""The rules of the game: bars, strategies, backtest, models, validation, portfolio, gates, release.

Belongs here: pure functions of data and frozen parameters. Does not belong here: an orchestrator,
a database, a broker, the network, the wall clock, the environment, printing. The live trader and
the factory both import this package, so a signal, a feature and an exit exist once.

Importing the package imports nothing heavy; import the room that answers your question.
"""

__version__ = "0.1.0"
