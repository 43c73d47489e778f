"""What the journal remembers: its tables, column by column, and the version of that promise.

Belongs here: the SQL of the schema. Does not belong here: code that writes or reads it. A change
of any table raises SCHEMA_VERSION; a journal of another version is refused, never converted in
passing. Schemas 1 to 3 were written before anything could be traded: they hold rehearsals, which
are played again in a minute, so there is nothing to convert and whoever has one is told to move it
away. From 4 on a journal may be the only record of what is held: the next version has to bring a
conversion, by a command of its own.

All times are microseconds since 1970-01-01 UTC (`*_us`), except `started_at` and `finished_at`,
which are wall-clock ISO times for people. `side` is +1 long, -1 short, 0 none. Prices are raw
contract prices in quote units; `*_usd` is money for all contracts of the row.
"""

from __future__ import annotations

from rooney_live.orders.schema import ORDERS_SCHEMA
from rooney_live.risk.controls_schema import CONTROLS_SCHEMA

SCHEMA_VERSION = 4

_DECISIONS = """
-- One stretch of trading under one release and one code. run_id is the content of what it is made
-- of, so the same replay again is the same run, and so is a trader that was started again.
CREATE TABLE runs (
    run_id TEXT PRIMARY KEY,
    mode TEXT NOT NULL CHECK (mode IN ('live', 'rehearsal', 'replay')),
    release_id TEXT NOT NULL,
    rebalance_month TEXT NOT NULL,
    code_version TEXT NOT NULL,          -- content of the code that decided
    bars_version TEXT NOT NULL,          -- content of every bar that was replayed; empty: live
    symbols TEXT NOT NULL,               -- JSON list, in order of priority
    first_session TEXT,                  -- ISO date, inclusive; NULL: empty portfolio, or live
    last_session TEXT,                   -- ISO date, inclusive
    status TEXT NOT NULL CHECK (status IN ('running', 'finished')),
    started_at TEXT NOT NULL,
    finished_at TEXT
) STRICT;

-- One row per symbol and bar: what was decided at bar_end and why, entry or not.
CREATE TABLE decisions (
    run_id TEXT NOT NULL REFERENCES runs,
    symbol TEXT NOT NULL,
    bar_end_us INTEGER NOT NULL,
    contract TEXT NOT NULL,
    session TEXT NOT NULL,               -- ISO date of the exchange session
    close REAL NOT NULL,                 -- raw close of the bar, quote units
    code TEXT NOT NULL,                  -- the reason: a DecisionCode or PortfolioCode
    action TEXT NOT NULL CHECK (action IN ('enter', 'exit', 'none')),
    side INTEGER NOT NULL CHECK (side IN (-1, 0, 1)),
    probability REAL,                    -- of the meta model; NULL when it was not asked
    threshold REAL,
    features TEXT NOT NULL,              -- JSON object name -> value; null = unknown
    contributions TEXT NOT NULL,         -- JSON object name -> what it added; base: without any
    release_id TEXT NOT NULL,
    PRIMARY KEY (run_id, symbol, bar_end_us)
) STRICT, WITHOUT ROWID;
"""

_POSITIONS = """
-- What became of an order. 'expected': the paper account's, by the backtest's rules; an order
-- without one lapsed. 'reported': the broker's, brought in by a person or a file.
CREATE TABLE fills (
    order_id TEXT NOT NULL REFERENCES orders,
    source TEXT NOT NULL CHECK (source IN ('expected', 'reported')),
    run_id TEXT NOT NULL REFERENCES runs,
    symbol TEXT NOT NULL,
    filled_at_us INTEGER NOT NULL,
    price REAL NOT NULL,                 -- slippage included
    size INTEGER NOT NULL,
    commission_usd REAL NOT NULL,
    PRIMARY KEY (order_id, source)
) STRICT, WITHOUT ROWID;

-- A round trip: the fill of an entry and the fill of its exit.
CREATE TABLE trades (
    entry_order_id TEXT PRIMARY KEY REFERENCES orders,
    exit_order_id TEXT NOT NULL REFERENCES orders,
    run_id TEXT NOT NULL REFERENCES runs,
    symbol TEXT NOT NULL,
    side INTEGER NOT NULL,
    size INTEGER NOT NULL,
    signal_time_us INTEGER NOT NULL,
    entry_time_us INTEGER NOT NULL,
    exit_time_us INTEGER NOT NULL,
    entry_price REAL NOT NULL,
    exit_price REAL NOT NULL,
    commission_usd REAL NOT NULL,        -- both sides, and of rolls
    net_profit_usd REAL NOT NULL,        -- after slippage and commission
    exit_reason TEXT NOT NULL,
    rolls INTEGER NOT NULL,              -- how often the position moved to the next contract
    roll_gap REAL NOT NULL               -- sum of new - old price; in no profit
) STRICT, WITHOUT ROWID;

-- What the broker is believed to hold: nobody can be asked, so each row says how it is known. A row
-- begins with the commit that lets its entry go, and ends 'flat'.
CREATE TABLE positions (
    opened_by TEXT PRIMARY KEY,          -- order_id of the entry, or 'person:...' for a correction
    run_id TEXT NOT NULL REFERENCES runs,
    symbol TEXT NOT NULL,
    contract TEXT NOT NULL,              -- dated, as the feed names it
    side INTEGER NOT NULL CHECK (side IN (-1, 1)),
    size INTEGER NOT NULL CHECK (size > 0),
    since_us INTEGER NOT NULL,           -- decided then
    state TEXT NOT NULL CHECK (state IN ('sent', 'open', 'leaving', 'flat')),
    is_known INTEGER NOT NULL CHECK (is_known IN (0, 1)),   -- 0: nobody knows whether it is there
    deadline_us INTEGER,                 -- flat by then; NULL for one that may stay overnight
    proof TEXT NOT NULL CHECK (proof IN ('none', 'acknowledged', 'person', 'broker')),
    proof_at_us INTEGER,                 -- last time that the proof was brought
    closed_by TEXT,                      -- order_id of the exit, 'person:...', or why it never was
    closed_at_us INTEGER
) STRICT, WITHOUT ROWID;

-- Everything else worth knowing later, by code.
CREATE TABLE events (
    run_id TEXT NOT NULL REFERENCES runs,
    at_us INTEGER NOT NULL,
    symbol TEXT NOT NULL,                -- empty: concerns the whole run
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run_id, at_us, symbol, code)
) STRICT, WITHOUT ROWID;
"""

SCHEMA = _DECISIONS + ORDERS_SCHEMA + _POSITIONS + CONTROLS_SCHEMA
