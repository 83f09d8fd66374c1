"""TypeScript: each rule but those for imports, against what tsc 7.0 really says."""

from collections.abc import Callable

Check = Callable[..., None]


def test_takes_the_name_the_compiler_asks_for(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export function area(width: number) {
          return widht * 2;
        }
        """,
        "2:9-2:14 Cannot find name 'widht'. Did you mean 'width'?",
        """\
        did you mean 0.90: the compiler asks whether `widht` should be `width`
        -  return widht * 2;
        +  return width * 2;
        """,
        code="TS2552",
    )


def test_corrects_a_property_of_an_interface(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        interface P { name: string; age: number }
        export function f(p: P): string { return p.nane; }
        """,
        "2:43-2:47 Property 'nane' does not exist on type 'P'.",
        """\
        did you mean 0.85: type `P` has no `nane`, but `name`
        -export function f(p: P): string { return p.nane; }
        +export function f(p: P): string { return p.name; }
        """,
        code="TS2339",
    )


def test_names_the_member_of_this(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export class K {
          count = 1;
          go() { return count; }
        }
        """,
        "3:16-3:21 Cannot find name 'count'. Did you mean the instance member 'this.count'?",
        """\
        did you mean 0.90: the compiler asks whether `count` should be `this.count`
        -  go() { return count; }
        +  go() { return this.count; }
        """,
        code="TS2663",
    )


def test_removes_an_unused_variable(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export function f() {
          const unused = 3;
          return 1;
        }
        """,
        "2:8-2:14 'unused' is declared but its value is never read.",
        """\
        unused 0.75: the compiler says that `unused` is never used
        -  const unused = 3;
        """,
        code="TS6133",
    )


def test_marks_an_unused_parameter(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export function f(a: number, b: number) {
          return a;
        }
        """,
        "1:29-1:30 'b' is declared but its value is never read.",
        """\
        unused 0.75: the compiler says that `b` is never used; a `_` says so on purpose
        -export function f(a: number, b: number) {
        +export function f(a: number, _b: number) {
        """,
        code="TS6133",
    )


def test_closes_a_parenthesis(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export function f(x: number) {
          const y = (x + 1;
          return y;
        }
        """,
        "2:18-2:19 ')' expected.",
        """\
        expected token 0.75: the parser expects `)` here
        -  const y = (x + 1;
        +  const y = (x + 1);
        """,
        code="TS1005",
    )


def test_closes_a_list_where_a_comma_is_asked_for(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export const l = [1, 2;
        """,
        "1:22-1:23 ',' expected.",
        """\
        expected token 0.75: the parser expects `,` here; `]` may be what is missing
        -export const l = [1, 2;
        +export const l = [1, 2];
        """,
        code="TS1005",
    )


def test_parts_two_statements(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        const a = 1 const b = 2;
        export const c = a + b;
        """,
        "1:12-1:17 ',' expected.",
        """\
        expected token 0.75: the parser expects `,` here; `;` may be what is missing
        -const a = 1 const b = 2;
        +const a = 1; const b = 2;
        """,
        code="TS1005",
    )


def test_closes_the_file(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export function f(x: number) {
          return x;
        """,
        "3:0-3:0 '}' expected.",
        """\
        expected token 0.75: the parser expects `}` here
           return x;
        +}
        """,
        code="TS1005",
    )


def test_makes_a_function_async(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export function f() {
          await Promise.resolve(1);
        }
        """,
        "2:2-2:7 'await' expressions are only allowed within async functions and at the top levels of modules.",
        """\
        declaration 0.65: the compiler allows `await` only in `async` functions
        -export function f() {
        +export async function f() {
        """,
        code="TS1308",
    )


def test_an_async_function_gives_a_promise_of_what_it_gave(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export const f = (n: number): number => {
          return await Promise.resolve(n);
        };
        """,
        "2:9-2:14 'await' expressions are only allowed within async functions and at the top levels of modules.",
        """\
        declaration 0.65: the compiler allows `await` only in `async` functions
        -export const f = (n: number): number => {
        +export const f = async (n: number): Promise<number> => {
        """,
        code="TS1308",
    )


def test_makes_no_parameters_type_async(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export function f(n: (x: number) => number) {
          return await Promise.resolve(n);
        }
        """,
        "2:9-2:14 'await' expressions are only allowed within async functions and at the top levels of modules.",
        """\
        declaration 0.65: the compiler allows `await` only in `async` functions
        -export function f(n: (x: number) => number) {
        +export async function f(n: (x: number) => number) {
        """,
        code="TS1308",
    )


def test_makes_a_constant_a_variable(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export function f() {
          const k = 1;
          k = 2;
          return k;
        }
        """,
        "3:2-3:3 Cannot assign to 'k' because it is a constant.",
        """\
        declaration 0.80: the compiler says that `k` is constant and is set again: `let`
        -  const k = 1;
        +  let k = 1;
        """,
        code="TS2588",
    )


def test_fills_a_property_from_the_variable_of_its_name(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        interface I { a: number; b: string }
        export function v(a: number, b: string): I { console.log(b); return { a }; }
        """,
        "2:61-2:67 Property 'b' is missing in type '{ a: number; }' but required in type 'I'.",
        """\
        missing property 0.60: the compiler misses property `b`, and a variable of that name is there
        -export function v(a: number, b: string): I { console.log(b); return { a }; }
        +export function v(a: number, b: string): I { console.log(b); return { a, b }; }
        """,
        code="TS2741",
    )
