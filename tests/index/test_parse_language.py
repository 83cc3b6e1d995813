"""Which language a file is written in: by its name, its first line, or its words."""

from __future__ import annotations

import pytest

from sophia_mcp.index.parse import language_of


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
    ],
)
def test_words_settle_endings_that_languages_share(path: str, head: bytes, language: str) -> None:
    assert language_of(path, head) == language
