"""The `rooney` command: materialize, query and look, without opening the UI.

Belongs here: reading arguments, printing. Does not belong here: anything that computes. Modules
import heavy things inside the functions that need them, so that `--help` starts at once.
"""

from rooney_assets.cli.main import main

__all__ = ["main"]
