import textwrap

import pytest

from aid.context.languages import LANGUAGES, load
from aid.context.outline import enclosing, module_name, outline


def check(path: str, text: str, expected: str) -> None:
    found = outline(path, textwrap.dedent(text).lstrip("\n").encode())
    assert found is not None
    shown = [
        f"{'  ' * one.depth}{one.first + 1}-{one.last} {one.kind} {one.name} | {one.signature}"
        for one in found.definitions
    ]
    assert "\n".join(shown) == textwrap.dedent(expected).strip("\n")


def references(path: str, text: str) -> dict[str, int]:
    found = outline(path, text.encode())
    assert found is not None
    return found.references


def test_ocaml() -> None:
    check(
        "shape.ml",
        """
        open Base

        type t =
          | Circle of float
          | Square of { side : float }
        and name = string

        exception Bad of string

        module Inner = struct
          let twice x = x * 2
        end

        module type S = sig
          val area : t -> float
        end

        let rec area ?(scale = 1.) (shape : t) : float =
          let inner x = x in
          match shape with
          | Circle r -> inner r
          | Square { side } -> scale *. side
        and names = function _ -> []

        let limit = 10
        external now : unit -> float = "now"
        let ( ++ ) a b = a + b
        let () = print_endline "hi"
        """,
        """
        3-5 type t | type t = | Circle of float | Square of { side : float }
        3-5 member Circle | type t = | Circle of float | Square of { side : float }
        3-5 member Square | type t = | Circle of float | Square of { side : float }
        6-6 type name | and name = string
        8-8 exception Bad | exception Bad of string
        10-12 module Inner | module Inner
          11-11 function twice | let twice x
        14-16 interface S | module type S
          15-15 method area | val area : t -> float
        18-22 function area | let rec area ?(scale = 1.) (shape : t) : float
        23-23 function names | and names
        25-25 value limit | let limit = 10
        26-26 function now | external now : unit -> float = "now"
        27-27 function ++ | let ( ++ ) a b
        """,
    )


def test_an_ocaml_interface() -> None:
    check(
        "shape.mli",
        """
        type t = { side : int }
        (** what it covers *)
        val area : ?scale:float ->
          t -> float
        module Inner : sig
          val twice : int -> int
        end
        """,
        """
        1-1 type t | type t = { side : int }
        1-1 member side | type t = { side : int }
        3-4 function area | val area : ?scale:float -> t -> float
        5-7 module Inner | module Inner
          6-6 function twice | val twice : int -> int
        """,
    )


def test_python() -> None:
    check(
        "shape.py",
        '''
        LIMIT = 10

        @dataclass
        class Shape(Base):
            """A shape."""

            side: int = 0

            async def area(
                self, scale: float
            ) -> float:
                def inner(): ...
                return inner()

        @cache
        def twice(x): return x * 2
        ''',
        """
        1-1 value LIMIT | LIMIT = 10
        3-13 class Shape | @dataclass class Shape(Base)
        3-13 member side | @dataclass class Shape(Base)
          9-13 method area | async def area( self, scale: float ) -> float
        15-16 function twice | @cache def twice(x)
        """,
    )


def test_rust() -> None:
    check(
        "shape.rs",
        """
        pub struct Shape { side: f64 }
        enum Kind { Round, Flat }
        impl Area for Shape {
            pub fn area(&self) -> f64 {
                self.side
            }
        }
        trait Area { fn area(&self) -> f64; }
        const LIMIT: u32 = 10;
        mod inner { fn twice(x: u32) -> u32 { x * 2 } }
        """,
        """
        1-1 type Shape | pub struct Shape { side: f64 }
        1-1 member side | pub struct Shape { side: f64 }
        2-2 type Kind | enum Kind { Round, Flat }
        2-2 member Round | enum Kind { Round, Flat }
        2-2 member Flat | enum Kind { Round, Flat }
        3-7 impl Shape | impl Area for Shape
          4-6 method area | pub fn area(&self) -> f64
        8-8 interface Area | trait Area
          8-8 method area | fn area(&self) -> f64;
        9-9 value LIMIT | const LIMIT: u32 = 10;
        10-10 module inner | mod inner
          10-10 function twice | fn twice(x: u32) -> u32
        """,
    )


