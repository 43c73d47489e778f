"""Many ranges: what they cost, whether that may be paid, and fetching them one after the other.

Belongs here: estimates, the limit, the order. Does not belong here: a single download
(`download.py`), or printing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rooney_assets.sources.databento.access import shown_usd
from rooney_assets.sources.databento.archive import Archive, Piece
from rooney_assets.sources.databento.download import Downloaded, Estimate, download
from rooney_assets.sources.databento.plan import Request
from rooney_core.errors import CostRefused, SymbolUnknown

if TYPE_CHECKING:
    from rooney_assets.sources.databento.client import VendorClient


@dataclass(frozen=True)
class Purchase:
    """The pieces of some chunks that are kept, and estimates of the ranges that are to come.

    A refresh has its kept ranges in both.
    """

    pieces: tuple[Piece, ...]
    estimates: tuple[Estimate, ...]

    @property
    def cost_usd(self) -> float:
        """What the vendor asks for all of it."""
        return sum(one.cost_usd for one in self.estimates)

    @property
    def records(self) -> int:
        """Records that are to come."""
        return sum(one.records for one in self.estimates)


def plan_purchase(
    chunks: Iterable[Request], client: VendorClient, archive: Archive, *, refresh: bool = False
) -> Purchase:
    """What is there and what the rest costs; asks for numbers only, which is free.

    With `refresh`, what is kept is to come again, in the ranges in which it is kept. A range in
    which the vendor does not know the symbol costs nothing where it knows it later: the symbol
    was not listed yet. Raises SymbolUnknown for any other.
    """
    pieces: list[Piece] = []
    wanted: list[Request] = []
    for chunk in chunks:
        cover = archive.cover(chunk)
        pieces += cover.pieces
        wanted += cover.gaps
        if refresh:
            wanted += [piece.receipt.request for piece in cover.pieces]
    unique = sorted(dict.fromkeys(wanted), key=lambda one: (one.series, one.days.start))
    # From the newest on: a symbol that is known later was not listed yet.
    known = [piece.receipt.request for piece in pieces if piece.receipt.rows]
    estimates: list[Estimate] = []
    for one in reversed(unique):
        estimates.append(_estimate_or_unlisted(one, client, known))
        if estimates[-1].records:
            known.append(one)
    return Purchase(tuple(pieces), tuple(reversed(estimates)))


def _estimate_or_unlisted(
    request: Request, client: VendorClient, known: Iterable[Request]
) -> Estimate:
    try:
        return estimate(request, client)
    except SymbolUnknown as unknown:
        # The newest days never count as unlisted: they would be lost if they came a little later.
        series = (request.dataset, request.schema, request.series)
        if not any(
            (one.dataset, one.schema, one.series) == series and one.days.start >= request.days.end
            for one in known
        ):
            raise
        return Estimate(request, 0, 0.0, str(unknown))


def estimate(request: Request, client: VendorClient) -> Estimate:
    """Records and cost of one range."""
    records = client.record_count(request)
    return Estimate(request, records, client.cost_usd(request))


def require_affordable(purchase: Purchase, limit_usd: float, what: str, advice: str) -> None:
    """Refuse a purchase above the limit. Raises CostRefused before any money is spent."""
    if purchase.cost_usd > limit_usd:
        raise CostRefused(
            f"{what}: the vendor asks {shown_usd(purchase.cost_usd)} USD for {purchase.records:,} "
            f"records in {len(purchase.estimates)} ranges, and the limit is {shown_usd(limit_usd)} "
            f"USD. No money was spent. {advice}"
        )


def fetch(
    estimates: Sequence[Estimate],
    client: VendorClient,
    archive: Archive,
    *,
    refresh: bool = False,
    tell: Callable[[Downloaded], None] = lambda done: None,
) -> list[Downloaded]:
    """Download and commit each range, oldest first; `tell` hears of each one when it is kept.

    A range that fails ends it: those before it are kept, and the next run asks for the rest only.
    """
    done: list[Downloaded] = []
    for one in estimates:
        done.append(download(one, client, archive, refresh=refresh))
        tell(done[-1])
    return done
