"""Lets the parity tests use the live tests' small release and the strategies' simulated market."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path += [str(TESTS / "live"), str(TESTS / "core" / "strategies")]
