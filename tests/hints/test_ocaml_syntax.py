"""OCaml: what doesn't parse, as ocamlc 4.13 says it through dune."""

from collections.abc import Callable

Check = Callable[..., None]


def test_closes_a_bracket_where_the_layout_ends_it(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = (x + 1
        let g y = y
        """,
        """\
        2:0-2:3 Syntax error: ')' expected
        File "m.ml", line 1, characters 10-11: This '(' might be unmatched
        """,
        """\
        missing closer 0.75: the parser expects `)` for the `(` of line 1
        -let f x = (x + 1
        +let f x = (x + 1)
        """,
    )


def test_closes_begin_on_a_line_of_its_own(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x =
          if x then begin
            print_int 1;
            print_int 2

        let g y = y
        """,
        """\
        6:0-6:3 Syntax error: 'end' expected
        File "m.ml", line 2, characters 12-17: This 'begin' might be unmatched
        """,
        """\
        missing closer 0.75: the parser expects `end` for the `begin` of line 2
             print_int 2
        +  end
        """,
    )


def test_closes_a_loop_and_goes_on_with_a_semicolon(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x =
          for i = 1 to 3 do
            print_int i
          print_int x

        let g y = y
        """,
        "6:0-6:3 Syntax error",
        """\
        missing closer 0.75: the parser expects `done` for the `do` of line 2
             print_int i
        +  done;
        missing closer 0.50: the parser expects `done` for the `do` of line 2
           print_int x
        +  done
        """,
    )


def test_adds_in_at_the_end_of_a_local_binding(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x =
          let y = x + 1
          y * 2
        """,
        "4:0-4:0 Syntax error",
        """\
        missing in 0.75: the parser stopped, and the `let` of line 2 has no `in`
        -  let y = x + 1
        +  let y = x + 1 in
        """,
    )


def test_turns_a_semicolon_into_in(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x =
          let y = x + 1;
          y * 2
        """,
        "4:0-4:0 Syntax error",
        """\
        missing in 0.75: the parser stopped, and the `let` of line 2 has no `in`
        -  let y = x + 1;
        +  let y = x + 1 in
        """,
    )


def test_corrects_a_misspelt_keyword(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x =
          if x > 0 the 1 else 2
        """,
        "2:17-2:21 Syntax error",
        """\
        misspelt keyword 0.80: the parser stopped near `the`, which is nearly `then`
        -  if x > 0 the 1 else 2
        +  if x > 0 then 1 else 2
        """,
    )


def test_turns_a_fat_arrow_into_a_thin_one(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = match x with
          | Some y => y
          | None -> 0
        """,
        "2:11-2:13 Syntax error",
        """\
        wrong token 0.85: the parser stopped at `=>`, where `->` may stand
        -  | Some y => y
        +  | Some y -> y
        """,
    )


def test_removes_a_closer_that_nothing_opens(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = x + 1)
        """,
        "1:15-1:16 Syntax error",
        """\
        wrong token 0.80: the parser stopped at `)`, which nothing opens
        -let f x = x + 1)
        +let f x = x + 1
        """,
    )


def test_removes_a_semicolon_before_else(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = if x then print_int 3; else print_int 4
        """,
        "1:33-1:37 Syntax error",
        """\
        wrong token 0.90: the parser stopped at `else`: the `;` before it ends the `if`
        -let f x = if x then print_int 3; else print_int 4
        +let f x = if x then print_int 3 else print_int 4
        """,
    )


def test_puts_text_into_double_quotes(check: Check) -> None:
    check(
        "m.ml",
        """\
        let g : string = 'abc'
        """,
        "1:17-1:18 Syntax error",
        """\
        wrong token 0.85: the parser stopped at `'`: text stands in double quotes, "abc"
        -let g : string = 'abc'
        +let g : string = "abc"
        """,
    )


def test_gives_cases_to_function(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = fun Some y -> y | None -> x
        """,
        "1:26-1:27 Syntax error",
        """\
        match syntax 0.75: the parser stopped in the cases of `fun`: `function` takes cases
        -let f x = fun Some y -> y | None -> x
        +let f x = function Some y -> y | None -> x
        """,
    )


def test_adds_a_missing_bar(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = match x with Some y -> y None -> 0
        """,
        "1:40-1:42 Syntax error",
        """\
        match syntax 0.60: the parser stopped at `->`: the case `None` may lack its `|`
        -let f x = match x with Some y -> y None -> 0
        +let f x = match x with Some y -> y | None -> 0
        """,
    )


def test_adds_a_missing_bar_at_a_line(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = match x with
          | Some y -> y
          None -> 0
        """,
        "3:7-3:9 Syntax error",
        """\
        match syntax 0.80: the parser stopped in a case that may lack its `|`: `None -> 0`
        -  None -> 0
        +  | None -> 0
        """,
    )


def test_parenthesises_a_constructors_arguments(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = A of int * int
        let g = A 1 2
        """,
        "2:12-2:13 Syntax error",
        """\
        match syntax 0.60: the parser stopped at a constructor's second argument: they stand in parentheses
        -let g = A 1 2
        +let g = A (1, 2)
        """,
    )


def test_ends_a_string(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = g (x ^ "abc)
        let g = 3
        """,
        "1:17-1:18 String literal not terminated",
        """\
        not terminated 0.60: the compiler says that the string of this line has no end
        -let f x = g (x ^ "abc)
        +let f x = g (x ^ "abc")
        not terminated 0.30: the compiler says that the string of this line has no end
        -let f x = g (x ^ "abc)
        +let f x = g (x ^ "abc)"
        """,
    )


def test_ends_a_comment(check: Check) -> None:
    check(
        "m.ml",
        """\
        (* hello
        let f x = x
        """,
        "1:0-1:2 Comment not terminated",
        """\
        not terminated 0.60: the compiler says that the comment of this line has no end
        -(* hello
        +(* hello *)
        """,
    )
