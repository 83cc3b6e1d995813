"""Sources of SQL as servers, dumps and the programs that load them write them."""

from __future__ import annotations

import random

import pytest

from sophia_mcp.index.languages import sql
from sophia_mcp.index.parsing.parse import parse

SOURCE = r"""COPY public.t (a, b) FROM stdin;
1	it's
2	don"t CREATE TABLE bad (x int);
\.
CREATE TABLE after_rows (a int);
DELIMITER $$
CREATE FUNCTION f(x INT) RETURNS INT DETERMINISTIC BEGIN DECLARE a INT; SET a = 1; RETURN a; END$$
CREATE VIEW v AS SELECT 1$$
DELIMITER ;
CREATE TABLE [dbo].[Big Orders] ([id] int);
GO
\echo next
CREATE OR REPLACE FUNCTION pay(n integer) RETURNS trigger AS $body$
DECLARE
  it text := 'O''Brien';
BEGIN
  IF TG_OP = 'INSERT' THEN RAISE EXCEPTION 'no: %', n; END IF;
  EXECUTE $q$CREATE TABLE inner_one (a int)$q$;
END;
$body$ LANGUAGE plpgsql;
CREATE FUNCTION twice(n integer) RETURNS integer AS $$ SELECT n * 2 $$ LANGUAGE sql;
CREATE VIEW w AS SELECT a[1], b[i] FROM t;
CREATE TABLE last_one (a int);
"""


def test_what_is_no_sql_hides_no_definition_behind_it() -> None:
    parsed = parse(SOURCE, "sql")
    found = [(s.name, s.start_line, s.end_line) for s in parsed.symbols]
    assert found == [
        ("after_rows", 5, 5),
        ("f", 7, 7),
        ("v", 8, 8),
        ("Big Orders", 10, 10),
        ("pay", 13, 20),
        ("twice", 21, 21),
        ("w", 22, 22),
        ("last_one", 23, 23),
    ]
    assert [chunk.start_line for chunk in parsed.chunks if chunk.start_line <= 17 <= chunk.end_line]


OTHERS = """CREATE TABLE @extschema@.part_config (
  parent_table text NOT NULL
);
CREATE PROCEDURE @extschema@.run_all(p_wait numeric(10, 2) DEFAULT 0)
    LANGUAGE plpgsql
    AS $$
BEGIN
  COMMIT;
END
$$;
CREATE AGGREGATE ST_Extent(geometry) (
  sfunc = st_combine,
  stype = box3d
);
CREATE TYPE spheroid (
  alignment = double,
  internallength = 65
);
CREATE DOMAIN topology.TopoElement AS integer[];
CREATE TYPE geomval AS (geom geometry, val float8);
CREATE OR REPLACE PROCEDURE public.last_one(a int) LANGUAGE SQL AS $$ SELECT 1 $$;
"""


def test_procedures_aggregates_domains_and_types_of_ones_own_are_defined() -> None:
    found = [(s.name, s.kind, s.start_line, s.end_line) for s in parse(OTHERS, "sql").symbols]
    assert found == [
        ("part_config", "class", 1, 3),
        ("run_all", "function", 4, 10),
        ("ST_Extent", "function", 11, 14),
        ("spheroid", "class", 15, 18),
        ("TopoElement", "class", 19, 19),
        ("geomval", "class", 20, 20),
        ("last_one", "function", 21, 21),
    ]


def test_a_place_for_a_schema_in_an_expression_hides_no_definition_behind_it() -> None:
    text = (
        "ALTER TABLE @extschema@.part\nADD CONSTRAINT c\nCHECK (@extschema@.is_type(sub));\n\n" + OTHERS
    )
    assert "part_config" in {s.name for s in parse(text, "sql").symbols}
    assert len(parse(text, "sql").symbols) == len(parse(OTHERS, "sql").symbols)


def test_every_byte_keeps_its_place() -> None:
    rng = random.Random(5)
    pieces = [
        "$$",
        "$a$",
        "$b$",
        "'",
        '"',
        "`",
        "[a]",
        "[",
        "]",
        "--",
        "/*",
        "*/",
        "//",
        "\n",
        "\nGO\n",
        "/\n",
        "é",
    ]
    pieces += [
        "\ndelimiter $$\n",
        "\n\\d\n",
        "\ncopy a from stdin;\n",
        "\n\\.\n",
        ";",
        "create table t (a int)",
        " ",
    ]
    for _ in range(300):
        source = "".join(rng.choice(pieces) for _ in range(60)).encode()
        plain = sql.plain(source)
        assert len(plain) == len(source)
        assert all(new in (old, *b" '\";") for old, new in zip(source, plain, strict=True))
        others = sql.plain(OTHERS.encode() + source)
        assert [len(line) for line in others.split(b"\n")][: OTHERS.count("\n")] == [
            len(line) for line in OTHERS.encode().split(b"\n")[:-1]
        ]
        assert plain.count(b"\n") == source.count(b"\n")


def test_quotes_that_are_closed_nowhere_are_no_texts() -> None:
    source = b"".join(b"$t%d$ " % number for number in range(20_000))
    assert sql.plain(source) == source


@pytest.mark.parametrize(
    "written", [b"create type a as (\n", b"\ncreate domain a ", b"\ncreate type a(b"]
)
@pytest.mark.parametrize("end", [b"", b")"])
def test_what_no_semicolon_ends_is_no_statement(written: bytes, end: bytes) -> None:
    many = written * 25_000 + end
    assert sql.plain(many) == many


def _tables(text: str) -> list[str]:
    return [symbol.name for symbol in parse(text, "sql").symbols]


def test_rows_of_a_dump_end_where_they_say_so() -> None:
    dump = 'CREATE TABLE a (x int);\nCOPY public."Order" (id, "userId") FROM stdin;\n1\tit\'s\n\\.\n\nCREATE TABLE b (x int);\n'
    assert _tables(dump) == ["a", "b"]
    sent = "COPY t FROM STDIN;\nCREATE TABLE c (x int);\nCREATE TABLE d (x int);\n"  # by a program, elsewhere
    assert _tables(sent) == ["c", "d"]
    many = b"copy from stdin " * 32_000
    assert sql.plain(many) == many


@pytest.mark.parametrize("delimiter", ["$$", "//", ";;", "$end$"])
def test_the_delimiter_that_a_line_names_ends_a_statement(delimiter: str) -> None:
    text = (
        f"DELIMITER {delimiter}\nCREATE VIEW v AS SELECT 1{delimiter}\nDELIMITER ;\nCREATE TABLE d (x int);\nGO 5\n"
        "CREATE TABLE e (x int);\n"
    )
    assert _tables(text) == ["v", "d", "e"]


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE `a` (`n` text DEFAULT 'it\\'s; CREATE TABLE no (id int);');\nCREATE TABLE b (id int);\n",
        "INSERT INTO x VALUES ('it\\'s');\nCREATE TABLE a (id int);\nINSERT INTO x VALUES ('\\\\', '\\'; ');\n"
        "CREATE TABLE b (id int);\n",
        "CREATE TABLE a (n text DEFAULT 'C:\\');\nCREATE TABLE b (n text DEFAULT 'D:\\');\n",
    ],
)
def test_a_quote_behind_a_backslash_ends_a_text_only_where_the_dialect_says_so(text: str) -> None:
    assert [symbol.name for symbol in parse(text, "sql").symbols] == ["a", "b"]
