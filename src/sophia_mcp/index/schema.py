"""The tables of the code index, as numbered steps.

A *view* (repository, worktree, branch, commit) maps paths to blobs. A *blob* is the bytes on disk
under one language; its text, chunks, symbols and edges are stored once whoever shows them. A
*placement* is a blob at a path of a repository: lexical rows and vectors belong to it, because the
path is part of the meaning. The id of a chunk at a path is ``placement * 4096 + ordinal``.

What a view shows are its *members*: a placement and the stamp its file had when it was read. They
hold no path, so that one more worktree of ten thousand files costs a third of a megabyte.
``files`` joins members with their paths and is read like a table; it is never written.
"""

from __future__ import annotations

from sophia_mcp.store.migrations import Migrations, Step

CHUNKS_PER_BLOB = 4096
"""More chunks than this are merged while cutting, so that a chunk id stays one integer."""


def chunk_id(placement: int, ordinal: int) -> int:
    """The id under which words and vectors of one chunk are stored."""
    return placement * CHUNKS_PER_BLOB + ordinal


def split_id(chunk: int) -> tuple[int, int]:
    """The (placement, ordinal) of a chunk id."""
    return divmod(chunk, CHUNKS_PER_BLOB)


_FIRST = """
CREATE TABLE repos (
  id INTEGER PRIMARY KEY,
  workspace TEXT NOT NULL,
  name TEXT NOT NULL,
  root TEXT NOT NULL,
  kind TEXT NOT NULL,            -- git | folder | connector
  origin TEXT NOT NULL,          -- remote URL without credentials, or empty
  include TEXT NOT NULL,         -- JSON list of globs
  exclude TEXT NOT NULL,         -- JSON list of globs
  watch INTEGER NOT NULL,
  trusted INTEGER NOT NULL,      -- 1: a person indexed it from the command line
  generation INTEGER NOT NULL,   -- grows with every change of words or vectors
  thinned INTEGER NOT NULL,      -- the last generation that took some of them away
  used_ns INTEGER NOT NULL,
  created_ns INTEGER NOT NULL,
  UNIQUE (workspace, name),
  UNIQUE (workspace, root)
);
CREATE TABLE identities (           -- what tells two checkouts of one repository from strangers
  workspace TEXT NOT NULL,
  identity TEXT NOT NULL,        -- dir:<common git folder> | root:<first commit> | remote:<url>
  repo_id INTEGER NOT NULL REFERENCES repos (id),
  PRIMARY KEY (workspace, identity)
) WITHOUT ROWID;
CREATE TABLE views (
  id INTEGER PRIMARY KEY,
  workspace TEXT NOT NULL,
  repo_id INTEGER NOT NULL REFERENCES repos (id),
  name TEXT NOT NULL,            -- what a person calls it: the repository, or the worktree's folder
  root TEXT NOT NULL,            -- folder on disk; empty for a commit view
  ref TEXT NOT NULL,             -- empty: the tree on disk; else branch, tag or commit as asked
  commit_id TEXT NOT NULL,
  branch TEXT NOT NULL,
  detection TEXT NOT NULL,       -- git | walk
  reason TEXT NOT NULL,          -- why it failed, or why git could not be used
  state TEXT NOT NULL,           -- indexing | ready | failed
  stage TEXT NOT NULL,           -- files | edges | done: how far the current run is
  generation INTEGER NOT NULL,   -- grows with every change of the map
  thinned INTEGER NOT NULL,      -- the last generation that took a path away
  files_total INTEGER NOT NULL,
  chunker TEXT NOT NULL,         -- version of chunker and grammars that made it
  model TEXT NOT NULL,           -- embedding model id
  seconds REAL NOT NULL,
  reconciled_ns INTEGER NOT NULL,
  used_ns INTEGER NOT NULL,
  UNIQUE (repo_id, root, ref),
  UNIQUE (workspace, name)
);
CREATE TABLE blobs (
  id INTEGER PRIMARY KEY,
  workspace TEXT NOT NULL,
  hash TEXT NOT NULL,            -- git's blob id of the bytes on disk
  language TEXT NOT NULL,
  size INTEGER NOT NULL,
  lines INTEGER NOT NULL,
  encoding TEXT NOT NULL,
  fallback TEXT NOT NULL,        -- why syntax was not used, or empty
  chunker TEXT NOT NULL,
  text BLOB NOT NULL,            -- zstd of the decoded text, UTF-8
  UNIQUE (workspace, hash, language, chunker)
);
CREATE TABLE placements (
  id INTEGER PRIMARY KEY,
  workspace TEXT NOT NULL,
  repo_id INTEGER NOT NULL REFERENCES repos (id),
  path TEXT NOT NULL,
  blob_id INTEGER NOT NULL REFERENCES blobs (id),
  chunks INTEGER NOT NULL,
  lexical INTEGER NOT NULL,      -- 1: its words are in the text index
  trigram INTEGER NOT NULL,      -- 1: its trigrams are
  UNIQUE (repo_id, path, blob_id)
);
CREATE INDEX placements_by_blob ON placements (blob_id);
CREATE TABLE members (
  view_id INTEGER NOT NULL REFERENCES views (id),
  placement_id INTEGER NOT NULL REFERENCES placements (id),
  generation INTEGER NOT NULL,   -- of the view, that brought it
  size INTEGER NOT NULL,         -- bytes on disk when it was read
  mtime_ns INTEGER NOT NULL,     -- 0: it was written moments before, so its time proves nothing
  ctime_ns INTEGER NOT NULL,
  PRIMARY KEY (view_id, placement_id)
) WITHOUT ROWID;
CREATE INDEX members_by_placement ON members (placement_id);
CREATE VIEW files AS
  SELECT m.view_id AS view_id, p.path AS path, m.placement_id AS placement_id,
         m.size AS size, m.mtime_ns AS mtime_ns, m.ctime_ns AS ctime_ns
  FROM views v
  JOIN members m ON m.view_id = v.id
  JOIN placements p ON p.id = m.placement_id AND p.repo_id = v.repo_id;
CREATE TABLE skips (
  view_id INTEGER NOT NULL REFERENCES views (id),
  path TEXT NOT NULL,            -- a folder ends with a slash
  reason TEXT NOT NULL,
  hash TEXT NOT NULL,            -- of a file that was skipped for what it holds, else empty
  size INTEGER NOT NULL,         -- the stamp of a file that was opened before it was skipped
  mtime_ns INTEGER NOT NULL,
  ctime_ns INTEGER NOT NULL,     -- 0: skipped by its name or kind
  PRIMARY KEY (view_id, path)
) WITHOUT ROWID;
CREATE TABLE counters (            -- the next id of a table; ids are never used twice
  name TEXT PRIMARY KEY,
  next INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE chunks (
  blob_id INTEGER NOT NULL REFERENCES blobs (id),
  ordinal INTEGER NOT NULL,
  start_line INTEGER NOT NULL,
  end_line INTEGER NOT NULL,
  kind TEXT NOT NULL,
  symbol TEXT NOT NULL,
  context TEXT NOT NULL,         -- enclosing definitions, joined by a newline
  names TEXT NOT NULL,           -- definitions that begin inside, joined by a newline
  signature TEXT NOT NULL,
  PRIMARY KEY (blob_id, ordinal)
) WITHOUT ROWID;
CREATE TABLE symbols (
  blob_id INTEGER NOT NULL REFERENCES blobs (id),
  position INTEGER NOT NULL,     -- order in the file
  name TEXT NOT NULL,            -- last segment, as written
  folded TEXT NOT NULL,          -- case-folded last segment
  container TEXT NOT NULL,
  kind TEXT NOT NULL,
  start_line INTEGER NOT NULL,
  end_line INTEGER NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (blob_id, position)
) WITHOUT ROWID;
CREATE INDEX symbols_by_name ON symbols (folded, blob_id);
CREATE TABLE edges (
  blob_id INTEGER PRIMARY KEY REFERENCES blobs (id),
  packed BLOB NOT NULL           -- zstd JSON of references and imports
);
CREATE TABLE vectors (
  model TEXT NOT NULL,
  placement_id INTEGER NOT NULL REFERENCES placements (id),
  repo_id INTEGER NOT NULL,
  generation INTEGER NOT NULL,   -- of the repository, that brought these rows
  count INTEGER NOT NULL,
  scales BLOB NOT NULL,          -- count little-endian float32
  rows BLOB NOT NULL,            -- count x dimensions int8, row after row
  PRIMARY KEY (model, repo_id, placement_id)
);                               -- with row ids: rows of 2 kB would spill from an index's own pages
CREATE INDEX vectors_by_generation ON vectors (model, repo_id, generation, placement_id, count);
"""

_SHAPE = """
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('views', NULL, '20'),
  ('members', 'members', '200000 10000 1'),
  ('members', 'members_by_placement', '200000 8 1'),
  ('placements', 'sqlite_autoindex_placements_1', '30000 10000 2 1'),
  ('placements', 'placements_by_blob', '30000 2'),
  ('blobs', 'sqlite_autoindex_blobs_1', '25000 25000 1 1 1'),
  ('symbols', 'symbols', '500000 20 1'),
  ('symbols', 'symbols_by_name', '500000 6 1'),
  ('chunks', 'chunks', '250000 10 1'),
  ('skips', 'skips', '20000 1000 1'),
  ('edges', NULL, '25000'),
  ('vectors', 'sqlite_autoindex_vectors_1', '30000 30000 10000 1'),
  ('vectors', 'vectors_by_generation', '30000 30000 10000 100 1 1');
ANALYZE sqlite_schema;
"""
"""What the tables look like when full, so that the planner of a connection that was opened on empty
ones still starts from the rare side."""

MIGRATIONS = Migrations("index", (Step(1, _FIRST + _SHAPE, oldest_reader=1, oldest_writer=1),))
