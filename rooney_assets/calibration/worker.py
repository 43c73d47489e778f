"""A worker process: takes universes as JSON lines on standard input, answers with their rows.

Belongs here: reading an order, running the chain, writing the answer. Does not belong here: which
universes there are, or keeping their rows (`rooney_assets.calibration.runs`).
"""

from __future__ import annotations

import json
import sys
import time
import traceback
from typing import Any, TextIO

from rooney_assets.calibration.chain import run_universe
from rooney_assets.mandate import Mandate
from rooney_core.gates.calibration.settings import CalibrationSettings
from rooney_core.gates.calibration.universes import SmallUniverse


def serve(orders: TextIO, answers: TextIO) -> None:
    """Run every universe that arrives, until the orders end; before them, settings and mandate.

    An answer is `{"row": ..., "cpu_seconds": ...}`, or `{"error": ...}` with the traceback: a
    defect, not an answer of a gate.
    """
    settings = CalibrationSettings.model_validate_json(orders.readline())
    mandate = Mandate.model_validate_json(orders.readline())
    for line in orders:
        answer = _answer(SmallUniverse(**json.loads(line)), settings, mandate)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _answer(one: SmallUniverse, settings: CalibrationSettings, mandate: Mandate) -> dict[str, Any]:
    began = time.process_time()
    try:
        row = run_universe(one, settings, mandate)
    except Exception:  # noqa: BLE001  (whatever it is, who ordered it must hear of it)
        return {"error": f"{one}:\n{traceback.format_exc()}"}
    return {"row": row, "cpu_seconds": time.process_time() - began}


if __name__ == "__main__":
    serve(sys.stdin, sys.stdout)
