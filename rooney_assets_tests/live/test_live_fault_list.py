"""The faults that the live trader must survive, line by line, and the tests that hold each.

A test is named by its file (without test_live_) and the beginning of its name; that it is there is
a test of its own, so that no line is lost when a file is tidied.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent
SOAK = "crash_soak:nothing_breaks"

ORDERS = {
    "kill -9 before and after intent, after SENDING, POST, answer, ack; entry": (
        *("crash_steps:killed_at_each_step_of_an_entry", SOAK),
        "runtime_whole:the_paper_trades_are_whole_wherever",
    ),
    "the same for an exit": ("crash_steps:killed_at_each_step_of_an_exit", SOAK),
    "the same bar decided twice after a restart": (
        *("crash_steps:killed_again_and_again", "orders_outbox:the_same_decision_under_another"),
    ),
    "read timeout, RST before and after, cut 200, HTML 200, 500": (
        *("orders_faults:an_entry_of_unknown_outcome", "orders_faults:an_exit_of_unknown_outcome"),
    ),
    "429": ("orders_faults:429_quiets", "orders_faults:an_entry_that_got_429"),
    "each 400": ("orders_faults:each_400",),
    "404": ("orders_faults:404",),
    "DNS and TLS failure": (
        *("orders_faults:what_cannot_connect", "orders_faults:a_handshake_that_fails"),
    ),
    "proxy variables set": (
        *("orders_faults:proxy_variables", "rehearse_whole:the_command_prints_json"),
    ),
    "SIGTERM during POST, and a second one": ("crash_steps:told_to_end_during_a_post",),
    "kill switch flipped between decision and POST": (
        *("crash_steps:the_kill_switch_between", "runtime_whole:killed_between_decision"),
    ),
    "kill switch flipped while positions are open": (
        *("crash_steps:the_kill_switch_while", "runtime_whole:what_is_held_leaves_at_once"),
    ),
    "max_positions with unknown orders counted": ("runtime_whole:an_entry_nobody_knows_of",),
    "two instances on one state folder": (
        *("faults_time_host:a_second_trader", "runtime_outputs:a_second_instance"),
    ),
    "signals under 60 s apart on one ticker": ("orders_dispatcher:signals_of_one_ticker",),
    "long to short": ("orders_dispatcher:long_to_short_exits", "orders_outbox:long_to_short"),
}
DATA = {
    "FIN, RST, garbage": ("feed_sessions:a_session_that_ends",),
    "refuse": ("feed_sessions:a_gateway_that_is_not_there", "feed_sessions:a_wrong_key"),
    "drop at auth, before metadata, silence": ("feed_sessions:a_session_that_never_begins",),
    "heartbeat only": ("feed_sessions:heartbeats_alone",),
    "duplicate, revised, inconsistent, undefined, future bars": ("feed_bars:a_bad_copy",),
    "late bars": ("feed_bars:a_late_bar", "feed_bars:bars_that_come_too_long"),
    "out-of-order bars": ("feed_bars:a_bar_after_the_one",),
    "negative prices": ("feed_bars:negative_prices",),
    "one symbol silent": ("feed_bars:a_missing_bar", "runtime_whole:a_feed_that_is_not_live"),
    "a reference feed missing": ("feed_sessions:a_dataset_that_only_informs",),
    "a mapping change mid-session": (
        *("feed_bars:another_id", "feed_parity:a_chain_that_changes_contract"),
    ),
    "an unresolved symbol": ("feed_bars:a_symbol_that_the_vendor",),
    "a gap longer than the look-back": ("feed_history:a_gap_that_is_longer",),
    "truncated, empty, 401, 402, 422, 429, 504 history": (
        *("feed_history:what_passes_is_asked_again", "feed_history:what_stays_is_refused"),
    ),
    "incomplete warm-up": ("feed_history:what_passes_is_asked_again",),
    "missing, infinite and NaN features": (
        *("engine_coverage:missing_is_counted", "engine_coverage:an_entry_with_an_unknown_feature"),
        "preflight_checks:a_feature_that_is_unknown",
    ),
    "reordered features": ("release:features_that_this_code_does_not_compute",),
}
TIME = {
    "clock steps both ways": (
        *("orders_dispatcher:a_clock_that_steps_delays", "orders_outbox:a_clock_that_steps_back"),
    ),
    "both DST days, a holiday, an early close, a roll day": ("faults_time_host:every_kind_of_day",),
    "flat deadline with the feed down": ("runtime_whole:a_position_is_left_before_its_deadline",),
    "flat deadline with the webhook down": ("faults_time_host:the_webhook_is_down",),
    "flat deadline a moment after a restart": ("faults_time_host:a_restart_right_before",),
    "weekend restart": ("faults_time_host:a_restart_over_the_weekend",),
}
HOST = {
    "disk full at database and log": (
        *("faults_time_host:a_full_disk", "runtime_secrets:a_log_that_cannot_be_written"),
    ),
    "disk full at the heartbeat": ("runtime_outputs:a_full_disk",),
    "database locked": ("faults_time_host:a_journal_that_somebody_holds",),
    "database corrupt or of an old schema": ("faults_time_host:a_journal_that_cannot_be_used",),
    "database missing": ("faults_time_host:a_journal_that_is_gone",),
    "database read-only": ("faults_time_host:a_journal_that_takes_no_writing",),
    "unknown or mistyped setting": ("cli:a_misspelt_or_empty_setting",),
    "model file missing, truncated, tampered, stale, wrong features": (
        *("release:missing_files", "release:no_changed_byte", "release:tampered_models"),
        *("release:a_config_that_contradicts", "reducing:from_the_day_after"),
        "rehearse_whole:a_trader_that_ends_by_itself",
    ),
    # The kernel's answer to it is kill -9, at any step.
    "out of memory": ("crash_steps:killed_again_and_again", SOAK),
    "notifier down or hanging": (
        *("faults_time_host:a_notifier_that_hangs", "runtime_outputs:a_service_that_raises"),
    ),
    # Each rehearsal ends with it: NO_SECRET_IN_OUTPUT.
    "a secret in any output": (
        *(SOAK, "orders_webhook:the_url_is_in_no_journal", "runtime_secrets:what_json_or_a_query"),
        *("runtime_outputs:no_secret_goes_out", "monitor:a_trader_that_hangs_is_left"),
    ),
}
REHEARSAL = {
    "days with seeded random faults: all invariants": (SOAK,),
}
LINES = {**ORDERS, **DATA, **TIME, **HOST, **REHEARSAL}


def names_in(stem: str) -> list[str]:
    module = ast.parse((HERE / f"test_live_{stem}.py").read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [one.name for one in ast.walk(module) if isinstance(one, kinds)]


@pytest.mark.parametrize("line", LINES)
def test_every_line_of_the_list_has_its_tests(line):
    assert LINES[line]
    for named in LINES[line]:
        stem, _, beginning = named.partition(":")
        assert any(name.startswith(f"test_{beginning}") for name in names_in(stem)), named
