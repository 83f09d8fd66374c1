"""OCaml: what isn't bound, is called otherwise or lacks its label, as ocamlc 4.13 says it through dune."""

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
