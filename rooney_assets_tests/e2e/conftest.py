"""A small simulated universe, materialized once by the real command for all end-to-end tests."""

from collections.abc import Callable

import pytest
from e2e_factory import SYMBOLS, Factory, write_universe


@pytest.fixture(scope="session")
def make_factory(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Factory]:
    """Makes an empty factory for some symbols."""

    def make(symbols: tuple[str, ...] = SYMBOLS) -> Factory:
        folder = tmp_path_factory.mktemp("factory")
        write_universe(folder / "universe.yaml", symbols)
        return Factory(folder)

    return make


@pytest.fixture(scope="session")
def materialized(make_factory: Callable[..., Factory]) -> Factory:
    """A factory whose whole graph was materialized by `rooney materialize`; do not change it."""
    factory = make_factory()
    done = factory.rooney("materialize", "--summary")
    assert done.returncode == 0, done.stdout + done.stderr
    (factory.folder / "first_run.txt").write_text(done.stdout, encoding="utf-8")
    return factory
