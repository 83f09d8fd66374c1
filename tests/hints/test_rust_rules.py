"""Rust: each rule against what rustc 1.95 really says through cargo, its own fixes included."""

from collections.abc import Callable

from ces.verdict import Fix, FixEdit, Range

Check = Callable[..., None]


def fix(message: str, *pieces: tuple[str, str], sure: bool = False) -> Fix:
    """`pieces` are ("LINE:COLUMN-LINE:COLUMN", text) of src/lib.rs, with one-based lines and zero-based columns."""
    edits = []
    for place, text in pieces:
        first, start, last, end = (int(number) for each in place.split("-") for number in each.split(":"))
        edits.append(FixEdit(file="src/lib.rs", range=Range(first - 1, start, last - 1, end), text=text))
    return Fix(message=message, edits=tuple(edits), sure=sure)


def test_takes_the_name_rustc_knows(check: Check) -> None:
    check(
        "src/lib.rs",
        """\
        pub fn f(total: i32) -> i32 {
            totl
        }
        """,
        """\
        2:4-2:8 cannot find value `totl` in this scope
        help: a local variable with a similar name exists: `total`
        """,
        """\
        rustc's suggestion 0.60: the compiler says: a local variable with a similar name exists: `total`
        -    totl
        +    total
        """,
        code="E0425",
        fixes=(fix("a local variable with a similar name exists", ("2:4-2:8", "total")),),
    )


def test_takes_a_fix_rustc_is_sure_of_with_more_confidence(check: Check) -> None:
    check(
        "src/lib.rs",
        """\
        pub fn f() -> i32 {
            let total = 0;
            total += 1;
            total
        }
        """,
        """\
        3:4-3:14 cannot assign twice to immutable variable `total`
        cannot assign twice to immutable variable
        help: consider making this binding mutable: `mut`
        """,
        """\
        rustc's suggestion 0.92: the compiler says: consider making this binding mutable: `mut`
        -    let total = 0;
        +    let mut total = 0;
        """,
        code="E0384",
        fixes=(fix("consider making this binding mutable", ("2:8-2:8", "mut "), sure=True),),
    )


def test_writes_both_ends_of_a_wrapping(check: Check) -> None:
    check(
        "src/lib.rs",
        """\
        pub fn f(x: i32) -> Option<i32> {
            x
        }
        """,
        """\
        2:4-2:5 mismatched types
        expected `Option<i32>`, found `i32`
        help: try wrapping the expression in `Some`: `Some(`, `)`
        """,
        """\
        rustc's suggestion 0.60: the compiler says: try wrapping the expression in `Some`
        -    x
        +    Some(x)
        """,
        code="E0308",
        fixes=(fix("try wrapping the expression in `Some`", ("2:4-2:4", "Some("), ("2:5-2:5", ")")),),
    )


def test_removes_what_rustc_says_to_remove(check: Check) -> None:
    check(
        "src/lib.rs",
        """\
        pub fn f(x: i32) -> i32 {
            x + 1;
        }
        """,
        """\
        1:20-1:23 mismatched types
        expected `i32`, found `()`
        help: remove this semicolon to return this value
        """,
        """\
        rustc's suggestion 0.92: the compiler says: remove this semicolon to return this value
        -    x + 1;
        +    x + 1
        """,
        code="E0308",
        fixes=(fix("remove this semicolon to return this value", ("2:9-2:10", ""), sure=True),),
    )


def test_names_each_import_it_might_be_once(check: Check) -> None:
    asked = "consider importing one of these items"
    homes = ("std::error", "std::io", "core::error")
    check(
        "src/lib.rs",
        """\
        pub fn f(x: &Error) -> String {
            x.to_string()
        }
        """,
        """\
        1:13-1:18 cannot find type `Error` in this scope
        not found in this scope
        """,
        """\
        rustc's suggestion 0.60: the compiler says: consider importing one of these items: `use std::error::Error;`
        +use std::error::Error;
        +
        rustc's suggestion 0.30: the compiler says: consider importing one of these items: `use std::io::Error;`
        +use std::io::Error;
        +
        """,
        code="E0425",
        fixes=tuple(fix(asked, ("1:0-1:0", f"use {home}::Error;\n\n")) for home in homes),
    )


def test_makes_no_type_parameter_of_a_misspelt_type(check: Check) -> None:
    check(
        "src/lib.rs",
        """\
        pub fn f() -> Result<(), ParseIntErr> {
            Ok(())
        }
        """,
        """\
        1:25-1:36 cannot find type `ParseIntErr` in this scope
        not found in this scope
        help: you might be missing a type parameter: `<ParseIntErr>`
        """,
        "",
        code="E0425",
        fixes=(fix("you might be missing a type parameter", ("1:8-1:8", "<ParseIntErr>")),),
    )


def test_parts_two_statements_of_one_line(check: Check) -> None:
    check(
        "src/lib.rs",
        """\
        pub fn f(x: i32) -> i32 {
            return x + 1 let y = 3;
        }
        """,
        """\
        2:17-2:20 expected one of `.`, `;`, `?`, `}`, or an operator, found keyword `let`
        expected one of `.`, `;`, `?`, `}`, or an operator
        """,
        """\
        expected token 0.70: the compiler expects `;` before this
        -    return x + 1 let y = 3;
        +    return x + 1; let y = 3;
        """,
    )


def test_leaves_the_semicolon_to_rustc_where_it_has_a_fix(check: Check) -> None:
    check(
        "src/lib.rs",
        """\
        pub fn f(x: i32) -> i32 {
            let y = x + 1 // one more
            y
        }
        """,
        """\
        2:17-2:17 expected `;`, found `y`
        help: add `;` here: `;`
        """,
        """\
        rustc's suggestion 0.92: the compiler says: add `;` here: `;`
        -    let y = x + 1 // one more
        +    let y = x + 1; // one more
        """,
        fixes=(fix("add `;` here", ("2:17-2:17", ";"), sure=True),),
    )
