"""One sweep in Rooney, vectorbt and backtesting.py: backtests per second, memory, agreement.

Run: .venv/bin/python benchmarks/against_others.py --python PATH [--bars 87000] [--threads 2]
PATH (or ROONEY_OTHERS_PYTHON) is an interpreter that has the other two, which are no dependencies
of Rooney:
  uv venv /tmp/others && uv pip install --python /tmp/others/bin/python "vectorbt[rust]" backtesting

The strategy: long one contract at the next open when a bar's IBS < a; out at the next open after
IBS > b or N bars; 1,000 sets of (a, b, N); a fixed commission and half a tick on every fill. No
session ends: our bars share one flat deadline in the far future. Bars are a random walk. Every
program runs in a process of its own, compiled code warmed before the clock starts. Of each, trades,
gross and net profit of a few sets are compared. Aims: 5 times vectorbt's and 500 times
backtesting.py's backtests a second, a tenth of vectorbt's memory.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

ENTER = tuple(round(0.05 + 0.035 * i, 3) for i in range(10))
LEAVE = tuple(round(0.5 + 0.045 * i, 3) for i in range(10))
HELD = (2, 3, 4, 6, 8, 10, 12, 16, 20, 24)
GRID = list(itertools.product(ENTER, LEAVE, HELD))
CHECKED = (0, 345, 678, 999)
MULTIPLIER, COMMISSION, SLIPPAGE = 50, 1.25, 0.125
"""USD per point, USD per side, points per fill: those of the symbol that Rooney is asked about."""
HOUR_US = 3_600_000_000
FEW_COLUMNS = 10
"""Where vectorbt was fastest: what it works on stays in the processor's cache."""
METRICS = ("total_profit", "sharpe_ratio", "max_drawdown")
TRADE_METRICS = ("count", "win_rate", "profit_factor")

Result = TypeVar("Result")


def draw(path: Path, n_bars: int) -> None:
    """A random walk of quarter points around 4,000, oldest first."""
    rng = np.random.default_rng(4)
    close = 4000 + 0.25 * np.cumsum(rng.integers(-12, 13, n_bars))
    opening = np.append(4000.0, close[:-1] + 0.25 * rng.integers(-2, 3, n_bars - 1))
    above, below = 0.25 * rng.integers(0, 9, (2, n_bars))
    high, low = np.maximum(opening, close) + above, np.minimum(opening, close) - below
    np.savez(path, open=opening, high=high, low=low, close=close)


def timed(work: Callable[[], Result], rounds: int) -> tuple[float, Result]:
    """Least seconds of some rounds, as other work on the machine only adds; the last result."""
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - began)
    return min(seconds), result


def internal_bar_strength(bars: Any) -> np.ndarray:
    """(close - low) / (high - low), 0.5 where they are equal."""
    spread = bars["high"] - bars["low"]
    place = (bars["close"] - bars["low"]) / np.where(spread > 0.0, spread, 1.0)
    return np.where(spread > 0.0, place, 0.5)


def peak_megabytes() -> float:
    """Of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# Rooney


def rooney(bars: Any, threads: int) -> dict[str, Any]:
    """The sweep with all its metrics, and the trades alone, once signals are there."""
    import yaml

    from rooney_core.backtest import CostModel, sweep_all
    from rooney_core.backtest.engine import run_backtest
    from rooney_core.market.instruments import Universe

    document = yaml.safe_load((Path(__file__).parents[1] / "universe.yaml").read_text())
    symbol = Universe.parse(document, "universe.yaml").offered_by("simulated")["SIM_ES"]
    costs = CostModel(commission_per_contract_usd=COMMISSION, slippage_ticks=SLIPPAGE / 0.25)
    arrays, variant = calendar_free(bars), of_the_grid()

    def sweep(n_threads: int) -> Any:
        return sweep_all(arrays, [variant], costs, symbol, n_threads=n_threads)

    sweep(1)
    seconds, found = timed(lambda: sweep(threads), 3)
    alone, _ = timed(lambda: sweep(1), 2)
    peak = peak_megabytes()
    trades = [
        run_backtest(arrays, variant, variant.grid()[at], costs, symbol).trades for at in CHECKED
    ]
    return {
        "backtests_per_second": len(GRID) / seconds,
        "one_thread": len(GRID) / alone,
        "loop_alone": len(GRID) / loop_alone(arrays, variant, symbol),
        "megabytes": peak,
        "n_trades": [one.height for one in trades],
        "gross": [float(one["gross_profit_usd"].sum()) for one in trades],
        "net": found.results["net_profit_usd"].gather(CHECKED).to_list(),
    }


def calendar_free(bars: Any) -> Any:
    """Hourly bars without a break, 24 a session, whose flat deadline never comes."""
    from rooney_core.market.bars import BarArrays

    n_bars = len(bars["close"])
    start = np.arange(n_bars, dtype=np.int64) * HOUR_US
    session = (np.arange(n_bars) // 24).astype(np.int32)
    opens = session.astype(np.int64) * 24 * HOUR_US
    return BarArrays(
        bar_start_us=start,
        bar_end_us=start + HOUR_US,
        open=bars["open"],
        high=bars["high"],
        low=bars["low"],
        close=bars["close"],
        adjustment=np.zeros(n_bars),
        volume=np.ones(n_bars),
        session=session,
        flat_deadline_us=np.full(n_bars, start[-1] + 1000 * HOUR_US),
        session_open_us=opens,
        session_close_us=opens + 24 * HOUR_US,
    )


def of_the_grid() -> Any:
    """Rooney's baseline rule on this grid."""
    from dataclasses import replace

    from rooney_core.strategies import VARIANTS

    axes = {"entry_below": ENTER, "exit_above": LEAVE, "max_bars": HELD}
    return replace(VARIANTS["ibs_baseline"], name="grid", axes=axes)


