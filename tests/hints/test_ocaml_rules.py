"""OCaml: each rule against what ocamlc 4.13 really says through dune."""

from collections.abc import Callable

Check = Callable[..., None]


def test_takes_the_one_name_the_compiler_asks_for(check: Check) -> None:
    check(
        "m.ml",
        """\
        let length_of l = List.length l
        let f x = lenght_of x
        """,
        """\
        2:10-2:19 Unbound value lenght_of
        Hint: Did you mean length_of?
        """,
        """\
        did you mean 0.90: the compiler asks whether `lenght_of` should be `length_of`
        -let f x = lenght_of x
        +let f x = length_of x
        """,
    )


def test_orders_several_names_by_nearness(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = List.mapp succ x
        """,
        """\
        1:10-1:19 Unbound value List.mapp
        Hint: Did you mean map, map2 or mapi?
        """,
        """\
        did you mean 0.55: the compiler asks whether `mapp` should be `map`
        -let f x = List.mapp succ x
        +let f x = List.map succ x
        did you mean 0.28: the compiler asks whether `mapp` should be `map2`
        -let f x = List.mapp succ x
        +let f x = List.map2 succ x
        did you mean 0.18: the compiler asks whether `mapp` should be `mapi`
        -let f x = List.mapp succ x
        +let f x = List.mapi succ x
        """,
    )


def test_corrects_a_module_inside_a_path(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = Lisst.map succ x
        """,
        """\
        1:10-1:19 Unbound module Lisst
        Hint: Did you mean List?
        """,
        """\
        did you mean 0.90: the compiler asks whether `Lisst` should be `List`
        -let f x = Lisst.map succ x
        +let f x = List.map succ x
        """,
    )


def test_corrects_a_method_behind_its_object(check: Check) -> None:
    check(
        "m.ml",
        """\
        class c = object method size = 3 end
        let f (x : c) = x#sise
        """,
        """\
        2:16-2:17 This expression has type c
               It has no method sise
        Hint: Did you mean size?
        """,
        """\
        did you mean 0.90: the compiler asks whether `sise` should be `size`
        -let f (x : c) = x#sise
        +let f (x : c) = x#size
        """,
    )


def test_counts_columns_in_code_points(check: Check) -> None:
    check(
        "m.ml",
        """\
        let length_of l = List.length l
        let f x = "ééé😀", lenght_of x
        """,
        """\
        2:18-2:27 Unbound value lenght_of
        Hint: Did you mean length_of?
        """,
        """\
        did you mean 0.90: the compiler asks whether `lenght_of` should be `length_of`
        -let f x = "ééé😀", lenght_of x
        +let f x = "ééé😀", length_of x
        """,
    )


def test_adds_rec_on_the_line_named(check: Check) -> None:
    check(
        "m.ml",
        """\
        let fact n = if n = 0 then 1 else n * fact (n - 1)
        """,
        """\
        1:38-1:42 Unbound value fact
        Hint: If this is a recursive definition,
        you should add the 'rec' keyword on line 1
        """,
        """\
        missing rec 0.95: the compiler says that `fact` calls itself and needs `rec`
        -let fact n = if n = 0 then 1 else n * fact (n - 1)
        +let rec fact n = if n = 0 then 1 else n * fact (n - 1)
        """,
    )


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


def test_adds_a_widely_known_library_to_the_dune_file(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f s = Yojson.Safe.from_string s
        """,
        "1:10-1:33 Unbound module Yojson",
        """\
        missing library 0.70: the compiler doesn't know module `Yojson`; library `yojson` may provide it
        - (name m))
        + (name m)
        + (libraries yojson))
        """,
        others={"dune": "(library\n (name m))\n"},
    )


def test_adds_the_workspaces_own_library_to_the_dune_file(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f s = s + Shop.price
        """,
        "1:14-1:24 Unbound module Shop",
        """\
        missing library 0.85: the compiler doesn't know module `Shop`; library `shop` may provide it
        - (libraries str))
        + (libraries str shop))
        """,
        others={
            "dune": "(library\n (name m)\n (libraries str))\n",
            "shop/dune": "(library (name shop))\n",
            "shop/shop.ml": "let price = 3\n",
        },
    )


def test_qualifies_a_value_of_the_module_beside(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = price x
        """,
        "1:10-1:15 Unbound value price",
        """\
        other module's name 0.60: the compiler doesn't know value `price`; other.ml defines it
        -let f x = price x
        +let f x = Other.price x
        """,
        others={"other.ml": "let price x = x + 1\n"},
    )


def test_does_not_qualify_what_the_interface_hides(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f x = hidden x
        """,
        "1:10-1:16 Unbound value hidden",
        """\

        """,
        others={"other.ml": "let hidden x = x + 1\n", "other.mli": "val shown : int\n"},
    )


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
        +  done;
        missing closer 0.50: the parser expects `done` for the `do` of line 2
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


def test_labels_an_argument(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f ~x ~y = x + y
        let j () = f 1 ~y:2
        """,
        """\
        2:13-2:14 The function applied to this argument has type x:int -> int
        This argument cannot be applied without label
        """,
        """\
        label 0.85: the compiler wants a label here: `~x`
        -let j () = f 1 ~y:2
        +let j () = f ~x:1 ~y:2
        """,
    )


def test_corrects_a_label(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f ~name = name ^ "x"
        let g name = f ~nam:name
        """,
        """\
        2:20-2:24 The function applied to this argument has type name:string -> string
        This argument cannot be applied with label ~nam
        """,
        """\
        label 0.85: the compiler knows no label `~nam` here, but `~name`
        -let g name = f ~nam:name
        +let g name = f ~name
        """,
    )


def test_labels_all_arguments_of_a_full_call(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f ~x ~y = x + y
        let i () = f 1 2 + 3
        """,
        "2:11-2:12 labels x, y were omitted in the application of this function.",
        """\
        label 0.85: the compiler says that labels were left out: x, y
        -let i () = f 1 2 + 3
        +let i () = f ~x:1 ~y:2 + 3
        """,
        code="warning 6 [labels-omitted]",
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


def test_takes_the_successor_of_a_deprecated_function(check: Check) -> None:
    check(
        "m.ml",
        """\
        let f s = String.lowercase s
        """,
        """\
        1:10-1:26 Stdlib.String.lowercase
        Use String.lowercase_ascii/StringLabels.lowercase_ascii instead.
        """,
        """\
        deprecated 0.85: the compiler says to use `String.lowercase_ascii` in place of `String.lowercase`
        -let f s = String.lowercase s
        +let f s = String.lowercase_ascii s
        """,
        code="alert deprecated",
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


def test_renames_what_the_interface_requires(check: Check) -> None:
    check(
        "m.ml",
        """\
        let sizes x = x
        let f x = sizes x
        """,
        """\
        1:0-2:0 The implementation m.ml
               does not match the interface .m.objs/byte/m.cmi:
               The value `size' is required but not provided
               File "m.mli", line 1, characters 0-19: Expected declaration
        """,
        """\
        required value 0.60: the compiler misses `size`, which the interface has; `sizes` is nowhere in it
        -let sizes x = x
        -let f x = sizes x
        +let size x = x
        +let f x = size x
        """,
        others={"m.mli": "val size : 'a -> 'a\nval f : 'a -> 'a\n"},
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
