"""How numbers are printed: no digit of a price is lost, and columns stay aligned."""

import polars as pl
import pytest

from rooney_assets.cli.tables import cell, print_frame


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1977.6, "1977.6"),
        (1977.7, "1977.7"),
        (4321.0, "4321"),
        (15432.25, "15432.25"),
        (1.08765, "1.08765"),
        (0.1 + 0.2, "0.3"),
        (1234567.5, "1234567.5"),
        (2.0e12, "2000000000000"),
        (-0.0, "0"),
        (float("nan"), "nan"),
        (float("-inf"), "-inf"),
        (1977, "1977"),
        (True, "yes"),
        (None, "-"),
    ],
)
def test_a_number_keeps_its_digits(value: object, shown: str) -> None:
    assert cell(value) == shown


def test_numbers_are_aligned_to_the_right(capsys: pytest.CaptureFixture[str]) -> None:
    print_frame(pl.DataFrame({"price": [1977.6, 4.25, 15000.0], "name": ["a", "bb", "c"]}), 0)
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert [line.split() for line in lines[1:]] == [["1977.6", "a"], ["4.25", "bb"], ["15000", "c"]]
    ends = {line.index(line.split()[0]) + len(line.split()[0]) for line in lines}
    assert len(ends) == 1
