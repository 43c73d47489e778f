"""The verdict: every threshold from both sides, asserted by code."""

import math

import pytest

from rooney_core.gates.verdict import Lift, ReasonCode, VerdictThresholds, judge

GOOD = {
    "train_sharpe": 2.1,
    "validation_sharpe": 1.8,
    "test_sharpe": 1.6,
    "deflated_sharpe_z": 1.9,
    "deflated_sharpe_prob": 0.97,
    "test_win_rate": 0.56,
    "test_trades": 240,
}


def codes(**changes):
    return {reason.code for reason in judge(**(GOOD | changes)).reasons}


def test_a_good_model_passes_without_remarks():
    found = judge(**GOOD)
    assert (found.passed, found.verdict, found.significant) == (True, "pass", True)
    assert found.reasons == ()


@pytest.mark.parametrize(
    ("name", "at_threshold", "above", "code"),
    [
        ("test_sharpe", 1.2, 1.27, ReasonCode.TEST_SHARPE_TOO_LOW),
        ("deflated_sharpe_z", 1.0, 1.001, ReasonCode.DEFLATED_SHARPE_TOO_LOW),
        ("test_win_rate", 0.52, 0.5201, ReasonCode.WIN_RATE_TOO_LOW),
        ("test_trades", 100, 101, ReasonCode.TOO_FEW_TRADES),
    ],
)
def test_a_minimum_must_be_exceeded_not_met(name, at_threshold, above, code):
    failed = judge(**(GOOD | {name: at_threshold}))
    assert (failed.passed, failed.verdict) == (False, "fail")
    assert failed.reasons[0].code == code
    assert failed.reasons[0].is_failure
    assert judge(**(GOOD | {name: above})).passed


@pytest.mark.parametrize("name", ["test_sharpe", "deflated_sharpe_z", "test_win_rate"])
def test_an_undefined_number_fails(name):
    assert not judge(**(GOOD | {name: math.nan})).passed


def test_probability_half_is_not_enough():
    # What a bare "dsr > 0.5" would let pass: z just above 0.
    assert not judge(**(GOOD | {"deflated_sharpe_z": 0.1, "deflated_sharpe_prob": 0.54})).passed


def test_significance_needs_the_probability_and_never_decides():
    found = judge(**(GOOD | {"deflated_sharpe_z": 1.3, "deflated_sharpe_prob": 0.9032}))
    assert (found.passed, found.significant) == (True, False)
    assert [reason.code for reason in found.reasons] == [ReasonCode.NOT_SIGNIFICANT]
    assert not found.reasons[0].is_failure
    assert judge(**(GOOD | {"deflated_sharpe_prob": 0.95})).significant
    assert not judge(**(GOOD | {"deflated_sharpe_prob": math.nan})).significant


def test_decay_against_validation_is_a_warning():
    assert ReasonCode.DECAY_FROM_VALIDATION not in codes(validation_sharpe=2.0, test_sharpe=1.5)
    assert codes(validation_sharpe=2.4) == {ReasonCode.DECAY_FROM_VALIDATION}  # 33 %
    assert judge(**(GOOD | {"validation_sharpe": 2.4})).passed


@pytest.mark.parametrize("validation_sharpe", [0.0, -1.0, math.nan])
def test_decay_is_not_asked_of_a_validation_without_profit(validation_sharpe):
    assert codes(validation_sharpe=validation_sharpe) == set()


def test_weak_evidence_is_said_beside_the_failure():
    assert codes(deflated_sharpe_z=0.49, deflated_sharpe_prob=0.688, test_trades=49) == {
        ReasonCode.DEFLATED_SHARPE_TOO_LOW,
        ReasonCode.TOO_FEW_TRADES,
        ReasonCode.DEFLATED_SHARPE_WEAK,
        ReasonCode.VERY_FEW_TRADES,
        ReasonCode.NOT_SIGNIFICANT,
    }
    assert ReasonCode.DEFLATED_SHARPE_WEAK not in codes(deflated_sharpe_z=0.5)
    assert ReasonCode.VERY_FEW_TRADES not in codes(test_trades=50)
    assert ReasonCode.DEFLATED_SHARPE_WEAK in codes(deflated_sharpe_z=math.nan)


def test_a_two_way_split_is_a_warning_and_fails_nothing():
    found = judge(**GOOD, two_way=True)
    assert (found.passed, found.significant) == (True, True)
    (reason,) = found.reasons
    assert reason.code == ReasonCode.TWO_WAY_SPLIT
    assert not reason.is_failure
    assert "validation window trained" in reason.text


@pytest.mark.parametrize(
    ("lift", "told"),
    [
        (Lift(-0.4, -0.9, 0.1), "lift -0.40 over the unfiltered strategy, interval -0.90 to +0.10"),
        (Lift(0.3, -0.2, 0.8), "lift +0.30"),
        (Lift(0.3, 0.0, 0.8), "interval +0.00 to +0.80 not above 0"),
        (Lift(0.0, 0.0, 0.0), "lift +0.00"),
        (Lift(0.3, math.nan, math.nan), "without an interval"),
        (Lift(math.nan, math.nan, math.nan), "unknown"),
    ],
)
def test_a_filter_without_a_sure_lift_is_warned_of_and_fails_nothing(lift, told):
    found = judge(**GOOD, lift=lift)
    assert (found.passed, found.significant) == (True, True)
    (reason,) = found.reasons
    assert (reason.code, reason.is_failure) == ("no_lift", False)
    assert told in reason.text


def test_a_sure_lift_is_no_remark_and_one_that_was_not_measured_neither():
    assert judge(**GOOD, lift=Lift(0.5, 0.01, 0.9)).reasons == ()
    assert judge(**GOOD).reasons == ()


def test_a_text_names_the_number_and_the_threshold():
    (reason,) = judge(**(GOOD | {"test_trades": 70})).reasons
    assert reason.text == "test trades 70 is not above 100"


def test_thresholds_are_settings_frozen_and_known():
    strict = VerdictThresholds(min_test_sharpe=2.0)
    assert not judge(**GOOD, thresholds=strict).passed
    with pytest.raises(ValueError, match="frozen"):
        strict.min_test_sharpe = 0.0
    with pytest.raises(ValueError, match="Extra"):
        VerdictThresholds(min_dsr=1.0)
    with pytest.raises(ValueError, match="less than or equal to 1"):
        VerdictThresholds(min_test_win_rate=52)
