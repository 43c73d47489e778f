"""Lets the tests of live feedback use the live tests' small release."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2] / "live"))
