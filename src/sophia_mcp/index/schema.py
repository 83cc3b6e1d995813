"""The tables of the code index, as numbered steps.

A *view* (repository, worktree, branch, commit) maps paths to blobs. A *blob* is the bytes on disk
under one language; its text, chunks, symbols and edges are stored once whoever shows them. A
*placement* is a blob at a path of a repository: lexical rows and vectors belong to it, because the
path is part of the meaning. The id of a chunk at a path is ``placement * 4096 + ordinal``.
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
  used_ns INTEGER NOT NULL,
  created_ns INTEGER NOT NULL,
  UNIQUE (workspace, name),
  UNIQUE (workspace, root)
);
CREATE TABLE views (
  id INTEGER PRIMARY KEY,
  workspace TEXT NOT NULL,
  repo_id INTEGER NOT NULL REFERENCES repos (id),
  root TEXT NOT NULL,            -- folder on disk; empty for a commit view
  ref TEXT NOT NULL,             -- empty: the tree on disk; else branch, tag or commit as asked
  commit_id TEXT NOT NULL,
  branch TEXT NOT NULL,
  detection TEXT NOT NULL,       -- git | walk
  reason TEXT NOT NULL,          -- why it failed, or why git could not be used
  state TEXT NOT NULL,           -- indexing | ready | failed
  stage TEXT NOT NULL,           -- files | edges | done: how far the current run is
  generation INTEGER NOT NULL,   -- grows with every change of the map
  files_total INTEGER NOT NULL,
  chunker TEXT NOT NULL,         -- version of chunker and grammars that made it
  model TEXT NOT NULL,           -- embedding model id
  seconds REAL NOT NULL,
  reconciled_ns INTEGER NOT NULL,
  used_ns INTEGER NOT NULL,
  UNIQUE (repo_id, root, ref)
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
  UNIQUE (workspace, hash, language)
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
CREATE TABLE files (
  view_id INTEGER NOT NULL REFERENCES views (id),
  path TEXT NOT NULL,
  placement_id INTEGER NOT NULL REFERENCES placements (id),
  size INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  PRIMARY KEY (view_id, path)
) WITHOUT ROWID;
CREATE INDEX files_by_placement ON files (placement_id);
CREATE TABLE skips (
  view_id INTEGER NOT NULL REFERENCES views (id),
  path TEXT NOT NULL,
  reason TEXT NOT NULL,
  PRIMARY KEY (view_id, path)
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
  count INTEGER NOT NULL,
  scales BLOB NOT NULL,          -- count little-endian float32
  rows BLOB NOT NULL,            -- count x dimensions int8, row after row
  PRIMARY KEY (model, repo_id, placement_id)
) WITHOUT ROWID;
"""

MIGRATIONS = Migrations("index", (Step(1, _FIRST, oldest_reader=1, oldest_writer=1),))
