"""The local gateway as the vendor's client sees it: keys, mappings, records, replay, symbols.

Belongs here: the protocol, with the unmodified client and nothing of ours around it. Does not
belong here: what the trader makes of it (`test_live_feed_*.py`).
"""

from __future__ import annotations

import asyncio
import queue
import socket

import databento
import pytest
from databento_dbn import ErrorMsg, OHLCVMsg, SymbolMappingMsg, SystemCode, SystemMsg
from small_market import HOUR_US

from rooney_core.errors import InvalidSetting
from rooney_live.feeds.plan import legs_of
from rooney_live.rehearsal.bars import stored_bars
from rooney_live.rehearsal.gateway import Gateway
from rooney_live.rehearsal.gateway_bars import GatewayBars, chain_of
from rooney_live.release_store import read_release

KEY = "db-a-key-of-the-gateway-test-1"
HOURS = 4
PATIENCE_S = 60


@pytest.fixture
def chains(lake):
    """The last ten days of every symbol of the release."""
    found = []
    for leg in legs_of(read_release(lake), stand_in=True):
        bars = stored_bars(lake, leg.instrument).tail(240)
        found.append(chain_of(leg, bars))
    return found


def records_of(gateway, symbols, start_us, n_bars, key=KEY):
    """Everything that the client hands out until it has so many bars."""
    host, port = gateway.address.split(":")
    client = databento.Live(key=key, gateway=host, port=int(port))
    client.subscribe(
        dataset="SIM.MARKET",
        schema="ohlcv-1h",
        stype_in="continuous",
        symbols=symbols,
        start=start_us * 1_000,
    )
    # The client's own iterator can begin after the first records have passed.
    arrived = queue.SimpleQueue()
    client.add_callback(arrived.put)
    client.start()
    found = []
    while sum(isinstance(one, OHLCVMsg) for one in found) < n_bars:
        found.append(arrived.get(timeout=PATIENCE_S))
    client.terminate()
    return found


def test_the_client_reads_mappings_then_bars_then_the_end_of_their_interval(chains):
    (es,) = [one for one in chains if one.leg.symbol == "SIM_ES"]
    start_us = es.bars[10].time_us
    with Gateway(GatewayBars(chains), start_us, key=KEY) as gateway:
        found = records_of(gateway, ["SIM_ES.v.0"], start_us, HOURS)
    first = found[0]
    assert isinstance(first, SymbolMappingMsg)
    assert (first.stype_in_symbol, first.stype_out_symbol) == ("SIM_ES.v.0", es.bars[10].contract)
    bars = [one for one in found if isinstance(one, OHLCVMsg)]
    assert [(one.ts_event // 1_000, one.open, one.close, one.volume) for one in bars] == [
        (one.time_us, one.values[0], one.values[3], one.values[4]) for one in es.bars[10:14]
    ]
    assert {one.instrument_id for one in bars} == {first.instrument_id}
    ends = [
        one.ts_event // 1_000
        for one in found
        if isinstance(one, SystemMsg) and one.code == SystemCode.END_OF_INTERVAL
    ]
    assert ends[: HOURS - 1] == [one.end_us for one in es.bars[10 : 10 + HOURS - 1]]


def test_an_unknown_symbol_is_an_error_and_the_others_go_on(chains):
    start_us = chains[-1].bars[10].time_us
    with Gateway(GatewayBars(chains), start_us) as gateway:
        found = records_of(gateway, ["SIM_ES.v.0", "SIM_EX.v.0"], start_us, 1)
    (error,) = [one for one in found if isinstance(one, ErrorMsg)]
    assert "SIM_EX.v.0" in error.err
    assert any(isinstance(one, OHLCVMsg) for one in found)


def test_in_the_markets_time_what_happened_is_replayed_first(chains):
    (es,) = [one for one in chains if one.leg.symbol == "SIM_ES"]
    start_us = es.bars[10].time_us
    now_us = es.bars[14].time_us + HOUR_US // 2
    with Gateway(GatewayBars(chains), now_us, speed=7_200.0) as gateway:
        found = records_of(gateway, ["SIM_ES.v.0"], start_us, 6)
    at = next(
        index
        for index, one in enumerate(found)
        if isinstance(one, SystemMsg) and one.code == SystemCode.REPLAY_COMPLETED
    )
    replayed = [one.ts_event // 1_000 for one in found[:at] if isinstance(one, OHLCVMsg)]
    assert replayed == [one.time_us for one in es.bars[10 : 10 + len(replayed)]]
    assert len(replayed) >= HOURS
    later = [one.ts_event // 1_000 for one in found[at:] if isinstance(one, OHLCVMsg)]
    assert [*replayed, *later] == [one.time_us for one in es.bars[10:16]]


def test_another_key_is_refused(chains):
    with Gateway(GatewayBars(chains), chains[-1].bars[0].time_us, key=KEY) as gateway:
        with pytest.raises(databento.BentoError, match="authentication failed"):
            records_of(gateway, ["SIM_ES.v.0"], 0, 1, key="db-another-key-of-this-test-2")
        host, port = gateway.address.split(":")
        client = databento.Live(key=KEY, gateway=host, port=int(port))
        with pytest.raises(databento.BentoError, match="unknown dataset"):
            client.subscribe("GLBX.MDP3", "ohlcv-1h")


def test_a_port_that_is_taken_is_refused(chains):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        gateway = Gateway(GatewayBars(chains), 0, port=port)
        with pytest.raises(InvalidSetting, match=f"Nothing can listen on port {port}"):
            gateway.__enter__()
    with pytest.raises(RuntimeError, match="only inside its `with` block"):
        assert gateway.address


def test_a_client_that_says_nothing_holds_nobody_up(chains):
    async def greeted(address):
        host, port = address.split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        lines = [await reader.readline(), await reader.readline()]
        writer.close()
        return lines

    start_us = chains[-1].bars[10].time_us
    with Gateway(GatewayBars(chains), start_us, key=KEY) as gateway:
        version, challenge = asyncio.run(greeted(gateway.address))
        found = records_of(gateway, ["SIM_ES.v.0"], start_us, 1)
    assert version.startswith(b"lsg_version=")
    assert challenge.startswith(b"cram=")
    assert found
