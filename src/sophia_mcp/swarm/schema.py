"""The tables of swarms: what was ordered, what each step came to, and everything that happened.

The id of a run is the id of its job: `store/jobs` says who works on it and whether it shall stop.
Events are only ever added.
"""

from __future__ import annotations

from sophia_mcp.store.migrations import Migrations, Step

MIGRATIONS = Migrations(
    "swarm",
    (
        Step(
            1,
            """
            CREATE TABLE runs (
              id TEXT PRIMARY KEY,
              workspace TEXT NOT NULL,
              digest TEXT NOT NULL,          -- of what was ordered, to know the same order again
              request TEXT NOT NULL,         -- JSON: the order
              provider TEXT NOT NULL,        -- the one that was chosen for it
              free INTEGER NOT NULL,         -- 1: its calls cost no money
              status TEXT NOT NULL,
              reason TEXT NOT NULL,
              outcome TEXT NOT NULL,         -- JSON, or empty while there is none
              gates TEXT NOT NULL,           -- JSON list
              notes TEXT NOT NULL,           -- JSON list
              total INTEGER NOT NULL,        -- steps at most, 0 while they are not known
              created_ns INTEGER NOT NULL,
              updated_ns INTEGER NOT NULL
            ) WITHOUT ROWID;
            CREATE INDEX runs_by_digest ON runs (workspace, digest, created_ns);
            CREATE INDEX runs_by_age ON runs (workspace, created_ns);
            CREATE TABLE run_steps (
              run_id TEXT NOT NULL REFERENCES runs (id),
              key TEXT NOT NULL,
              workspace TEXT NOT NULL,
              state TEXT NOT NULL,           -- started | waiting | answered | done | failed | skipped
              digest TEXT NOT NULL,          -- of everything that made the question
              packet TEXT NOT NULL,          -- JSON of what the assistant is asked to do, or empty
              output TEXT NOT NULL,          -- JSON: what came out, or why nothing did
              attempts INTEGER NOT NULL,
              started_ns INTEGER NOT NULL,
              ended_ns INTEGER NOT NULL,     -- 0 while it has not ended
              PRIMARY KEY (run_id, key)
            ) WITHOUT ROWID;
            CREATE TABLE run_events (
              run_id TEXT NOT NULL REFERENCES runs (id),
              number INTEGER NOT NULL,
              workspace TEXT NOT NULL,
              at_ns INTEGER NOT NULL,
              kind TEXT NOT NULL,
              step TEXT NOT NULL,            -- empty: the run as a whole
              facts TEXT NOT NULL,           -- JSON object
              PRIMARY KEY (run_id, number)
            ) WITHOUT ROWID
            """,
            oldest_reader=1,
            oldest_writer=1,
        ),
    ),
)
