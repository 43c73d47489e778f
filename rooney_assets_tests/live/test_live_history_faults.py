"""Each fault of the local Databento, as the vendor's own client meets it."""

from __future__ import annotations

import socket
import ssl
import threading
import warnings

import databento
import pytest
import requests
from databento.common.error import BentoError, BentoWarning
from small_history import FIRST_DAY, GLBX, client_of, served, write_folder

from rooney_core.errors import InvalidSetting, UnknownName
from rooney_live.rehearsal.historical import Fault
from rooney_live.rehearsal.history_faults import KINDS, random_faults

ASKED = {"symbols": ["ESM4", "ESH4"], "schema": "ohlcv-1h", "start": FIRST_DAY, "end": "2024-04-13"}
N_BARS = (30 + 10) * 5  # six and two weeks of weekdays, five hours each


@pytest.fixture
def history(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "bars")
    with served(folder, monkeypatch, tmp_path / "state") as history:
        yield history


@pytest.fixture
def get(history):
    client = client_of(history)
    return lambda: client.timeseries.get_range(GLBX, **ASKED)


@pytest.mark.parametrize(
    "fault", [Fault("cut_stream"), Fault("cut_stream", fraction=0.5), Fault("cut_body")]
)
def test_a_cut_download_is_silent_and_only_the_count_tells(history, get, fault):
    history.faults.append(fault)
    n_torn = len(get().to_df())
    n_told = client_of(history).metadata.get_record_count(GLBX, **ASKED)
    assert 0 < n_torn < N_BARS == n_told
    assert len(get().to_df()) == N_BARS


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        (Fault("unauthorized"), 401, "auth_authentication_failed"),
        (Fault("payment_required"), 402, "account_insufficient_funds"),
        (Fault("unprocessable"), 422, "symbology_invalid_request"),
        (Fault("too_many", retry_after_seconds=7), 429, "Too many requests"),
    ],
)
def test_refusals_have_the_vendor_s_form(history, get, fault, status, told):
    history.faults.append(fault)
    with pytest.raises(databento.BentoClientError, match=told) as caught:
        get()
    assert caught.value.http_status == status
    assert caught.value.headers.get("Retry-After") == ("7" if status == 429 else None)
    assert len(get().to_df()) == N_BARS


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_failures_of_the_server(history, get, status):
    history.faults.append(
        Fault("gateway_timeout") if status == 504 else Fault("server_error", status=status)
    )
    with pytest.raises(databento.BentoServerError) as caught:
        get()
    assert caught.value.http_status == status
    assert history.requests[-1].status == status


def test_a_degraded_day_is_a_warning_and_the_bars_are_whole(history, get):
    history.faults.append(Fault("degraded", days=("2024-03-05", "2024-03-06")))
    with pytest.warns(BentoWarning, match=r"2024-03-05 \(degraded\), 2024-03-06 \(degraded\)"):
        store = get()
    assert len(store.to_df()) == N_BARS


def test_an_empty_answer_is_well_formed(history, get):
    history.faults.append(Fault("empty"))
    store = get()
    assert (len(store.to_df()), store.symbols) == (0, ["ESM4", "ESH4"])
    history.faults.append(Fault("empty", endpoint="metadata.get_record_count"))
    assert client_of(history).metadata.get_record_count(GLBX, **ASKED) == 0


def test_a_reset_connection_is_an_error_of_the_transport(history, get):
    history.faults.append(Fault("reset"))
    with pytest.raises(requests.exceptions.ConnectionError):
        get()
    assert (history.requests[-1].status, history.requests[-1].fault) == (0, "reset")
    assert len(get().to_df()) == N_BARS


