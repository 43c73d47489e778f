"""Every import ban bites: what is forbidden, planted in a copy, is caught, direct or in a chain."""

import json
import re
import shutil
import tomllib
from itertools import pairwise
from pathlib import Path

import pytest
from checkout import PACKAGES, ROOT, run_tool

# (module to plant, module that it may not import): one row for each name that ruff bans somewhere.
DIRECT = [
    *(
        ("rooney_core.market.planted", banned)
        for banned in (
            *("dagster", "duckdb", "mlflow", "requests", "databento", "pickle", "joblib"),
            *("rooney_assets", "rooney_live"),
        )
    ),
    *(
        ("rooney_live.planted", banned)
        for banned in ("dagster", "duckdb", "mlflow", "pickle", "joblib", "rooney_assets")
    ),
    *(
        ("rooney_assets.planted", banned)
        for banned in ("requests", "databento", "pickle", "joblib", "rooney_live")
    ),
    *(
        ("rooney_assets.sources.planted", banned)
        for banned in ("dagster", "duckdb", "mlflow", "pickle", "joblib", "rooney_live")
    ),
    *(
        ("rooney_assets.lake.planted", banned)
        for banned in (
            *("dagster", "mlflow", "requests", "databento", "pickle", "joblib", "rooney_live"),
        )
    ),
]
ALLOWED = [
    ("rooney_assets.planted", "dagster"),
    ("rooney_assets.planted", "duckdb"),
    ("rooney_assets.planted", "mlflow"),
    ("rooney_assets.sources.planted", "requests"),
    ("rooney_assets.sources.planted", "databento"),
    ("rooney_assets.lake.planted", "duckdb"),
    ("rooney_live.planted", "requests"),
    ("rooney_live.planted", "databento"),
]
# (contract, chain of imports): the contract must find the chain's last step.
CHAINS = [
    ("core-layers", ("rooney_core.market.low", "rooney_core.strategies")),
    ("core-layers", ("rooney_core.portfolio.beside", "rooney_core.gates")),
    ("validation-is-pure", ("rooney_core.validation.impure", "rooney_core.market")),
    ("core-is-pure", ("rooney_core.features.a", "rooney_core.features.b", "dagster")),
    ("core-is-pure", ("rooney_core.decision.a", "rooney_core.decision.b", "socket")),
    ("live-stands-alone", ("rooney_live.a", "rooney_core.release.b", "mlflow")),
    ("live-stands-alone", ("rooney_live.c", "rooney_live.d", "duckdb")),
    ("factory-knows-no-trader", ("rooney_assets.a", "rooney_core.gates.b", "rooney_live")),
    ("sources-and-lake-know-no-dagster", ("rooney_assets.sources.a", "rooney_assets.b", "dagster")),
    ("sources-and-lake-know-no-dagster", ("rooney_assets.lake.a", "rooney_assets.c", "dagster")),
]
CONTRACTS = {
    one["id"]: one["name"]
    for one in tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
        "importlinter"
    ]["contracts"]
}


def _plant(root: Path, module: str, *imports: str) -> Path:
    path = root.joinpath(*module.split(".")).with_suffix(".py")
    lines = "".join(f"import {name}\n" for name in imports)
    path.write_text(f'"""Planted by a test."""\n\n{lines}', encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and their lint configuration, without caches."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "pyproject.toml", root)
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, root / package, ignore=shutil.ignore_patterns("__pycache__", "*.nb?")
        )
    return root


@pytest.fixture(scope="module")
def ruff_findings(copy: Path) -> set[tuple[str, str]]:
    """(module, banned name) of every TID251 in the copy, with all direct imports planted."""
    planted: dict[str, list[str]] = {}
    for module, name in (*DIRECT, *ALLOWED):
        planted.setdefault(module, []).append(name)
    files = {str(_plant(copy, module, *names)): module for module, names in planted.items()}
    arguments = ["check", "--select", "TID251", "--output-format", "json", "--no-cache", "."]
    findings = json.loads(run_tool("ruff", arguments, copy).stdout)
    for file in files:
        Path(file).unlink()
    return {(files[one["filename"]], one["message"].split("`")[1]) for one in findings}


@pytest.mark.parametrize(("module", "banned"), DIRECT)
def test_ruff_catches_a_direct_import(
    ruff_findings: set[tuple[str, str]], module: str, banned: str
) -> None:
    assert (module, banned) in ruff_findings


@pytest.mark.parametrize(("module", "name"), ALLOWED)
def test_ruff_allows_the_owner(ruff_findings: set[tuple[str, str]], module: str, name: str) -> None:
    assert (module, name) not in ruff_findings


@pytest.fixture(scope="module")
def linter_report(copy: Path) -> str:
    """import-linter's report on the copy, with all chains and a room without a floor planted."""
    for _, chain in CHAINS:
        for importer, imported in pairwise(chain):
            _plant(copy, importer, imported)
    (copy / "rooney_core" / "attic").mkdir()
    _plant(copy, "rooney_core.attic.__init__")
    done = run_tool("lint-imports", ["--no-logo", "--no-cache"], copy)
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("contract", "chain"), CHAINS)
def test_import_linter_catches_a_chain(
    linter_report: str, contract: str, chain: tuple[str, ...]
) -> None:
    assert f"{chain[-2]} -> {chain[-1]} " in _findings(linter_report, contract)


def test_every_contract_is_planted_against() -> None:
    assert {contract for contract, _ in CHAINS} == set(CONTRACTS)


def test_import_linter_wants_a_floor_for_every_room(linter_report: str) -> None:
    assert "rooney_core.attic" in _findings(linter_report, "core-layers")


def _findings(report: str, contract: str) -> str:
    """What the report says about one broken contract: from its underlined name to the next."""
    parts = re.split(r"^(.+)\n-{3,}$", report, flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    return found[CONTRACTS[contract]]
