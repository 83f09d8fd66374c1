"""TypeScript: imports that are missing, misspelt or unused, against what tsc 7.0 really says."""

from collections.abc import Callable

Check = Callable[..., None]


def test_corrects_an_import_wherever_it_stands(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        import { thing } from "./b.js";

        export const x = thing() + thing();
        """,
        "1:9-1:14 '\"./b.js\"' has no exported member named 'thing'. Did you mean 'things'?",
        """\
        did you mean 0.90: the compiler asks whether `thing` should be `things`
        -import { thing } from "./b.js";
        +import { things } from "./b.js";
        -export const x = thing() + thing();
        +export const x = things() + things();
        """,
        others={"src/b.ts": "export function things() { return 1; }\n"},
        code="TS2724",
    )


def test_adds_to_an_import_of_the_same_module(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        import { other } from "./b.js";

        export const x = helper(other);
        """,
        "3:17-3:23 Cannot find name 'helper'.",
        """\
        missing import 0.80: the compiler can't find `helper`; src/b.ts exports it
        -import { other } from "./b.js";
        +import { helper, other } from "./b.js";
        """,
        others={"src/b.ts": "export const other = 1;\nexport function helper(x: number) { return x; }\n"},
        code="TS2304",
    )


def test_adds_an_import(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export const x = helper(1);
        """,
        "1:17-1:23 Cannot find name 'helper'.",
        """\
        missing import 0.80: the compiler can't find `helper`; src/b.ts exports it
        +import { helper } from "./b";
        +
        """,
        others={"src/b.ts": "export function helper(x: number) { return x; }\n"},
        code="TS2304",
    )


def test_takes_a_name_out_of_an_import(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        import { one, two } from "./b.js";

        export const x = one;
        """,
        "1:14-1:17 'two' is declared but its value is never read.",
        """\
        unused 0.90: the compiler says that this import is never used
        -import { one, two } from "./b.js";
        +import { one } from "./b.js";
        """,
        others={"src/b.ts": "export const one = 1;\nexport const two = 2;\n"},
        code="TS6133",
    )


def test_imports_a_type_as_the_file_imports_types(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        import { one } from "./b.js";
        import type { Other } from "./c.js";

        export const x: Shape | Other = one;
        """,
        "4:16-4:21 Cannot find name 'Shape'.",
        """\
        missing import 0.80: the compiler can't find `Shape`; src/b.ts exports it
         import { one } from "./b.js";
        +import type { Shape } from "./b.js";
        """,
        others={"src/b.ts": "export const one = 1;\nexport interface Shape { n: number }\n", "src/c.ts": ""},
        code="TS2304",
    )


def test_imports_a_default_export_without_braces(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export const x = helper(1);
        """,
        "1:17-1:23 Cannot find name 'helper'.",
        """\
        missing import 0.80: the compiler can't find `helper`; src/b.ts exports it
        +import helper from "./b";
        +
        """,
        others={"src/b.ts": "export default function helper(x: number) { return x; }\n"},
        code="TS2304",
    )


def test_adds_to_names_on_lines_of_their_own(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        import {
          one,
          two,
        } from "./b.js";

        export const x = three(one, two);
        """,
        "6:17-6:22 Cannot find name 'three'.",
        """\
        missing import 0.80: the compiler can't find `three`; src/b.ts exports it
           one,
        +  three,
        """,
        others={"src/b.ts": "export const one = 1, two = 2;\nexport { one, two };\nexport function three() {}\n"},
        code="TS2304",
    )


def test_keeps_what_else_an_import_binds(check: Check) -> None:
    source = """\
        import whole, { one } from "./b.js";

        export const x = 1;
        """
    check(
        "src/a.ts",
        source,
        "1:7-1:12 'whole' is declared but its value is never read.",
        """\
        unused 0.90: the compiler says that this import is never used
        -import whole, { one } from "./b.js";
        +import { one } from "./b.js";
        """,
        code="TS6133",
    )
    check(
        "src/a.ts",
        source,
        "1:16-1:19 'one' is declared but its value is never read.",
        """\
        unused 0.90: the compiler says that this import is never used
        -import whole, { one } from "./b.js";
        +import whole from "./b.js";
        """,
        code="TS6133",
    )


def test_removes_an_import_of_which_nothing_is_used(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        import { one, two } from "./b.js";

        export const x = 1;
        """,
        "1:0-1:6 All imports in import declaration are unused.",
        """\
        unused 0.85: the compiler says that this import is never used
        -import { one, two } from "./b.js";
        -
        """,
        code="TS6192",
    )


def test_leaves_properties_alone_where_an_import_is_corrected(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        import { thing } from "./b.js";

        export const x = [...thing, x.thing];
        """,
        "1:9-1:14 '\"./b.js\"' has no exported member named 'thing'. Did you mean 'things'?",
        """\
        did you mean 0.90: the compiler asks whether `thing` should be `things`
        -import { thing } from "./b.js";
        +import { things } from "./b.js";
        -export const x = [...thing, x.thing];
        +export const x = [...things, x.thing];
        """,
        others={"src/b.ts": "export const things = [1];\n"},
        code="TS2724",
    )


def test_ends_a_path_as_the_projects_other_imports_end(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        export const x = helper(1);
        """,
        "1:17-1:23 Cannot find name 'helper'.",
        """\
        missing import 0.80: the compiler can't find `helper`; src/b.ts exports it
        +import { helper } from "./b.js";
        +
        """,
        others={
            "src/b.ts": "export function helper(x: number) { return x; }\n",
            "src/c.ts": 'import { helper } from "./b.js";\n',
        },
        code="TS2304",
    )


def test_ends_a_path_as_the_compiler_asks(check: Check) -> None:
    check(
        "src/a.ts",
        """\
        import helper from "./b";
        """,
        """\
        1:19-1:24 Relative import paths need explicit file extensions in ECMAScript imports when '--moduleResolution' \
        is 'node16' or 'nodenext'. Did you mean './b.js'?""",
        """\
        did you mean 0.92: the compiler asks whether `./b` should be `./b.js`
        -import helper from "./b";
        +import helper from "./b.js";
        """,
        code="TS2835",
    )
