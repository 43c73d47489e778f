"""What the journal remembers: its tables, column by column, and the version of that promise.

Belongs here: the SQL of the schema. Does not belong here: code that writes or reads it. A change
of any table raises SCHEMA_VERSION; a journal of another version is refused, never converted in
passing.

All times are microseconds since 1970-01-01 UTC (`*_us`), except `started_at` and `finished_at`,
which are wall-clock ISO times for people. `side` is +1 long, -1 short, 0 none. Prices are raw
contract prices in quote units; `*_usd` is money for all contracts of the row.
"""

from __future__ import annotations

SCHEMA_VERSION = 3

SCHEMA = """
-- One replay of bars through the trader. run_id is the content of what was replayed, so the same
-- rehearsal again is the same run.
CREATE TABLE rehearsals (
    run_id TEXT PRIMARY KEY,
    release_id TEXT NOT NULL,
    rebalance_month TEXT NOT NULL,
    code_version TEXT NOT NULL,          -- content of the code that decided
    bars_version TEXT NOT NULL,          -- content version of every bar that was replayed
    symbols TEXT NOT NULL,               -- JSON list, in order of priority
    first_session TEXT,                  -- ISO date, inclusive; NULL for an empty portfolio
    last_session TEXT,                   -- ISO date, inclusive
    status TEXT NOT NULL CHECK (status IN ('running', 'finished')),
    started_at TEXT NOT NULL,
    finished_at TEXT
) STRICT;

-- One row per symbol and bar: what was decided at bar_end and why, entry or not.
CREATE TABLE decisions (
    run_id TEXT NOT NULL REFERENCES rehearsals,
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

-- What the trader wanted the venue to do.
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY,           -- run_id:symbol:bar_end_us:intent
    run_id TEXT NOT NULL REFERENCES rehearsals,
    symbol TEXT NOT NULL,
    decided_at_us INTEGER NOT NULL,
    intent TEXT NOT NULL CHECK (intent IN ('enter', 'exit')),
    side INTEGER NOT NULL CHECK (side IN (-1, 1)),   -- side of the position, not of the order
    size INTEGER NOT NULL CHECK (size > 0),          -- contracts
    reason TEXT NOT NULL,                -- code of the decision, or the exit reason
    kind TEXT NOT NULL CHECK (kind IN ('market', 'stop', 'limit')),
    level REAL,                          -- price of an entry by stop or limit, for one bar
    stop_distance REAL,                  -- what protects the entry's position: price units from
    target_distance REAL,                -- the entry price; NULL for none
    target_level REAL,                   -- a price
    trail_distance REAL                  -- from the best close
) STRICT, WITHOUT ROWID;

-- What the paper venue did with an order; an order without a fill lapsed.
CREATE TABLE fills (
    order_id TEXT PRIMARY KEY REFERENCES orders,
    run_id TEXT NOT NULL REFERENCES rehearsals,
    symbol TEXT NOT NULL,
    filled_at_us INTEGER NOT NULL,
    price REAL NOT NULL,                 -- slippage included
    size INTEGER NOT NULL,
    commission_usd REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- A round trip: the fill of an entry and the fill of its exit.
CREATE TABLE trades (
    entry_order_id TEXT PRIMARY KEY REFERENCES orders,
    exit_order_id TEXT NOT NULL REFERENCES orders,
    run_id TEXT NOT NULL REFERENCES rehearsals,
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

-- Everything else worth knowing later, by code.
CREATE TABLE events (
    run_id TEXT NOT NULL REFERENCES rehearsals,
    at_us INTEGER NOT NULL,
    symbol TEXT NOT NULL,                -- empty: concerns the whole run
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run_id, at_us, symbol, code)
) STRICT, WITHOUT ROWID;
"""
