"""The project's lint, run through pytest so that one command checks everything."""

import pytest
from checkout import ROOT, run_tool


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("ruff", ["check", "."]),
        ("ruff", ["format", "--check", "."]),
        ("mypy", []),
        ("lint-imports", ["--no-logo", "--no-cache"]),
    ],
    ids=["ruff check", "ruff format", "mypy", "lint-imports"],
)
def test_lint_passes(tool: str, arguments: list[str]) -> None:
    done = run_tool(tool, arguments, ROOT)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
