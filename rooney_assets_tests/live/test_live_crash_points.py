"""A crash point strikes where and when it was told to, once, and nowhere else."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest
from pydantic import ValidationError
from small_release import CHECKOUT

from rooney_core.errors import InvalidSetting
from rooney_live import crash_points
from rooney_live.crash_points import ORDER_STEPS, Blow, Crash, Step
from rooney_live.rehearsal.plan import INTENTS, crash_only, draw_plan
from rooney_live.rehearsal.rehearsal_file import (
    PlannedCrash,
    RehearsalFile,
    is_loopback,
    refuse_remote,
    without_proxies,
)

# Passes the point so often as it is told to, and says how far it came.
PASSES = """
import signal, sys
from rooney_live import crash_points
from rooney_live.crash_points import Blow, Crash, Step
heard = []
if sys.argv[2] == "listening":
    signal.signal(signal.SIGTERM, lambda *_: heard.append("TERM"))
else:  # Whoever started the tests may ignore it, and that is inherited.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
crash_points.arm(Crash(Step.AFTER_POST, "enter", 3, Blow(sys.argv[1])))
for number in range(1, 6):
    crash_points.reached(Step.AFTER_POST, "exit")
    crash_points.reached(Step.AFTER_SENDING, "enter")
    crash_points.reached(Step.AFTER_POST, "enter")
    print(number, *heard, flush=True)
"""


def passes(blow, how="deaf"):
    return subprocess.run(
        [sys.executable, "-c", PASSES, blow, how],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_process_dies_at_the_third_time_and_no_handler_runs():
    ended = passes(Blow.KILL, "listening")
    assert ended.returncode == -signal.SIGKILL
    assert ended.stdout.split() == ["1", "2"]


@pytest.mark.parametrize(("blow", "heard"), [(Blow.TERMINATE, 1), (Blow.TERMINATE_TWICE, 2)])
def test_a_termination_can_be_heard_and_survived(blow, heard):
    ended = passes(blow, "listening")
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[1:3] == ["2", "3" + " TERM" * heard]
    assert ended.stdout.splitlines()[-1] == "5" + " TERM" * heard


def test_a_termination_ends_a_process_that_does_not_listen():
    assert passes(Blow.TERMINATE).returncode == -signal.SIGTERM


def test_the_kill_switch_is_thrown_once_and_the_process_lives(tmp_path):
    flag = tmp_path / "KILL_NOW"
    crash_points.arm(Crash(Step.AFTER_INTENT, "enter", 2, Blow.KILL_SWITCH), flag)
    crash_points.reached(Step.AFTER_INTENT, "enter")
    assert not flag.exists()
    crash_points.reached(Step.AFTER_INTENT, "enter")
    assert flag.exists()
    flag.unlink()
    crash_points.reached(Step.AFTER_INTENT, "enter")
    assert not flag.exists()


def test_nothing_happens_where_nothing_is_armed(tmp_path):
    crash_points.arm(Crash(Step.AFTER_ACK, "exit"))
    crash_points.disarm()
    crash_points.reached(Step.AFTER_ACK, "exit")


def a_file(**changed):
    return RehearsalFile(
        **{
            "run_id": "r1",
            "bars_version": "b1",
            "gateway": "127.0.0.1:13000",
            "history": "localhost:443",
            "certificate": "ca.pem",
            "first_us": 5,
            "last_us": 9,
            "sessions": ["2021-03-30", "2021-03-31"],
        }
        | changed
    )


def test_a_rehearsal_lasts_as_long_as_its_market_at_its_speed():
    day_us = 86_400_000_000
    assert a_file(last_us=5 + day_us, speed=100, began_ns=17).lasts_s == 864
    assert a_file(last_us=5 + day_us).lasts_s == 0


def test_a_rehearsals_file_is_read_as_it_was_written(tmp_path):
    crash = PlannedCrash.of(Crash(Step.AFTER_POST, "exit", 7, Blow.TERMINATE))
    file = a_file(crash=crash, speed=100, began_ns=17)
    path = tmp_path / "deep" / "rehearsal.json"
    file.write(path)
    assert RehearsalFile.read(path) == file
    assert file.crash.to_crash() == Crash(Step.AFTER_POST, "exit", 7, Blow.TERMINATE)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "changed",
    [
        {"gateway": "10.1.2.3:13000"},
        {"history": "hist.databento.com:443"},
        {"gateway": "127.0.0.1"},
        {"gateway": "127.0.0.1:http"},
        {"last_us": 4},
        {"speed": 0, "began_ns": 17},
        {"speed": 100},
        {"began_ns": 17},
        {"webhook": "https://127.0.0.1"},
        {"crash": {"step": "after_post"}},
        {"crash": {"step": "after_moment", "intent": "enter"}},
        {"crash": {"step": "after_posting", "intent": "enter"}},
    ],
)
def test_a_rehearsal_is_of_this_machine_and_says_nothing_unknown(changed):
    with pytest.raises(ValidationError):
        a_file(**changed)


def test_a_file_that_is_none_is_refused_by_name(tmp_path):
    path = tmp_path / "rehearsal.json"
    with pytest.raises(InvalidSetting, match=r"rehearsal\.json"):
        RehearsalFile.read(path)
    path.write_text(json.dumps({"gateway": 1}))
    with pytest.raises(InvalidSetting, match=r"rehearsal\.json"):
        RehearsalFile.read(path)


def test_only_this_machine_is_this_machine():
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("", "0.0.0.0", "192.168.1.1", "localhost.example.com")))


def test_the_refusal_of_a_remote_webhook_does_not_tell_it():
    refuse_remote("http://127.0.0.1:9/hook-secret", "TRADERSPOST_WEBHOOK_URL")
    with pytest.raises(InvalidSetting, match="TRADERSPOST_WEBHOOK_URL") as refused:
        refuse_remote("https://webhooks.traderspost.io/hook-secret", "TRADERSPOST_WEBHOOK_URL")
    assert "secret" not in str(refused.value)


def test_no_proxy_reaches_the_trader():
    given = {"HTTPS_PROXY": "x", "http_proxy": "x", "no_proxy": "x", "PATH": "/bin"}
    assert without_proxies(given) == {"PATH": "/bin"}


def test_a_plan_is_its_seed_and_a_soak_misses_no_step():
    plans = [draw_plan(seed) for seed in range(500)]
    assert plans == [draw_plan(seed) for seed in range(500)]
    assert len({(plan.market, plan.venue, plan.crashes) for plan in plans}) > 490
    every = {(step, intent) for step in ORDER_STEPS for intent in INTENTS}
    for first in (0, 60, 488):
        firsts = [plan.crashes[0] for plan in plans[first : first + len(every)]]
        assert {(one.step, one.intent) for one in firsts} == every
        assert {one.blow for one in firsts} == {Blow.KILL}
    later = [one for plan in plans for one in plan.crashes[1:]]
    assert {one.step for one in later} == set(Step)
    assert {one.blow for one in later} == {Blow.KILL, Blow.TERMINATE}
    assert all(PlannedCrash.of(one).to_crash() == one for plan in plans for one in plan.crashes)
    assert json.loads(json.dumps(plans[7].as_row()))["seed"] == 7
    assert [crash_only(seed).crashes for seed in range(9)] == [p.crashes[:1] for p in plans[:9]]
