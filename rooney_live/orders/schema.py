"""The orders' part of the journal: what was wanted, where it stands, and every step on the way.

Belongs here: the SQL of `orders` and `order_events`. Does not belong here: code that writes them.
Times are microseconds since 1970-01-01 UTC; prices raw, in quote units.
"""

from __future__ import annotations

from typing import Final

ORDERS_SCHEMA: Final = """
-- What the trader wanted the venue to do, and where that stands (the last of order_events).
CREATE TABLE orders (
    order_id TEXT PRIMARY KEY,           -- symbol:bar_end_us:intent; a replay's with run_id: before
    run_id TEXT NOT NULL REFERENCES runs,
    symbol TEXT NOT NULL,
    decided_at_us INTEGER NOT NULL,
    intent TEXT NOT NULL CHECK (intent IN ('enter', 'exit', 'cancel')),
    side INTEGER NOT NULL CHECK (side IN (-1, 1)),   -- side of the position, not of the order
    size INTEGER NOT NULL CHECK (size > 0),          -- contracts
    reason TEXT NOT NULL,                -- code of the decision, or the exit reason
    kind TEXT NOT NULL CHECK (kind IN ('market', 'stop', 'limit')),
    level REAL,                          -- price of an entry by stop or limit, for one bar
    stop_distance REAL,                  -- what protects the entry's position: price units from
    target_distance REAL,                -- the entry price; NULL for none
    target_level REAL,                   -- a price
    trail_distance REAL,                 -- from the best close
    decision_id TEXT,                    -- symbol:bar_end_us, or what made it; NULL in a replay
    release_id TEXT NOT NULL DEFAULT '',
    contract TEXT NOT NULL DEFAULT '',   -- dated, as ESZ26
    ticker TEXT NOT NULL DEFAULT '',     -- the venue's name of it, as ESZ2026
    origin TEXT NOT NULL DEFAULT 'decision',
    signal_price REAL,                   -- close of the decision's bar
    expires_at_us INTEGER,               -- an entry is not sent later; NULL: no end
    order_type TEXT NOT NULL DEFAULT 'market' CHECK (order_type IN ('market', 'limit')),
    limit_price REAL,                    -- of an exit by limit
    execution_reason TEXT NOT NULL DEFAULT '',       -- why it is sent so
    state TEXT NOT NULL DEFAULT 'PAPER' CHECK (state IN ('INTENT', 'SENDING', 'ACKED', 'REJECTED',
        'UNKNOWN', 'DENIED', 'WITHDRAWN', 'PAPER')),
    attempts INTEGER NOT NULL DEFAULT 0, -- how often it became SENDING
    due_at_us INTEGER NOT NULL DEFAULT 0,            -- not before; 0: at once
    sender TEXT NOT NULL DEFAULT '',     -- role of the process that sends it: trader, monitor, ...
    code TEXT NOT NULL DEFAULT '',       -- why it is where it is
    detail TEXT NOT NULL DEFAULT '',     -- the same for people
    http_status INTEGER,
    sent_at_us INTEGER,                  -- when it last became SENDING
    resolved_at_us INTEGER,              -- when it last ceased to be
    sent_seq INTEGER,                    -- order_events.seq of both
    resolved_seq INTEGER
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX orders_one_entry ON orders (decision_id) WHERE intent = 'enter';

CREATE INDEX orders_state ON orders (state, due_at_us);

CREATE INDEX orders_ticker ON orders (ticker, intent, state, order_type, sent_seq);

CREATE INDEX orders_contract ON orders (symbol, contract, intent, state, order_type, sent_seq);

-- One row per transition of an order, never changed: what a rate limit or an owner may count.
CREATE TABLE order_events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    order_id TEXT NOT NULL REFERENCES orders,
    at_us INTEGER NOT NULL,
    from_state TEXT NOT NULL,            -- empty: it did not exist
    to_state TEXT NOT NULL,
    attempt INTEGER NOT NULL,            -- 0 before the first
    sent_at_us INTEGER,                  -- of the attempt that it begins or ends
    unsent INTEGER NOT NULL DEFAULT 0 CHECK (unsent IN (0, 1)),   -- 1: the attempt sent no byte
    quiet_until_us INTEGER,              -- after 429: nobody may POST before
    http_status INTEGER,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    sender TEXT NOT NULL
) STRICT;

CREATE INDEX order_events_sent ON order_events (sent_at_us);

CREATE INDEX order_events_quiet ON order_events (quiet_until_us) WHERE quiet_until_us IS NOT NULL;

CREATE INDEX order_events_order ON order_events (order_id, seq);
"""