def loop_alone(arrays: Any, variant: Any, symbol: Any) -> float:
    """Seconds for the trades of the whole grid, one thread, from signals that are ready."""
    from rooney_core.backtest.play import TripBuffer, find_trips, new_cursor
    from rooney_core.backtest.tape import opinions_of, tape_of
    from rooney_core.strategies.prices import Prices

    prices, tape = Prices(arrays, symbol), tape_of(arrays, overnight=False)
    buffer, seconds = TripBuffer.of_size(len(arrays)), 0.0
    for params in variant.grid():
        opinions = opinions_of(variant.signals_of(prices, params))
        took, _ = timed(lambda given=opinions: find_trips(tape, given, new_cursor(), buffer), 2)
        seconds += took
    return seconds


# vectorbt


def vectorbt(bars: Any, columns: int) -> dict[str, Any]:
    """Sets as columns, so many at a time, by the fastest of the ways that were tried.

    Signals with the N bars already counted, made by a compiled function, each column contiguous,
    go to `from_signals`, which chooses its Rust engine. A signal function, which counts the bars
    itself, took a third longer, and signals stored row by row a tenth to a half.
    """
    import pandas as pd
    import vectorbt as vbt

    # Signals of the bar before, filled at this bar's open.
    ibs = np.append(np.nan, internal_bar_strength(bars)[:-1])
    signals_of = compiled_signals()
    opening, close = bars["open"], pd.Series(bars["close"])

    def simulate(chosen: list[tuple[float, float, int]]) -> Any:
        entries, exits = signals_of(ibs, *(np.array(one) for one in zip(*chosen, strict=True)))
        return vbt.Portfolio.from_signals(
            close,
            entries=pd.DataFrame(entries.T),
            exits=pd.DataFrame(exits.T),
            price=opening[:, None],
            size=MULTIPLIER,
            fixed_fees=COMMISSION,
            slippage=(SLIPPAGE / opening)[:, None],
            init_cash=1e9,
            freq="1h",
        )

    def tidy(first: int) -> None:
        # Portfolios refer to themselves: left alone, 10 columns at a time came to take 4 GB.
        if first % 100 == 0:
            gc.collect()

    def sweep() -> None:
        for first in range(0, len(GRID), columns):
            portfolio = simulate(GRID[first : first + columns])
            for name in METRICS:
                getattr(portfolio, name)()
            for name in TRADE_METRICS:
                getattr(portfolio.trades, name)()
            tidy(first)

    def loops() -> None:
        for first in range(0, len(GRID), columns):
            simulate(GRID[first : first + columns])
            tidy(first)

    simulate(GRID[:2]).sharpe_ratio()
    alone, _ = timed(loops, 1)
    seconds, _ = timed(sweep, 1)
    peak = peak_megabytes()
    records = simulate([GRID[at] for at in CHECKED]).trades.records
    closed = records[records["status"] == 1]
    gross = closed["size"] * (closed["exit_price"] - closed["entry_price"] + 2 * SLIPPAGE)
    return {
        "backtests_per_second": len(GRID) / seconds,
        "loop_alone": len(GRID) / alone,
        "megabytes": peak,
        "n_trades": closed.groupby("col").size().tolist(),
        "gross": gross.groupby(closed["col"]).sum().tolist(),
        "net": closed.groupby("col")["pnl"].sum().tolist(),
    }


