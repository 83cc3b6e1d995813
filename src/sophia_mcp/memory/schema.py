"""Which tables hold what is remembered and learned? All of them are truth, in `state.db`."""

from __future__ import annotations

from sophia_mcp.store.migrations import Migrations, Step

MIGRATIONS = Migrations(
    "memory",
    (
        Step(
            1,
            """
            CREATE TABLE memory_spaces (
              id INTEGER PRIMARY KEY,
              workspace TEXT NOT NULL,
              scope TEXT NOT NULL,           -- repo | workspace | user | global
              name TEXT NOT NULL,            -- the repository's name, else empty
              root TEXT NOT NULL,            -- where it was seen last, else empty
              changed INTEGER NOT NULL       -- grows with every change of a memory inside
            );
            CREATE TABLE memory_homes (
              workspace TEXT NOT NULL,
              identity TEXT NOT NULL,        -- what a repository, or a scope, says about itself
              space INTEGER NOT NULL REFERENCES memory_spaces (id),
              PRIMARY KEY (workspace, identity)
            ) WITHOUT ROWID;
            CREATE TABLE memories (
              id TEXT NOT NULL,
              workspace TEXT NOT NULL,
              number INTEGER NOT NULL,       -- its id in the text index and among the vectors
              space INTEGER NOT NULL REFERENCES memory_spaces (id),
              kind TEXT NOT NULL,            -- fact | decision | lesson | preference
              tier TEXT NOT NULL,            -- working | episodic | lasting | pinned
              source TEXT NOT NULL,          -- assistant | person | run:ID
              text TEXT NOT NULL,
              digest TEXT NOT NULL,          -- of the text without case, spaces and final stops
              created_ns INTEGER NOT NULL,
              used_ns INTEGER NOT NULL,      -- when it was last recalled or asserted again
              uses INTEGER NOT NULL,
              repeats INTEGER NOT NULL,      -- how often it was asserted again
              standing INTEGER NOT NULL,     -- sum of its votes
              expires_ns INTEGER NOT NULL,   -- 0: never
              forgotten_ns INTEGER NOT NULL, -- 0: it is remembered
              changed INTEGER NOT NULL,      -- the space's count at its last change
              -- Not (workspace, id): without statistics a planner takes a key that begins with the
              -- workspace, and holds the whole row, for the cheapest way to anything.
              PRIMARY KEY (id, workspace)
            ) WITHOUT ROWID;
            CREATE UNIQUE INDEX memories_by_number ON memories (workspace, number);
            CREATE INDEX memories_by_digest ON memories (workspace, space, digest);
            CREATE INDEX memories_by_change ON memories (workspace, space, changed);
            CREATE INDEX memories_by_time ON memories (workspace, space, created_ns);
            CREATE INDEX memories_pinned ON memories (workspace, space, created_ns) WHERE tier = 'pinned';
            CREATE INDEX memories_by_sort
              ON memories (workspace, space, kind, tier, forgotten_ns, expires_ns); -- counts read no rows
            CREATE INDEX memories_by_end ON memories (workspace, expires_ns) WHERE expires_ns > 0;
            CREATE INDEX memories_by_loss ON memories (workspace, forgotten_ns) WHERE forgotten_ns > 0;
            CREATE TABLE memory_vectors (
              workspace TEXT NOT NULL,
              number INTEGER NOT NULL,
              model TEXT NOT NULL,
              scale REAL NOT NULL,
              row BLOB NOT NULL,             -- int8
              PRIMARY KEY (workspace, number)
            ) WITHOUT ROWID;
            CREATE TABLE memory_anchors (
              workspace TEXT NOT NULL,
              memory TEXT NOT NULL,
              ordinal INTEGER NOT NULL,
              place TEXT NOT NULL,           -- as it was given
              kind TEXT NOT NULL,            -- path | line | symbol
              root TEXT NOT NULL,            -- the folder it was anchored in
              path TEXT NOT NULL,
              symbol TEXT NOT NULL,          -- container.name, else empty
              line INTEGER NOT NULL,         -- 0: the whole file
              first INTEGER NOT NULL,        -- first line of the text that is held
              lines INTEGER NOT NULL,        -- how many lines it has
              copies INTEGER NOT NULL,       -- how often it stands in that file
              size INTEGER NOT NULL,         -- bytes of that file
              commit_id TEXT NOT NULL,       -- HEAD when it was anchored, else empty
              file_hash TEXT NOT NULL,
              text_hash TEXT NOT NULL,
              PRIMARY KEY (workspace, memory, ordinal)
            ) WITHOUT ROWID;
            CREATE TABLE memory_votes (
              workspace TEXT NOT NULL,
              memory TEXT NOT NULL,
              voter TEXT NOT NULL,           -- person | assistant | run:ID: each counts once
              vote INTEGER NOT NULL,
              at_ns INTEGER NOT NULL,
              PRIMARY KEY (workspace, memory, voter)
            ) WITHOUT ROWID;
            CREATE TABLE memory_runs (
              workspace TEXT NOT NULL,
              run TEXT NOT NULL,
              pattern TEXT NOT NULL,
              task_kind TEXT NOT NULL,
              model TEXT NOT NULL,
              tier TEXT NOT NULL,
              repo TEXT NOT NULL,
              task TEXT NOT NULL,
              status TEXT NOT NULL,
              succeeded INTEGER NOT NULL,    -- 1: done, and every gate passed
              gates_passed INTEGER NOT NULL,
              gates INTEGER NOT NULL,
              findings INTEGER NOT NULL,
              accepted INTEGER NOT NULL,
              rejected INTEGER NOT NULL,
              cost_nano INTEGER NOT NULL,
              duration_ns INTEGER NOT NULL,
              ended_ns INTEGER NOT NULL,
              PRIMARY KEY (workspace, run)
            ) WITHOUT ROWID;
            CREATE INDEX memory_runs_by_arm ON memory_runs (workspace, task_kind, pattern, ended_ns);
            CREATE TABLE memory_feedback (
              workspace TEXT NOT NULL,
              run TEXT NOT NULL,
              finding TEXT NOT NULL,         -- digest of path, line and claim
              accepted INTEGER NOT NULL,
              at_ns INTEGER NOT NULL,
              PRIMARY KEY (workspace, run, finding)
            ) WITHOUT ROWID
            """,
            oldest_reader=1,
            oldest_writer=1,
        ),
    ),
)
