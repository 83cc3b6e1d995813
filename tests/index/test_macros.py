"""What a grammar of the C family cannot read costs no definition: macros, and branches that split a statement."""

from __future__ import annotations

import random

import pytest

from sophia_mcp.index.languages import macros
from sophia_mcp.index.languages.detect import language_of
from sophia_mcp.index.parsing.parse import parse

_KEPT = {
    "API int f(int a);": "f",
    "MY_NORETURN static inline void f(void) { }": "f",
    "BEGIN_DECLS\n\ntypedef struct a b;\n\nEND_DECLS": "b",
    "void f(const char *, ...) PRINTF_LIKE(1, 2);": "f",
    "int f(void) PURE;": "f",
    "EXPORT_SYMBOL(f)\nint f(void) { return 1; }": "f",
    "EFI_STATUS\nEFIAPI\nf (\n  IN UINT8 *a,\n  OUT VOID *b OPTIONAL\n  );": "f",
    "typedef int (WINAPI *f)(int);": "f",
    "struct PACKED f { int a; };": "f",
    "static int __init f(void) { return 1; }": "f",
    "#if A\nint f(int a) {\n#else\nint f(void) {\n#endif\n return 1;\n}": "f",
    "#ifdef A\nint\nf(int a)\n#else\nint\nf(int a, int b)\n#endif\n{\n return a;\n}": "f",
    "int f(int a) {\n if (a) {\n  a++;\n#ifdef B\n } else if (b) {\n  a--;\n#endif\n }\n return a;\n}": "f",
    '#ifdef __cplusplus\nextern "C" {\n#endif\nint f(void);\n#ifdef __cplusplus\n}\n#endif': "f",
}
_KEPT_IN_CPP = {
    "class DLL_API f : public Base {\n  Q_OBJECT\npublic:\n  void m() NOEXCEPT;\n};": "f m",
    "struct f FINAL : private Table { int m(); };": "f m",
    "NS_BEGIN\nnamespace f {\nclass B {};\n}\nNS_END": "f B",
    "template <class T>\nFMT_INLINE std::string f(T t) { return {}; }": "f",
    "T **A<B<int>>::f(int a) { return 0; }": "f",
    "FMT_INLINE f::f(int a)\n    : a_(a) {}": "f",
    "template <typename T>\nFMT_INLINE f<T>::f(T t) : t_(t) {}": "f",
}


@pytest.mark.parametrize("text", _KEPT)
def test_a_macro_or_a_branch_costs_no_definition(text: str) -> None:
    for language in ("c", "cpp"):
        parsed = parse(f"{text}\nint after(void);\n", language)
        assert [symbol.name for symbol in parsed.symbols] == [_KEPT[text], "after"], language


@pytest.mark.parametrize("text", _KEPT_IN_CPP)
def test_a_macro_costs_no_class(text: str) -> None:
    parsed = parse(f"{text}\nint after();\n", "cpp")
    assert [symbol.name for symbol in parsed.symbols] == [*_KEPT_IN_CPP[text].split(), "after"]


@pytest.mark.parametrize(
    "text",
    [
        "void f(int a) {\n  if (a) BREAK;\n  while (next(a)) STEP(a);\n  else if (b) RETURN(b);\n}\n",
        "HANDLE open(void);\nstatic VOID scale(), heap();\nUINT8 first, second;\n",
        "#define API extern int\n#ifdef API\nint x;\n#endif\n#define BEGIN {\n",
        "#ifdef A\nint f(void);\n#else\nint g(void);\n#endif\n",
        "enum e {\n  FIRST,\n  SECOND\n};\nint a[] = {\n  ONE,\n  TWO\n};\n",
        "struct utsname NAME {};\nSTACK_OF(X509) *f(BIO *b);\n",
        'char *a = "\n#if {\n";\n',
    ],
)
def test_what_a_grammar_reads_is_left_as_it_is(text: str) -> None:
    assert macros.plain(text.encode()) == text.encode()


def test_what_follows_a_body_is_read_without_its_macros() -> None:
    body = "{\n  if (x) {\n    y();\n  }\n}\n"
    for head in ("int f(void)\n", "static int f(int a,\n             int b)\n", "int f(void) "):
        text = f"{head}{body}FOO_API int after(void);\nclass FOO_API C {{\n  void m(int a) {{\n  }}\n  Q_OBJECT\npublic:\n}};\n"
        parsed = parse(text, "cpp")
        assert [symbol.name for symbol in parsed.symbols] == ["f", "after", "C", "m"]


