"""Lets the parity tests trade the small release that the live tests trade."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / "live"))