def test_typescript() -> None:
    check(
        "shape.ts",
        """
        export interface Shape { side: number; area(): number }
        export type Kind = "round" | "flat";
        enum Size { Small }
        export const twice = (x: number): number => x * 2;
        export class Square implements Shape {
          constructor(readonly side: number) {}
          area(): number { return this.side ** 2; }
        }
        export function limit<T>(x: T): T { return x; }
        """,
        """
        1-1 type Shape | export interface Shape { side: number; area(): number }
        1-1 member side | export interface Shape { side: number; area(): number }
        1-1 member area | export interface Shape { side: number; area(): number }
        2-2 type Kind | export type Kind = "round" | "flat";
        3-3 type Size | enum Size { Small }
        3-3 member Small | enum Size { Small }
        4-4 function twice | export const twice = (x: number): number
        5-8 class Square | export class Square implements Shape
          6-6 method constructor | constructor(readonly side: number)
          7-7 method area | area(): number
        9-9 function limit | export function limit<T>(x: T): T
        """,
    )


def test_tsx_and_javascript() -> None:
    check("a.tsx", "export const App = () => <div>text</div>;\n", "1-1 function App | export const App = ()")
    check(
        "a.jsx",
        "class A { m(x) { return <b>hi</b>; } }\nfunction g() { function h() {} }\nconst k = 3;\n",
        """
        1-1 class A | class A
          1-1 method m | m(x)
        2-2 function g | function g()
        3-3 value k | const k = 3
        """,
    )


def test_references_leave_out_comments_strings_and_keywords() -> None:
    assert references("a.ml", "let f x = List.map g' x (* h *) ^ \"i\" ^ g' {|j|}") == {"List": 1, "map": 1, "g'": 2}
    assert references("a.py", "def run():  # no\n    return go(f'{here} not', '''nor''')") == {
        "run": 1,
        "go": 1,
        "here": 1,
    }
    assert references("a.ts", "const aa = `x ${bb} yy`; // cc") == {"aa": 1, "bb": 1}
    assert references("a.rs", 'fn go() { run("x"); /* y */ }') == {"go": 1, "run": 1}


def test_a_broken_file_still_has_what_the_grammar_recovers() -> None:
    found = outline("a.ml", b"let whole x = x\n\nlet broken = (\n\nlet rest y = y\n")
    assert found is not None
    assert "whole" in [one.name for one in found.definitions]


def test_invalid_utf8_and_other_languages() -> None:
    assert outline("notes.md", b"# hi") is None
    found = outline("a.py", b"def caf\xe9(): pass\ndef fine(): pass\n")
    assert found is not None
    assert "fine" in [one.name for one in found.definitions]


def test_the_innermost_definition_encloses_a_line() -> None:
    found = outline("a.py", b"class A:\n    def f(self):\n        return 1\n\nX = 1\n")
    assert found is not None
    inner = enclosing(found.definitions, 2)
    assert inner is not None
    assert inner.name == "f"
    assert enclosing(found.definitions, 3) is None


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("lib/parser.ml", "Parser"),
        ("lib/parser.mli", "Parser"),
        ("pkg/thing.py", "thing"),
        ("pkg/__init__.py", "pkg"),
        ("src/mod.rs", "src"),
        ("README.md", None),
    ],
)
def test_what_other_files_call_a_file(path: str, name: str | None) -> None:
    assert module_name(path) == name


@pytest.mark.parametrize("spoken", LANGUAGES, ids=lambda spoken: spoken.name)
def test_each_language_loads_and_has_keywords(spoken: object) -> None:
    assert load(spoken).keywords  # type: ignore[arg-type]