def test_attributes_with_numbers_cost_no_declaration() -> None:
    text = (
        "void printflike(1, 2) fail(const char *, ...);\nint after(void);\nstatic char *fmt(2) g(int);\n"
    )
    found = [symbol.name for symbol in parse(text, "c").symbols]
    assert found == ["fail", "after", "g"]


def test_a_field_that_a_lock_guards_is_no_method() -> None:
    text = "class A {\n  Store* s GUARDED_BY(mutex_);\n  int n ABSL_PT_GUARDED_BY(mu) = 0;\n};\nvoid A::f() { s->go(); }\n"
    parsed = parse(text, "cpp")
    assert [symbol.name for symbol in parsed.symbols] == ["A", "f"]
    assert parsed.references[0].receiver_type == "Store"


def test_the_first_branch_speaks_for_a_statement_that_is_split() -> None:
    split = b"#if 0\nint f(int a) {\n#elif B\nint g(int a) {\n#else\nint h(void) {\n#endif\n}\n"
    assert macros.plain(split).split() == b"int g(int a) { }".split()
    assert macros.plain(split.replace(b"#if 0", b"#if A")).split() == b"int f(int a) { }".split()


@pytest.mark.parametrize(
    "loop",
    [
        "for_each_task(p) {\n\t\tuse(p);\n\t}",
        "for_each_task(p)\n\t\tuse(p);",
        "for_each_task(p)\r\n\t\tfor_each_task(q)\r\n\t\t\tuse(q);",
        "for_each_task(p)\n\t\tif (p) {\n\t\t\tuse(p);\n\t\t}",
        "TASK_FOREACH(p, &all(0), next)\n\t\tuse(p);",
        "list_for_each_task(p,\n\t\t\t   all(n)) {\n\t\tuse(p);\n\t}",
        "with_task(p) {\n\t\tuse(p);\n\t}",
    ],
)
@pytest.mark.parametrize("language", ["c", "cpp"])
def test_a_loop_by_a_macro_is_a_call_in_its_function(loop: str, language: str) -> None:
    parsed = parse(f"int f(int p)\n{{\n\t{loop}\n\treturn 0;\n}}\n\nint after(void)\n{{\n}}\n", language)
    assert [(one.name, one.container) for one in parsed.symbols] == [("f", ""), ("after", "")]
    used = [one.name for one in parsed.references]
    assert loop.split("(")[0] in used
    assert "use" in used


@pytest.mark.parametrize("branch", ["else if (b) {\n\t\tuse(b);\n\t}", "else\n\t\tuse(b);"])
def test_a_branch_that_begins_with_else_goes_on_with_the_statement_before(branch: str) -> None:
    text = f"int f(int b)\n{{\n\tif (!b)\n\t\treturn 0;\n#ifdef A\n\t{branch}\n#endif\n\treturn 1;\n}}\n"
    assert [one.name for one in parse(text, "c").symbols] == ["f"]


@pytest.mark.parametrize("given", ["int x", "int"])
def test_a_constructor_of_a_class_in_a_function_is_no_loop(given: str) -> None:
    text = (
        f"int f()\n{{\n\tstruct A {{\n\t\tA({given}) {{\n\t\t\tuse();\n\t\t}}\n\t}};\n\treturn 0;\n}}\n"
    )
    assert [one.name for one in parse(text, "cpp").symbols] == ["f", "A", "A"]


@pytest.mark.requirement("languages.bombs")
def test_no_text_is_moved_by_what_is_blanked() -> None:
    rng = random.Random(1)
    pieces = [
        "API ",
        "int ",
        "f(",
        "\n\tfor_each(",
        ")",
        "\n",
        "\r\n\t\t",
        "#if A\n",
        "#else\n",
        "#endif\n",
        "{",
        "}",
        ";",
        "class ",
        "*",
        "é",
        '"',
        "/*",
    ]
    for _ in range(300):
        source = "".join(rng.choice(pieces) for _ in range(80)).encode()
        plain = macros.plain(source)
        assert len(plain) == len(source)
        assert all(
            new in (old, ord(" ")) or (chr(old) in " \t\r" and new == ord(";"))
            for old, new in zip(source, plain, strict=True)
        )
        assert plain.count(b"\n") == source.count(b"\n")


def test_a_header_is_cpp_by_a_class_far_behind_its_beginning() -> None:
    macros_first = b"".join(b"#define A%d 1\n" % number for number in range(4000))
    assert language_of("a.h", macros_first + b"class Name;\n") == "cpp"
    assert language_of("a.h", macros_first + b"/* one\n   class of things, using words */\n") == "c"
