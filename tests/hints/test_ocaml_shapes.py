"""OCaml: references, options, `()`, tuples and results nobody takes, as ocamlc 4.13 says it through dune."""

from collections.abc import Callable

Check = Callable[..., None]


def test_adds_a_semicolon_before_the_next_statement(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x =
          print_int x
          print_newline ()
        """,
        """\
        2:2-2:11 This function has type int -> unit
               It is applied to too many arguments; maybe you forgot a `;'.
        """,
        """\
        missing ; 0.85: the compiler found too many arguments: the next line may be a statement of its own
        -  print_int x
        +  print_int x;
        """,
    )


def test_reads_a_reference(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f () =
          let r = ref 0 in
          r + 1
        """,
        """\
        3:2-3:3 This expression has type int ref
               but an expression was expected of type int
        """,
        """\
        reference 0.85: the compiler found a reference to int: `!r` is what it holds
        -  r + 1
        +  !r + 1
        """,
    )


def test_sets_or_reads_a_reference_in_a_statement(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f r = r := !r + 1; r = 3; ()
        """,
        """\
        1:27-1:28 This expression has type int but an expression was expected of type
                 int ref
        """,
        """\
        reference 0.70: the compiler found a reference compared with int: `:=` sets it
        -let f r = r := !r + 1; r = 3; ()
        +let f r = r := !r + 1; r := 3; ()
        reference 0.40: the compiler found a reference compared with int: `!` reads it
        -let f r = r := !r + 1; r = 3; ()
        +let f r = r := !r + 1; !r = 3; ()
        """,
    )


def test_reads_a_reference_compared_in_a_condition(check: Check) -> None:
    check(
        "m.ml",
        """\
        let r = ref 0
        let f () = if r = 3 then 1 else 2
        """,
        """\
        2:18-2:19 This expression has type int but an expression was expected of type
                 int ref
        """,
        """\
        reference 0.80: the compiler found a reference compared with int: `!` reads it
        -let f () = if r = 3 then 1 else 2
        +let f () = if !r = 3 then 1 else 2
        """,
    )


def test_drops_an_exclamation_mark(check: Check) -> None:
    check(
        "m.ml",
        """\
        let g (x : int) = !x
        """,
        """\
        1:19-1:20 This expression has type int but an expression was expected of type
                 'a ref
        """,
        """\
        reference 0.90: the compiler says that `x` is no reference: `!` goes
        -let g (x : int) = !x
        +let g (x : int) = x
        """,
    )


def test_sets_a_field(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = { mutable a : int }
        let f t = t.a = 3; t.a
        """,
        """\
        2:10-2:17 This expression has type bool but an expression was expected of type
                 unit
               because it is in the left-hand side of a sequence
        """,
        """\
        reference 0.80: the compiler found a comparison in place of a statement: `<-` sets
        -let f t = t.a = 3; t.a
        +let f t = t.a <- 3; t.a
        """,
    )


def test_wraps_in_some(check: Check) -> None:
    check(
        "m.ml",
        """\
        let g (x : string) : string option = if x = "" then None else x
        """,
        """\
        1:62-1:63 This expression has type string but an expression was expected of type
                 string option
        """,
        """\
        wrapping 0.80: the compiler expects string option, not string: `Some x`
        -let g (x : string) : string option = if x = "" then None else x
        +let g (x : string) : string option = if x = "" then None else Some x
        """,
    )


def test_unwraps_some(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = x + Some 1
        """,
        """\
        1:14-1:20 This expression has type 'a option
               but an expression was expected of type int
        """,
        """\
        wrapping 0.40: the compiler expects int, not 'a option: without `Some`
        -let f x = x + Some 1
        +let f x = x + 1
        """,
    )


def test_gives_unit_to_a_function(check: Check) -> None:
    check(
        "m.ml",
        """\
        let now () = 3
        let g x = x + now
        """,
        """\
        2:14-2:17 This expression has type unit -> int
               but an expression was expected of type int
               Hint: Did you forget to provide `()' as argument?
        """,
        """\
        missing () 0.90: the compiler asks whether `now` should be given `()`
        -let g x = x + now
        +let g x = x + now ()
        """,
    )


def test_gives_unit_where_the_name_was_bound(check: Check) -> None:
    check(
        "m.ml",
        """\
        let now () = 3
        let g x = let n = now in x + n
        """,
        """\
        2:29-2:30 This expression has type unit -> int
               but an expression was expected of type int
               Hint: Did you forget to provide `()' as argument?
        """,
        """\
        missing () 0.92: the compiler asks whether `()` was forgotten: `let n = now` makes no call
        -let g x = let n = now in x + n
        +let g x = let n = now () in x + n
        missing () 0.90: the compiler asks whether `n` should be given `()`
        -let g x = let n = now in x + n
        +let g x = let n = now in x + n ()
        """,
    )


def test_parts_list_elements_by_semicolons(check: Check) -> None:
    check(
        "m.ml",
        """\
        let g : int list = [1, 2]
        """,
        """\
        1:20-1:24 This expression has type 'a * 'b
               but an expression was expected of type int
        """,
        """\
        comma 0.85: the compiler found a tuple here: `;` parts elements, `,` makes a tuple
        -let g : int list = [1, 2]
        +let g : int list = [1; 2]
        """,
    )


def test_parts_fields_by_semicolons(check: Check) -> None:
    check(
        "m.ml",
        """\
        type t = { a : int; b : string }
        let f x = { a = x, b = "" }
        """,
        """\
        2:16-2:25 This expression has type 'a * 'b
               but an expression was expected of type int
        """,
        """\
        comma 0.85: the compiler found a tuple here: `;` parts fields, `,` makes a tuple
        -let f x = { a = x, b = "" }
        +let f x = { a = x; b = "" }
        """,
    )


def test_gives_a_tuples_parts_one_after_another(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x y : int = x + y
        let g = f(1, 2 + 3)
        """,
        """\
        2:9-2:19 This expression has type 'a * 'b
               but an expression was expected of type int
        """,
        """\
        comma 0.70: the compiler found one tuple where the function takes arguments one after another
        -let g = f(1, 2 + 3)
        +let g = f 1 (2 + 3)
        """,
    )


def test_iterates_where_a_map_gives_units(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f xs = List.map print_int xs; 3
        """,
        """\
        1:11-1:32 This expression has type unit list
               but an expression was expected of type unit
               because it is in the left-hand side of a sequence
        """,
        """\
        ignored result 0.90: the compiler expects unit, and each element gives unit: `List.iter`
        -let f xs = List.map print_int xs; 3
        +let f xs = List.iter print_int xs; 3
        ignored result 0.40: the compiler says that a result is not used; `ignore` says that this is meant
        -let f xs = List.map print_int xs; 3
        +let f xs = ignore (List.map print_int xs); 3
        """,
    )


def test_ignores_a_result_with_low_confidence(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f xs = List.length xs; 3
        """,
        """\
        1:11-1:25 This expression has type int but an expression was expected of type
                 unit
               because it is in the left-hand side of a sequence
        """,
        """\
        ignored result 0.40: the compiler says that a result is not used; `ignore` says that this is meant
        -let f xs = List.length xs; 3
        +let f xs = ignore (List.length xs); 3
        """,
    )


def test_ignores_no_result_that_may_hold_an_error(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f (r : (int, string) result) = r; 3
        """,
        """\
        1:35-1:36 This expression has type (int, string) result
               but an expression was expected of type unit
               because it is in the left-hand side of a sequence
        """,
        "",
    )
