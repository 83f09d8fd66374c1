"""OCaml: what is unused, cases and fields that are missing or too many, as ocamlc 4.13 says it through dune."""

from collections.abc import Callable

Check = Callable[..., None]


def test_prefixes_an_unused_variable(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x y = x + 1
        """,
        "1:8-1:9 unused variable y.",
        """\
        unused variable 0.90: the compiler says that `y` is never used; a `_` before the name says so on purpose
        -let f x y = x + 1
        +let f x _y = x + 1
        """,
        code="warning 27 [unused-var-strict]",
    )


def test_unbinds_an_unused_field_of_a_pattern(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = { a : int; b : int }
        let f { a; b } = a
        """,
        "2:11-2:12 unused variable b.",
        """\
        unused variable 0.90: the compiler says that `b` is never used; a `_` before the name says so on purpose
        -let f { a; b } = a
        +let f { a; b = _ } = a
        """,
        code="warning 27 [unused-var-strict]",
    )


def test_unbinds_an_unused_labelled_parameter(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f ~x y = y
        """,
        "1:7-1:8 unused variable x.",
        """\
        unused variable 0.90: the compiler says that `x` is never used; a `_` before the name says so on purpose
        -let f ~x y = y
        +let f ~x:_ y = y
        """,
        code="warning 27 [unused-var-strict]",
    )


def test_prefixes_an_unused_loop_index(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f () = for i = 0 to 3 do () done
        """,
        "1:11-1:36 unused for-loop index i.",
        """\
        unused variable 0.90: the compiler says that `i` is never used; a `_` before the name says so on purpose
        -let f () = for i = 0 to 3 do () done
        +let f () = for _i = 0 to 3 do () done
        """,
        code="warning 35 [unused-for-index]",
    )


def test_removes_an_unused_open_with_its_line(check: Check) -> None:
    check(
        "m.ml",
        """\
        open List
        let f x = x
        """,
        "1:0-1:9 unused open Stdlib.List.",
        """\
        unused open 0.95: the compiler says that `open Stdlib.List` is never used
        -open List
        """,
        code="warning 33 [unused-open]",
    )


def test_removes_an_unused_local_open(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = let open List in x
        """,
        "1:14-1:23 unused open Stdlib.List.",
        """\
        unused open 0.90: the compiler says that `open Stdlib.List` is never used
        -let f x = let open List in x
        +let f x = x
        """,
        code="warning 33 [unused-open]",
    )


def test_removes_an_unused_rec(check: Check) -> None:
    check(
        "m.ml",
        """\
        let rec f x = x
        """,
        "1:8-1:9 unused rec flag.",
        """\
        unused rec 0.95: the compiler says that this definition doesn't call itself: `rec` goes
        -let rec f x = x
        +let f x = x
        """,
        code="warning 39 [unused-rec-flag]",
    )


def test_removes_a_case_that_is_never_reached(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = A | B
        let f = function A -> 1 | B -> 2 | A -> 3
        """,
        "2:35-2:36 this match case is unused.",
        """\
        unused case 0.60: the compiler says that the case `A` is never reached
        -let f = function A -> 1 | B -> 2 | A -> 3
        +let f = function A -> 1 | B -> 2
        """,
        code="warning 11 [redundant-case]",
    )


def test_adds_the_missing_case_all_others_agree_on(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = A | B | C
        let f = function
          | A -> "x"
          | B -> "x"
        """,
        """\
        2:8-4:12 this pattern-matching is not exhaustive.
        Here is an example of a case that is not matched:
        C
        """,
        """\
        missing case 0.60: the compiler misses the case `C`; `"x"`, as other cases give, is a guess
           | B -> "x"
        +  | C -> "x"
        """,
        code="warning 8 [partial-match]",
    )


def test_adds_a_missing_case_with_none(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = A | B of int | C
        let f = function A -> None | B n -> Some n
        """,
        """\
        2:8-2:42 this pattern-matching is not exhaustive.
        Here is an example of a case that is not matched:
        C
        """,
        """\
        missing case 0.50: the compiler misses the case `C`; `None`, as other cases give, is a guess
        -let f = function A -> None | B n -> Some n
        +let f = function A -> None | B n -> Some n | C -> None
        """,
        code="warning 8 [partial-match]",
    )


def test_adds_a_missing_case_before_a_nested_match(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = A | B of t | C
        let f = function
          | A -> ()
          | B x -> match x with A | B _ | C -> ()
        """,
        """\
        2:8-4:41 this pattern-matching is not exhaustive.
        Here is an example of a case that is not matched:
        C
        """,
        """\
        missing case 0.55: the compiler misses the case `C`; `()`, as other cases give, is a guess
           | A -> ()
        +  | C -> ()
        """,
        code="warning 8 [partial-match]",
    )


def test_adds_a_missing_case_after_a_match_in_brackets(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = A | B of t | C
        let f = function
          | A -> ()
          | B x -> (match x with A | B _ | C -> ())
        """,
        """\
        2:8-4:43 this pattern-matching is not exhaustive.
        Here is an example of a case that is not matched:
        C
        """,
        """\
        missing case 0.55: the compiler misses the case `C`; `()`, as other cases give, is a guess
           | B x -> (match x with A | B _ | C -> ())
        +  | C -> ()
        """,
        code="warning 8 [partial-match]",
    )


def test_fills_a_field_from_the_variable_of_its_name(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = { name : string; age : int }
        let mk name = let age = 3 in { name }
        """,
        "2:29-2:37 Some record fields are undefined: age",
        """\
        missing field 0.70: the compiler misses `age`, and variables of that name are there
        -let mk name = let age = 3 in { name }
        +let mk name = let age = 3 in { name; age }
        """,
    )


def test_gives_a_constructor_pattern_its_arguments(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = A of int | B of string * int
        let f = function A -> 1 | B (s, n) -> n + String.length s
        """,
        """\
        2:17-2:18 The constructor A expects 1 argument(s),
               but is applied here to 0 argument(s)
        """,
        """\
        constructor's arguments 0.70: the compiler says that `A` takes 1 argument, not 0
        -let f = function A -> 1 | B (s, n) -> n + String.length s
        +let f = function A _ -> 1 | B (s, n) -> n + String.length s
        """,
    )


def test_opens_a_record_pattern(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = { a : int; b : string }
        let f { a } = a
        """,
        """\
        2:6-2:11 the following labels are not bound in this record pattern:
        b
        Either bind these labels explicitly or add '; _' to the pattern.
        """,
        """\
        record fields 0.90: the compiler says to add `; _` for the fields that are left out
        -let f { a } = a
        +let f { a; _ } = a
        """,
        code="warning 9 [missing-record-field-pattern]",
    )


def test_drops_a_useless_with(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = { a : int; b : string }
        let g x = ignore x; { x with a = 1; b = "" }
        """,
        """\
        2:20-2:44 all the fields are explicitly listed in this record:
        the 'with' clause is useless.
        """,
        """\
        record fields 0.90: the compiler says that every field is given: `with` goes
        -let g x = ignore x; { x with a = 1; b = "" }
        +let g x = ignore x; { a = 1; b = "" }
        """,
        code="warning 23 [useless-record-with]",
    )


def test_makes_a_field_mutable_in_both_files(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = { a : int }
        let f t = t.a <- 3
        """,
        "2:10-2:18 The record field a is not mutable",
        """\
        mutable field 0.60: the compiler says that field `a` is not mutable
        -type t = { a : int }
        +type t = { mutable a : int }
        -type t = { a : int }
        +type t = { mutable a : int }
        """,
        others={"m.mli": "type t = { a : int }\nval f : t -> unit\n"},
    )
