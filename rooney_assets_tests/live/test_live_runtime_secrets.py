"""Secrets: where they come from, which places are refused, and that they do not show."""

from __future__ import annotations

import copy
import io
import json
import logging
import pickle
import traceback

import pytest

from rooney_live.logs import log_to
from rooney_live.secrets import Secret, SecretRefused, find_secret, read_secret, scrub

URL = "https://webhooks.traderspost.io/trading/webhook/1f2e3d4c-0000/5b6a79880000"
NAME = "TRADERSPOST_WEBHOOK_URL"


def private(path, content=URL, mode=0o600):
    path.write_text(f"{content}\n")
    path.chmod(mode)
    return path


def test_systemds_credential_comes_before_the_file_before_the_variable(tmp_path):
    private(tmp_path / NAME, "of systemd")
    given = {
        "CREDENTIALS_DIRECTORY": str(tmp_path),
        f"{NAME}_FILE": str(private(tmp_path / "own", "of the file")),
        NAME: "of the variable",
    }
    assert read_secret(NAME, given).reveal() == "of systemd"
    del given["CREDENTIALS_DIRECTORY"]
    assert read_secret(NAME, given).reveal() == "of the file"
    del given[f"{NAME}_FILE"]
    assert read_secret(NAME, given).reveal() == "of the variable"
    assert find_secret(NAME, {}) is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o666, 0o601])
def test_a_file_that_others_can_use_is_refused_without_its_content(tmp_path, mode):
    path = private(tmp_path / "secret", mode=mode)
    with pytest.raises(SecretRefused, match="chmod 600") as refused:
        read_secret(NAME, {f"{NAME}_FILE": str(path)})
    assert URL not in str(refused.value)


def test_what_is_missing_or_empty_is_refused_with_what_to_do(tmp_path):
    with pytest.raises(SecretRefused, match="LoadCredential"):
        read_secret(NAME, {})
    with pytest.raises(SecretRefused, match="is empty"):
        read_secret(NAME, {NAME: "  "})
    with pytest.raises(SecretRefused, match="cannot be read"):
        read_secret(NAME, {f"{NAME}_FILE": str(tmp_path / "nowhere")})


def test_a_secret_does_not_show(tmp_path):
    secret = read_secret(NAME, {NAME: URL})
    shown = f"{secret} {secret!r} {secret!s:>5} {[secret]} {vars_of(secret)}"
    try:
        raise ValueError(secret)
    except ValueError:
        shown += traceback.format_exc()
    assert URL not in shown
    assert "***" in shown
    for way in (pickle.dumps, json.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            way(secret)


def vars_of(secret):
    return [getattr(secret, name) for name in Secret.__slots__ if name != "_value"]


def test_scrub_takes_out_every_shape_of_a_secret_and_nothing_else():
    read_secret(NAME, {NAME: URL})
    text = f"POST {URL} failed: /trading/webhook/1f2e3d4c-0000/5b6a79880000 of {NAME}"
    assert scrub(text) == f"POST *** failed: /*** of {NAME}"
    assert "5b6a79880000" not in scrub(f"%2F{URL.replace('/', '%2F').replace(':', '%3A')}")


def test_what_json_or_a_query_makes_of_a_secret_is_taken_out_too():
    odd, asked = 'pä"ss\\word-1', "https://venue.invalid/hook/1?token=of-the-query"
    read_secret("A", {"A": odd})
    read_secret("B", {"B": asked})
    stream = io.StringIO()
    log_to(stream).warning("%s and %s and token of-the-query", odd, asked)
    log_to(io.StringIO())
    assert json.loads(stream.getvalue())["message"] == "*** and *** and token ***"


def test_a_log_line_is_json_and_has_no_secret():
    read_secret(NAME, {NAME: URL})
    stream = io.StringIO()
    log = log_to(stream)
    try:
        raise ConnectionError(f"cannot reach {URL}")
    except ConnectionError:
        log.exception("to %s", URL, extra={"decision_id": "ES:1", "code": "X"})
    log_to(io.StringIO())
    line = json.loads(stream.getvalue())
    assert (line["message"], line["decision_id"], line["code"]) == ("to ***", "ES:1", "X")
    assert line["error"] == "ConnectionError: cannot reach ***"
    assert line["level"] == "ERROR"


def test_a_log_that_cannot_be_written_stops_nobody():
    with open("/dev/full", "wb", buffering=0) as full:
        stream = io.TextIOWrapper(full, write_through=True)
        log = log_to(stream)
        log.warning("to nowhere")
        logging.getLogger("rooney_live").error("again")
        log_to(io.StringIO())
        with pytest.raises(OSError, match="No space"):
            stream.write("x")
        stream.detach()