def compiled_signals() -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Entries and exits, bool[sets, bars], that alternate: at most one position at a time."""
    from numba import njit

    @njit
    def signals_of(ibs: Any, enter: Any, leave: Any, held: Any) -> Any:
        entries = np.zeros((len(enter), len(ibs)), np.bool_)
        exits = np.zeros((len(enter), len(ibs)), np.bool_)
        for one in range(len(enter)):
            since = -1
            for bar in range(len(ibs)):
                if since >= 0:
                    if ibs[bar] > leave[one] or bar - since >= held[one]:
                        exits[one, bar] = True
                        since = -1
                elif ibs[bar] < enter[one]:
                    entries[one, bar] = True
                    since = bar
        return entries, exits

    return signals_of


# backtesting.py


def backtesting(bars: Any, n_sets: int) -> dict[str, Any]:
    """A few sets one after the other, as its `optimize` does in each of its processes."""
    import pandas as pd
    from backtesting import Backtest, Strategy

    class Ibs(Strategy):
        enter, leave, held = GRID[0]

        def init(self) -> None:
            self.ibs = self.I(internal_bar_strength, strength_of, plot=False)

        def next(self) -> None:
            if self.position:
                bars_held = len(self.data) - self.trades[0].entry_bar
                if self.ibs[-1] > self.leave or bars_held >= self.held:
                    self.position.close()
            elif self.ibs[-1] < self.enter:
                self.buy(size=MULTIPLIER)

    strength_of = {name: bars[name] for name in bars}
    index = pd.date_range("2010-01-01", periods=len(bars["close"]), freq="h")
    frame = pd.DataFrame({name.capitalize(): bars[name] for name in bars}, index=index)
    # Slippage is a cost of the fill here, as its `spread` is a share of the price.
    cost = COMMISSION + SLIPPAGE * MULTIPLIER
    test = Backtest(frame, Ibs, cash=1e9, commission=lambda size, price: cost)

    def run(at: int) -> Any:
        enter, leave, held = GRID[at]
        return test.run(enter=enter, leave=leave, held=held)["_trades"]

    chosen = CHECKED[:n_sets]
    seconds, trades = timed(lambda: [run(at) for at in chosen], 1)
    gross = [(one["Size"] * (one["ExitPrice"] - one["EntryPrice"])).sum() for one in trades]
    return {
        "backtests_per_second": len(chosen) / seconds,
        "megabytes": peak_megabytes(),
        "n_trades": [len(one) for one in trades],
        "gross": [float(one) for one in gross],
        "net": [float(a - 2 * cost * len(b)) for a, b in zip(gross, trades, strict=True)],
    }


def ask(python: str, program: str, path: Path, *options: object) -> dict[str, Any]:
    """One program's answer, from a process of its own."""
    command = [python, "-W", "ignore", __file__, "--worker", program, str(path), *map(str, options)]
    quiet = {**os.environ, "TQDM_DISABLE": "1"}
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=quiet)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def work(program: str, path: str, *options: str) -> None:
    """What a process of its own does."""
    with np.load(path) as stored:
        bars = {name: stored[name] for name in stored.files}
    if program == "rooney":
        answer = rooney(bars, int(options[0]))
    elif program == "vectorbt":
        answer = vectorbt(bars, int(options[0]))
    else:
        answer = backtesting(bars, int(options[0]))
    print(json.dumps(answer))


def show(answers: dict[str, dict[str, Any]]) -> None:
    """The tables."""
    ours = answers["rooney"]
    print(f"{'':<26}{'backtests/s':>14}{'ours is':>11}{'loop alone/s':>14}{'ours is':>10}{'MB':>8}")
    for name, one in answers.items():
        rate, loop = one["backtests_per_second"], one.get("loop_alone", np.nan)
        times, loops = ours["backtests_per_second"] / rate, ours["loop_alone"] / loop
        print(
            f"{name:<26}{rate:>14,.2f}{times:>10,.1f}x{loop:>14,.0f}{loops:>9,.1f}x"
            f"{one['megabytes']:>8,.0f}"
        )
    print(f"rooney on one thread: {ours['one_thread']:,.0f} backtests/s\n")
    print(f"{'set (a, b, N)':<24}{'':<26}{'trades':>8}{'gross USD':>16}{'net USD':>16}")
    for row, at in enumerate(CHECKED):
        for name, one in answers.items():
            if row < len(one["n_trades"]):
                print(
                    f"{GRID[at]!s:<24}{name:<26}{one['n_trades'][row]:>8,}"
                    f"{one['gross'][row]:>16,.2f}{one['net'][row]:>16,.2f}"
                )


def main() -> None:
    """Draw the bars, ask every program, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", default=os.environ.get("ROONEY_OTHERS_PYTHON"))
    parser.add_argument("--bars", type=int, default=87_000)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--slow-sets", type=int, default=3, help="sets for backtesting.py")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bars.npz"
        draw(path, options.bars)
        answers = {"rooney": ask(sys.executable, "rooney", path, options.threads)}
        if options.python is None:
            print("No interpreter for the others: see --python in this file's first lines.")
        else:
            for columns in (len(GRID), FEW_COLUMNS):
                name = f"vectorbt, {columns} at once"
                answers[name] = ask(options.python, "vectorbt", path, columns)
            slow = ask(options.python, "backtesting", path, options.slow_sets)
            answers["backtesting.py"] = slow
    show(answers)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(*sys.argv[2:])
    else:
        main()
