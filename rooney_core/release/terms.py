"""Under which terms a release is traded: how long, under which mandate, on whose word.

Belongs here: the frozen facts that a release carries beside what it trades. Does not belong here:
deciding any of them (`rooney_core.gates`), or keeping to them (the trader).
"""

from __future__ import annotations

from datetime import date

from rooney_core.gates.approvals import Override
from rooney_core.market.source_pages import Facts
from rooney_core.release.limits import LiveLimits


class ReleaseTerms(Facts):
    """What holds for all symbols of a release.

    `approved_until`: the last day (inclusive) that a trade may be opened on; afterwards exits go on
    and nothing else. `mandate_version`: content version of the mandate's table. `evidence_version`:
    that of the evidence, empty where none was made. `overrides`: failed gates that a person lets
    traded symbols pass; after the end of one, its symbol opens no trade. `live_limits`: what the
    trader keeps to, whatever it decides.
    """

    approved_until: date
    mandate_version: str
    evidence_version: str = ""
    overrides: tuple[Override, ...] = ()
    live_limits: LiveLimits = LiveLimits()
