"""The code location's entry: the one place where the environment becomes definitions.

Belongs here: reading settings and the universe file. Does not belong here: anything else.
"""

import os

from rooney_assets.build import build_defs
from rooney_assets.settings import Settings, load_universe

SETTINGS = Settings.from_environment(os.environ)
defs = build_defs(SETTINGS, load_universe(SETTINGS))
