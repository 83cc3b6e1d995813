"""Which language a file is written in: by its name, its first line, or its words."""

from __future__ import annotations

import pytest

from sophia_mcp.index.languages.detect import language_of

_SHARED = (".h", ".m", ".cls", ".pl", ".ts", ".v", ".cl", ".asc", ".pp", ".bb", ".inc", ".d")
_REPEATED = (
    *(
        b"\n",
        b" ",
        b"\t \n",
        b".o",
        b"a",
        b"a\n",
        b"a(\n",
        b"a(",
        b"a {\n",
        b"A",
        b"A=\n",
        b"A\n= ",
        b"\n#",
        b"# ",
    ),
    *(
        b"class ",
        b"class\n",
        b"public class\n",
        b"end\n",
        b"end ;",
        b"From x ",
        b"From x\n",
        b"node $",
        b"namespace\n",
    ),
    *(b"template\n", b"class a\n", b"__kernel", b"a.o ", b"use\n", b"inherit"),
)


@pytest.mark.parametrize(
    ("path", "language"),
    [
        *[("a/b.py", "python"), ("a.PY", "python"), ("x.test.tsx", "tsx"), ("types.d.ts", "typescript")],
        *[("Dockerfile", "dockerfile"), ("Dockerfile.prod", "dockerfile"), ("CMakeLists.txt", "cmake")],
        *[("Makefile", "make"), ("BUILD", "python"), ("Rakefile", "ruby"), ("Jenkinsfile", "groovy")],
        *[("main.tf", "hcl"), ("a.ipynb", "notebook"), ("README.md", "markdown"), ("LICENSE", "text")],
        *[
            ("package.json", "json"),
            (".github/ci.yml", "yaml"),
            ("a.h", "c"),
            ("a.zzz", None),
            ("noext", None),
            ("tool.py.in", "python"),
            ("config.h.in", "c"),
            ("site.yml.j2", "yaml"),
            ("page.j2", "html"),
            ("show.html.erb", "html"),
            ("phpunit.xml.dist", "xml"),
            ("notes.in", None),
        ],
    ],
)
def test_a_name_says_the_language(path: str, language: str | None) -> None:
    assert language_of(path, b"") == language


@pytest.mark.parametrize(
    ("line", "language"),
    [
        (b"#!/usr/bin/env python3\n", "python"),
        (b"#!/bin/bash -e\n", "bash"),
        (b"#!/usr/bin/env -S node --loader x\n", "javascript"),
        (b"#! /usr/bin/perl5.36\n", "perl"),
        (b"#!/opt/unknown\n", None),
    ],
)
def test_a_first_line_says_the_interpreter(line: bytes, language: str | None) -> None:
    assert language_of("bin/tool", line) == language


@pytest.mark.parametrize(
    ("head", "language"),
    [
        (b"# completion of x       -*- shell-script -*-\n", "bash"),
        (b"#\n# -*- coding: utf-8; mode: tcl; fill: 9 -*-\n", "tcl"),
        (b"/* vim: set ts=4 ft=c : */\n", "c"),
        (b"# -*- coding: utf-8 -*-\n", None),
        (b"# -*- mode: unheard -*-\n", None),
        (b"the marks -*- and vim: ft\n", None),
        (b"--- a/x.erl\n+++ b/x.erl\n@@ -1,2 +1,2 @@\n %% -*- erlang -*-\n", None),
    ],
)
def test_first_lines_tell_an_editor_the_language(head: bytes, language: str | None) -> None:
    assert language_of("etc/tool", head) == language
    assert language_of("etc/tool.py", head) == "python"


@pytest.mark.parametrize(
    ("path", "head", "language"),
    [
        ("a.h", b"#pragma once\nnamespace x {\n", "cpp"),
        ("a.h", b"template<class T> struct A;\n", "cpp"),
        ("a.h", b"#import <Foundation/Foundation.h>\n@interface A : B\n", "objc"),
        ("a.h", b"int f(int class_id);\n", "c"),
        ("a.m", b'#import "A.h"\n@implementation A\n@end\n', "objc"),
        ("a.m", b"function y = f(x)\n  y = x;\nend\n", "matlab"),
        ("a.cls", b"public with sharing class A {\n", "apex"),
        ("a.cls", b"\\ProvidesClass{a}\n", "latex"),
        ("de.ts", b'<?xml version="1.0"?>\n<!DOCTYPE TS>\n<TS/>\n', "xml"),
        ("a.ts", b"export const a = 1;\n", "typescript"),
        ("a.v", b"Require Import List.\nLemma a : True.\nProof.\n", "text"),
        ("a.v", b"module a(input b);\nendmodule\n", "verilog"),
        ("a.cl", b"__kernel void add(__global float *a) {}\n", "c"),
        ("a.cl", b"(defun a () 1)\n", "commonlisp"),
        ("key.asc", b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n", "text"),
        ("a.asc", b"= Title\n", "asciidoc"),
        ("a.pp", b"class ntp::server {\n  package { 'ntp': }\n}\n", "text"),
        ("a.pp", b"unit a;\n{ a comment }\ninterface\n", "pascal"),
        ("a_1.0.bb", b'SUMMARY = "A tool"\ninherit autotools\n', "text"),
        ("a.bb", b"(defn a [] 1)\n", "clojure"),
        ("a.inc", b"<?php function a() {}\n", "php"),
        ("a.inc", b"#define A 1\nint a(void);\n", "c"),
        ("a.inc", b"procedure A;\nbegin\nend;\n", "pascal"),
        ("a.inc", b"", "php"),
        ("a.d", b"a.o: a.c a.h \\\n b.h\n", "make"),
        ("a.d", b"out/a.lo: a.c\n", "make"),
        ("a.pp", b"x {\n\n'a' }\n", "pascal"),
        ("a.d", b"module a;\nvoid f() {}\n", "d"),
        ("run.t", b"#!/bin/bash\nok() { :; }\n", "bash"),
        ("run.t", b"#!/usr/bin/perl -w\nuse Test::More;\n", "perl"),
    ],
)
def test_words_settle_endings_that_languages_share(path: str, head: bytes, language: str) -> None:
    assert language_of(path, head) == language


@pytest.mark.parametrize("ending", _SHARED)
def test_no_text_takes_long_to_settle(ending: str) -> None:
    files = 1 if ending == ".h" else 16  # of a header more is read
    for head in (
        before + word * (200_000 // len(word)) for word in _REPEATED for before in (b"", b"a", b"From ")
    ):
        for _ in range(files):
            language_of(f"a{ending}", head)


def test_no_list_of_objects_takes_long_to_settle() -> None:
    head = b"a" + b".o" * 8000
    assert {language_of("a.d", head) for _ in range(400)} == {"d"}
