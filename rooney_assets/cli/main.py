"""The command's root: which subcommands there are, and how an error is told."""

from __future__ import annotations

import sys

import click

from rooney_assets.cli.backtest import backtest
from rooney_assets.cli.data import data
from rooney_assets.cli.evidence import evidence
from rooney_assets.cli.explain import explain
from rooney_assets.cli.lake import lake
from rooney_assets.cli.look import rank, sql, status, summary
from rooney_assets.cli.materialize import materialize
from rooney_assets.cli.model import model
from rooney_assets.cli.notices import notices
from rooney_assets.cli.pipeline import pipeline
from rooney_assets.cli.portfolio import portfolio
from rooney_assets.cli.promote import promote, releases, rollback
from rooney_assets.cli.recalibrate import recalibrate
from rooney_assets.cli.reproduce import reproduce
from rooney_assets.cli.train import train
from rooney_assets.cli.why_not import why_not
from rooney_core import __version__
from rooney_core.errors import RooneyError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="rooney")
def rooney() -> None:
    """Research to production for systematic futures trading.

    Settings come from the environment: ROONEY_LAKE (root of the lake), ROONEY_SOURCE (simulated,
    simulated:FILE, databento or files:DIR), ROONEY_UNIVERSE (path of universe.yaml), ROONEY_MANDATE
    (path of mandate.yaml), ROONEY_STATE (files of Dagster and MLflow), ROONEY_TUNING (full or
    quick), ROONEY_AUTOMATION and ROONEY_RECALIBRATION (on or off), ROONEY_LIVE_JOURNAL (the
    trader's journal), ROONEY_NOTIFY (a private file of addresses), ROONEY_UI (where links lead),
    ROONEY_DAGSTER_HOME (folder of a dagster.yaml), ROONEY_SENSOR_SECONDS (how often sensors look),
    and for Databento DATABENTO_API_KEY, ROONEY_MAX_COST_USD and ROONEY_DATABENTO_GATEWAY.
    None is needed.
    """


for command in (
    *(materialize, data, sql, rank, backtest, why_not),
    *(train, model, portfolio, status, summary),
    *(promote, releases, rollback, evidence, recalibrate),
    *(explain, reproduce, lake, pipeline),
    notices,
):
    rooney.add_command(command)


def main() -> None:
    """Run the command; exit 0 fine, 1 refused or failed, 2 usage. Our own errors are one line."""
    try:
        rooney.main(standalone_mode=False)
    except click.exceptions.Exit as exit_:
        sys.exit(exit_.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        click.echo("Stopped; what was materialized stays.", err=True)
        sys.exit(1)
    except RooneyError as error:
        click.echo(f"rooney: {error}", err=True)
        sys.exit(error.exit_code)