def test_a_fault_waits_for_its_endpoint_and_counts(history, get):
    history.faults += [
        Fault("too_many", endpoint="metadata.get_cost", times=2),
        Fault("server_error", endpoint="*"),
    ]
    client = client_of(history)
    with pytest.raises(databento.BentoServerError):
        get()
    for _ in range(2):
        with pytest.raises(databento.BentoClientError, match="429"):
            client.metadata.get_cost(GLBX, **ASKED)
    assert client.metadata.get_cost(GLBX, **ASKED) > 0
    assert history.faults == []
    assert [(one.status, one.fault) for one in history.requests] == [
        (500, "server_error"),
        (429, "too_many"),
        (429, "too_many"),
        (200, None),
    ]


def test_random_faults_are_seeded_and_of_every_kind(history, get):
    faults = random_faults(7, 400)
    assert faults == random_faults(7, 400) != random_faults(8, 400)
    assert {one.kind for one in faults} == set(KINDS)
    assert 0.2 < sum(one.kind != "none" for one in faults) / 400 < 0.4
    history.faults[:] = random_faults(11, 40, share=0.6)
    outcomes = set()
    for _ in range(40):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", BentoWarning)
                outcomes.add(len(get().to_df()) == N_BARS)
        except (BentoError, requests.exceptions.RequestException) as error:
            outcomes.add(type(error))
    assert {True, False, databento.BentoClientError, databento.BentoServerError} < outcomes
    assert history.faults == []
    assert len(get().to_df()) == N_BARS


def test_unknown_faults_are_refused():
    with pytest.raises(UnknownName, match="cut_stream"):
        Fault("cut_streams")
    with pytest.raises(UnknownName, match=r"metadata\.get_cost"):
        Fault("reset", endpoint="metadata.get_costs")
    with pytest.raises(InvalidSetting, match="often"):
        Fault.parse("reset:*:often")
    with pytest.raises(InvalidSetting, match="fraction"):
        Fault("cut_stream", fraction=1.0)
    assert Fault.parse("too_many:*:3") == Fault("too_many", endpoint="*", times=3)
    assert Fault.parse("reset") == Fault("reset", endpoint="timeseries.get_range")


def test_another_key_is_refused_and_no_key_is_kept(tmp_path, monkeypatch):
    folder, state = write_folder(tmp_path / "bars"), tmp_path / "state"
    with served(folder, monkeypatch, state, key="db-the-right-key") as history:
        with pytest.raises(databento.BentoClientError, match="Authentication failed") as caught:
            client_of(history, "db-another-key").metadata.list_datasets()
        assert caught.value.http_status == 401
        assert GLBX in client_of(history, "db-the-right-key").metadata.list_datasets()
        nameless = requests.get(f"https://{history.gateway}/v0/metadata.list_datasets", timeout=10)
        assert nameless.status_code == 401
        assert "key" not in repr(history.requests)
        written = [one for one in state.rglob("*") if one.is_file()]
        assert written == [history.certificate]
        assert "PRIVATE KEY" not in history.certificate.read_text()


def test_only_this_machine_and_only_tls(history, get):
    host, _, port = history.gateway.partition(":")
    assert host == "127.0.0.1"
    for gateway in (history.gateway, f"https://localhost:{port}"):
        assert GLBX in databento.Historical("db-a-made-up-key", gateway).metadata.list_datasets()
    with socket.create_connection((host, int(port)), timeout=10) as plain:
        plain.sendall(b"GET /v0/metadata.list_datasets HTTP/1.1\r\n\r\n")
        assert b"200" not in plain.recv(100)
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        # Without its certificate, that is: SSL_CERT_FILE names it to default contexts here.
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(plain, server_hostname="localhost")
    assert len(get().to_df()) == N_BARS


def test_leaving_ends_connections_and_threads(tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "bars")
    before = threading.active_count()
    with served(folder, monkeypatch, tmp_path / "state") as history:
        host, _, port = history.gateway.partition(":")
        idle = socket.create_connection((host, int(port)), timeout=10)
        with requests.Session() as kept:
            kept.get(f"https://{history.gateway}/v0/metadata.list_datasets", timeout=10)
            assert threading.active_count() > before
            history.__exit__()
    idle.close()
    assert threading.active_count() == before
    with pytest.raises(RuntimeError, match="with"):
        _ = history.gateway
