"""The tables of the ledger, as numbered steps.

``cost_entries`` is only ever added to. An entry names what it is reported by through a key (one row
for each combination of provider, model, pattern, repository, user and tag), and its price through the
unit prices it was reckoned with. Everything is added up in the entry's own transaction: ``cost_days`` by
day for each single dimension (budgets read it, too), ``cost_pairs`` by day for each two names of a key,
``cost_cube`` by key and day, and over all time ``cost_keys`` by key and ``cost_steps`` by key, agent and step
(`ledger/sources.py` says which of them answers what).
``cost_attempts`` are calls in flight, with what they hold of the budgets.
"""

from __future__ import annotations

from sophia_mcp.cost.ledger.entry import MEASURES
from sophia_mcp.store.migrations import Migrations, Step

_MEASURES = ",\n  ".join(f"{name} INTEGER NOT NULL" for name in MEASURES)

_SUMS = f"entries INTEGER NOT NULL,\n  {_MEASURES}"
"""``entries`` counts what was added up: where it is 0 there is nothing, which sums of 0 do not say."""

_FIRST = f"""
CREATE TABLE cost_keys (
  id INTEGER PRIMARY KEY,
  workspace TEXT NOT NULL,
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  pattern TEXT NOT NULL,
  repo TEXT NOT NULL,
  user_name TEXT NOT NULL,
  tag TEXT NOT NULL,
  {_SUMS}
);
CREATE TABLE cost_prices (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  version TEXT NOT NULL,
  unit_prices TEXT NOT NULL      -- JSON, as the catalogue gave them
);
CREATE TABLE cost_entries (
  id INTEGER PRIMARY KEY,        -- grows with time; an attempt keeps its id when it becomes an entry
  workspace TEXT NOT NULL,
  day INTEGER NOT NULL,
  key_id INTEGER NOT NULL,
  run TEXT NOT NULL,
  step TEXT NOT NULL,
  agent TEXT NOT NULL,
  {_MEASURES},
  at_ns INTEGER NOT NULL,
  recorded_ns INTEGER NOT NULL,
  outcome TEXT NOT NULL,
  basis TEXT NOT NULL,
  processing TEXT NOT NULL,
  price_id INTEGER NOT NULL,
  reserved_nano INTEGER NOT NULL,
  corrects INTEGER NOT NULL,     -- the entry this one mends, or 0
  origin TEXT NOT NULL,          -- what names the call in another program's log, or empty
  error TEXT NOT NULL,
  fingerprint INTEGER NOT NULL,  -- of the whole question
  shared INTEGER NOT NULL,       -- of the part that all steps of a fan-out have in common, or 0
  shared_tokens INTEGER NOT NULL
);
CREATE INDEX cost_entries_day ON cost_entries (workspace, day);
-- Alone enough to group by run, and by step with a time: entries themselves are ten times as long.
CREATE INDEX cost_entries_run ON cost_entries (workspace, run, step, agent, day, key_id, nano);
CREATE INDEX cost_entries_corrects ON cost_entries (workspace, corrects) WHERE corrects <> 0;
CREATE INDEX cost_entries_uncertain ON cost_entries (workspace, id) WHERE uncertain_nano > 0;
CREATE UNIQUE INDEX cost_entries_origin ON cost_entries (workspace, origin) WHERE origin <> '';
CREATE TABLE cost_days (
  workspace TEXT NOT NULL,
  dimension TEXT NOT NULL,       -- what name is: model, run, user and so on; empty: everything
  name TEXT NOT NULL,
  day INTEGER NOT NULL,
  {_SUMS},
  PRIMARY KEY (workspace, dimension, name, day)
) WITHOUT ROWID;
CREATE TABLE cost_pairs (
  workspace TEXT NOT NULL,
  dimension TEXT NOT NULL,       -- what name and other are: "repo user" and so on
  name TEXT NOT NULL,
  other TEXT NOT NULL,
  day INTEGER NOT NULL,
  {_SUMS},
  PRIMARY KEY (workspace, dimension, name, other, day)
) WITHOUT ROWID;
CREATE TABLE cost_cube (
  workspace TEXT NOT NULL,
  key_id INTEGER NOT NULL,
  day INTEGER NOT NULL,
  {_SUMS},
  PRIMARY KEY (workspace, key_id, day)
) WITHOUT ROWID;
CREATE INDEX cost_cube_day ON cost_cube (workspace, day);
CREATE TABLE cost_steps (
  workspace TEXT NOT NULL,
  key_id INTEGER NOT NULL,
  agent TEXT NOT NULL,
  step TEXT NOT NULL,
  {_SUMS},
  PRIMARY KEY (workspace, key_id, agent, step)
) WITHOUT ROWID;
CREATE TABLE cost_attempts (
  id INTEGER PRIMARY KEY,
  workspace TEXT NOT NULL,
  day INTEGER NOT NULL,
  at_ns INTEGER NOT NULL,
  until_ns INTEGER NOT NULL,     -- when it must have ended
  holder TEXT NOT NULL,          -- the process that makes the call
  provider TEXT NOT NULL,
  model TEXT NOT NULL,
  processing TEXT NOT NULL,
  run TEXT NOT NULL,
  step TEXT NOT NULL,
  pattern TEXT NOT NULL,
  agent TEXT NOT NULL,
  repo TEXT NOT NULL,
  user_name TEXT NOT NULL,
  tag TEXT NOT NULL,
  reserved_nano INTEGER NOT NULL,
  reserved_tokens INTEGER NOT NULL,
  fingerprint INTEGER NOT NULL,
  shared INTEGER NOT NULL,
  shared_tokens INTEGER NOT NULL
);
CREATE TABLE cost_budgets (
  workspace TEXT NOT NULL,
  scope TEXT NOT NULL,
  name TEXT NOT NULL,
  period TEXT NOT NULL,          -- day | week | month | total
  hard INTEGER NOT NULL,
  limit_nano INTEGER NOT NULL,
  changed_ns INTEGER NOT NULL,
  PRIMARY KEY (workspace, scope, name, period, hard)
) WITHOUT ROWID;
CREATE TABLE cost_alerts (
  workspace TEXT NOT NULL,
  scope TEXT NOT NULL,
  name TEXT NOT NULL,            -- the subject that crossed the level
  period TEXT NOT NULL,
  hard INTEGER NOT NULL,
  limit_nano INTEGER NOT NULL,
  start_day INTEGER NOT NULL,
  level INTEGER NOT NULL,        -- percent
  used_nano INTEGER NOT NULL,
  at_ns INTEGER NOT NULL,
  PRIMARY KEY (workspace, scope, name, period, hard, limit_nano, start_day, level)
) WITHOUT ROWID;
CREATE TABLE cost_factors (      -- what settled calls said about a model's tokenizer
  workspace TEXT NOT NULL,
  model TEXT NOT NULL,
  factor REAL NOT NULL,
  peak REAL NOT NULL,
  calls INTEGER NOT NULL,
  PRIMARY KEY (workspace, model)
) WITHOUT ROWID;
"""

MIGRATIONS = Migrations("cost", (Step(1, _FIRST, oldest_reader=1, oldest_writer=1),))
