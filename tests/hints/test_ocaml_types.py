"""OCaml: a basic type where another is expected, as ocamlc 4.13 says it through dune."""

from collections.abc import Callable

Check = Callable[..., None]


def test_writes_a_literal_as_a_float(check: Check) -> None:
    check(
        "m.ml",
        """\
        let g y = y +. 1
        """,
        """\
        1:15-1:16 This expression has type int but an expression was expected of type
                 float
          Hint: Did you mean `1.'?
        """,
        """\
        int or float 0.90: the compiler asks whether `1` should be `1.`
        -let g y = y +. 1
        +let g y = y +. 1.
        int or float 0.35: the compiler found int where operators take float: the operators change
        -let g y = y +. 1
        +let g y = y + 1
        """,
    )


def test_changes_operators_through_the_whole_expression(check: Check) -> None:
    check(
        "m.ml",
        """\
        let area r n = 3.14 * (r + 1) * n
        """,
        """\
        1:15-1:19 This expression has type float but an expression was expected of type
                 int
        """,
        """\
        int or float 0.80: the compiler found float where operators take int: the operators change
        -let area r n = 3.14 * (r + 1) * n
        +let area r n = 3.14 *. (r +. 1.) *. n
        """,
    )


def test_changes_the_operator_of_variables(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f (x : float) = x * 2.0
        """,
        """\
        1:20-1:21 This expression has type float but an expression was expected of type
                 int
        """,
        """\
        int or float 0.80: the compiler found float where operators take int: the operators change
        -let f (x : float) = x * 2.0
        +let f (x : float) = x *. 2.0
        """,
    )


def test_converts_an_argument_in_parentheses(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f (x : int) = print_endline x
        """,
        """\
        1:32-1:33 This expression has type int but an expression was expected of type
                 string
        """,
        """\
        conversion 0.70: the compiler expects string, not int: `(string_of_int x)`
        -let f (x : int) = print_endline x
        +let f (x : int) = print_endline (string_of_int x)
        """,
    )


def test_joins_strings(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f a = "x" + a + "y"
        """,
        """\
        1:10-1:13 This expression has type string but an expression was expected of type
                 int
        """,
        """\
        conversion 0.85: the compiler found strings around `+`: strings are joined by `^`
        -let f a = "x" + a + "y"
        +let f a = "x" ^ a ^ "y"
        """,
    )


def test_writes_a_character(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f s = s.[0] = "a"
        """,
        """\
        1:18-1:21 This expression has type string but an expression was expected of type
                 char
        """,
        """\
        conversion 0.90: the compiler expects char, not string: `'a'`
        -let f s = s.[0] = "a"
        +let f s = s.[0] = 'a'
        """,
    )


def test_shows_an_argument_by_its_own_conversion(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f () = Printf.printf "%s: %d\\n" "x" "y"
        """,
        """\
        1:40-1:43 This expression has type string but an expression was expected of type
                 int
        """,
        """\
        format string 0.72: the compiler expects int for `%d`; `%s` shows string
        -let f () = Printf.printf "%s: %d\\n" "x" "y"
        +let f () = Printf.printf "%s: %s\\n" "x" "y"
        """,
    )


def test_negates_a_comparison(check: Check) -> None:
    check(
        "m.ml",
        """\
        let h x = not x = 3 && x
        """,
        """\
        1:18-1:19 This expression has type int but an expression was expected of type
                 bool
        """,
        """\
        not 0.85: the compiler reads `not` before the comparison: `not (x = 3)`
        -let h x = not x = 3 && x
        +let h x = not (x = 3) && x
        """,
    )
