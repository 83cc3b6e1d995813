"""Bytes as text: encodings people use, and bytes that are no text."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sophia_mcp.index.disk.decode import decode, is_binary

pytestmark = pytest.mark.requirement("index.encodings")

_TEXT = "größe = 'ñandú'\n# Комментарий\n" * 3


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_encodings_are_read_with_and_without_marks(encoding: str) -> None:
    assert decode(_TEXT.encode(encoding)).text == _TEXT


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_wide_text_without_a_mark_is_recognised(encoding: str) -> None:
    raw = ("class Name { }\n" * 40).encode(encoding)
    assert decode(raw).text == "class Name { }\n" * 40
    assert not is_binary(raw)


def test_a_code_page_is_guessed() -> None:
    text = "// Überprüft die Größe der Übergabe für häufige Fälle\n" * 5
    assert "Größe" in decode(text.encode("cp1252")).text


@pytest.mark.parametrize(
    "text",
    [
        "/* Copyright © 2003 Foo */\nint main(void) { return 0; }\n",
        "x = 'ñ'  # año\n",
        "// 20 °C, déjà vérifié : l’élément « créé »\nint x;\n",
        "# Rückgabe der größten Länge\n",
        "# price – 10 €\n",
        "// más rápido: función básica, número de línea, ¿qué página?\n" * 20,
        "# référence à l’objet, problème déjà réglé\n" * 20,
    ],
)
def test_letters_alone_among_those_of_ascii_are_western_however_few(text: str) -> None:
    """Of so few others guess letters of two bytes, and take a quote or a name's letter with them."""
    assert decode(text.encode("cp1252")).text == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("// ファイルの読み込みエラー、次の要素\n", "cp932"),
        ("// 計算總價，讀取檔案錯誤\n", "big5"),
        ("// načíst soubor, uložit změny, počet řádků\n", "cp1250"),
        ("// zażółć gęślą jaźń, błąd odczytu, źródło\n", "cp1250"),
        ("// σφάλμα ανάγνωσης, επόμενο στοιχείο\n", "cp1253"),
    ],
)
def test_other_letters_are_not_taken_for_western_ones(text: str, encoding: str) -> None:
    assert decode((text * 6).encode(encoding)).text == text * 6


def test_cyrillic_in_its_own_code_page_is_guessed() -> None:
    text = "# Проверяет размер очереди перед отправкой сообщения\n" * 8
    assert decode(text.encode("cp1251")).text == text


def test_a_broken_byte_in_a_utf8_file_does_not_change_its_encoding() -> None:
    raw = ("straße und größe überall\n" * 100).encode() + b"\xff\n"
    decoded = decode(raw)
    assert decoded.encoding == "utf-8"
    assert decoded.text.endswith("\ufffd\n")


def test_every_kind_of_line_end_becomes_a_newline() -> None:
    assert decode(b"a\r\nb\rc\n").text == "a\nb\nc\n"


@pytest.mark.parametrize(
    "head", [b"\x7fELF\x02\x01\x01\x00\x00", b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", b"\0" * 64]
)
def test_binary_files_are_recognised(head: bytes) -> None:
    assert is_binary(head)


@pytest.mark.parametrize(
    "head", [b"", b"plain\n", codecs.BOM_UTF16_LE + "x".encode("utf-16-le"), "é".encode("cp1252")]
)
def test_text_files_are_not_binary(head: bytes) -> None:
    assert not is_binary(head)


@given(st.binary(max_size=400))
def test_any_bytes_decode_without_an_error_and_can_be_encoded(raw: bytes) -> None:
    decode(raw).text.encode("utf-8")
