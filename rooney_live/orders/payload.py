"""The message of an order, exactly as TradersPost documents it.

Belongs here: the fields and how an order fills them. Does not belong here: sending. The venue
ignores fields that it does not know, so a misspelt one would vanish silently: the model forbids
extras. `add` is no action here.

Futures brackets are offsets of the entry price. An exit names no quantity: it closes all of its
contract, and repeated it does nothing. At the market it also says `cancel`: what works for the
ticker, a protective stop or a limit exit before it, goes first. The venue does that by itself
unless the subscription is set not to, and what is left working would open a position the other way.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rooney_live.orders.records import OrderIntent

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
Amount = Annotated[float, Field(gt=0)]
Quantity = Annotated[int, Field(ge=1, le=10_000)]


class _Page(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, strict=True)


class StopLoss(_Page):
    """A protective stop; `amount` or `trailAmount` in price units from the entry price."""

    type: Literal["stop", "trailing_stop"] = "stop"
    amount: Amount | None = None
    trailAmount: Amount | None = None  # noqa: N815 - the venue's name

    @model_validator(mode="after")
    def _has_its_distance(self) -> Self:
        if (self.amount is None) == (self.type == "stop") or (self.trailAmount is None) == (
            self.type == "trailing_stop"
        ):
            raise ValueError("a stop has an amount, a trailing stop a trailAmount, neither both")
        return self


class TakeProfit(_Page):
    """A target; `amount` in price units from the entry price."""

    amount: Amount


class Extras(_Page):
    """Ours: kept by the venue with the signal, never read by it."""

    decision_id: str
    order_id: str
    release_id: str


class Payload(_Page):
    """One signal. Prices are raw; `time` is when it is sent, UTC."""

    ticker: Annotated[str, Field(pattern=r"^[A-Z0-9][A-Z0-9_]{0,31}$")]
    action: Literal["buy", "sell", "exit", "cancel"]
    time: datetime
    extras: Extras
    quantity: Quantity | None = None
    signalPrice: float | None = None  # noqa: N815
    orderType: Literal["market", "limit", "stop"] | None = None  # noqa: N815
    limitPrice: float | None = None  # noqa: N815
    stopPrice: float | None = None  # noqa: N815
    stopLoss: StopLoss | None = None  # noqa: N815
    takeProfit: TakeProfit | None = None  # noqa: N815
    cancel: Literal[True] | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.action in ("buy", "sell"):
            if self.quantity is None or self.signalPrice is None:
                raise ValueError("an entry needs quantity and signalPrice")
        elif self.quantity is not None or self.stopLoss or self.takeProfit:
            raise ValueError("an exit closes all of its contract: no quantity, no bracket")
        if self.cancel and self.action != "exit":
            raise ValueError("cancel belongs to an exit")
        # A limit order without a price would become a market order at the venue.
        if (self.orderType == "limit") != (self.limitPrice is not None):
            raise ValueError("limitPrice belongs to orderType limit")
        if (self.orderType == "stop") != (self.stopPrice is not None):
            raise ValueError("stopPrice belongs to orderType stop")
        return self

    def encoded(self) -> bytes:
        """The body of the request."""
        return self.model_dump_json(exclude_none=True).encode()


def body_of(order: OrderIntent, now_us: int) -> bytes:
    """The body of the request of `order`, sent at `now_us`.

    An exit whose prices make no valid signal goes at the market, without any: it has to go. Raises
    ValueError for whatever else makes none.
    """
    try:
        return payload_of(order, now_us).encoded()
    except ValueError:
        if order.intent != "exit":
            raise
    plain = replace(order, signal_price=None, order_type="market", limit_price=None)
    return payload_of(plain, now_us).encoded()


def payload_of(order: OrderIntent, now_us: int) -> Payload:
    """The signal of `order`, sent at `now_us`.

    Raises pydantic's ValidationError, a ValueError, for an order that makes no valid signal.
    """
    shared = {
        "ticker": order.ticker,
        "time": _EPOCH + timedelta(microseconds=now_us),
        "signalPrice": order.signal_price,
        "extras": Extras(
            decision_id=order.decision_id or order.order_id,
            order_id=order.order_id,
            release_id=order.release_id,
        ),
    }
    if order.intent == "cancel":
        return Payload.model_validate(shared | {"action": "cancel"})
    if order.intent == "exit":
        how: dict[str, object] = {"orderType": order.order_type, "limitPrice": order.limit_price}
        how |= {"cancel": True} if order.order_type == "market" else {}
        return Payload.model_validate(shared | {"action": "exit"} | how)
    return Payload.model_validate(
        shared
        | {
            "action": "buy" if order.side > 0 else "sell",
            "quantity": order.size,
            "orderType": order.kind,
            "limitPrice": order.level if order.kind == "limit" else None,
            "stopPrice": order.level if order.kind == "stop" else None,
            "stopLoss": _stop_loss(order),
            "takeProfit": None
            if order.target_distance is None
            else TakeProfit(amount=order.target_distance),
        }
    )


def _stop_loss(order: OrderIntent) -> StopLoss | None:
    """The fixed stop where there is one: the venue takes one, and a trail is also kept by us."""
    if order.stop_distance is not None:
        return StopLoss(amount=order.stop_distance)
    if order.trail_distance is not None:
        return StopLoss(type="trailing_stop", trailAmount=order.trail_distance)
    return None
