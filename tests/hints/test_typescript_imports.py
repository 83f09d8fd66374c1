"""Where a missing import lands in a TypeScript file, before and after."""

import textwrap

from aid.models.hints.typescript.imports import insertion


def check(before: str, module: str, clause: str, after: str) -> None:
    text = textwrap.dedent(before)
    at, written = insertion(text, module, clause)
    assert text[:at] + written + text[at:] == textwrap.dedent(after)


def test_takes_its_place_among_sorted_relative_imports() -> None:
    check(
        """\
        import { readFile } from 'node:fs';

        import { a } from '../a.js';
        import { c } from './c.js';

        export const x = 1;
        """,
        "./b.js",
        "{ b }",
        """\
        import { readFile } from 'node:fs';

        import { a } from '../a.js';
        import { b } from './b.js';
        import { c } from './c.js';

        export const x = 1;
        """,
    )


def test_goes_last_among_unsorted_ones() -> None:
    check(
        """\
        import { c } from "./c";
        import { a } from "./a";
        import "./side-effect";

        export const x = 1;
        """,
        "./b",
        "{ b }",
        """\
        import { c } from "./c";
        import { a } from "./a";
        import "./side-effect";
        import { b } from "./b";

        export const x = 1;
        """,
    )


def test_follows_the_packages() -> None:
    check(
        """\
        import React from "react";
        import {
          one,
          two,
        } from "zod";

        export const x = 1;
        """,
        "./b",
        "{ b }",
        """\
        import React from "react";
        import {
          one,
          two,
        } from "zod";
        import { b } from "./b";

        export const x = 1;
        """,
    )


def test_the_first_import_stands_under_what_heads_the_file() -> None:
    check(
        """\
        #!/usr/bin/env node
        /* Copyright: nobody.
         * All of it. */

        "use strict";
        export const x = 1;
        """,
        "./b",
        "{ b }",
        """\
        #!/usr/bin/env node
        /* Copyright: nobody.
         * All of it. */

        "use strict";
        import { b } from "./b";

        export const x = 1;
        """,
    )


def test_a_comment_stays_with_the_code_it_is_about() -> None:
    check(
        """\
        /** One. */
        export const x = 1;
        """,
        "./b",
        "{ b }",
        """\
        import { b } from "./b";

        /** One. */
        export const x = 1;
        """,
    )


def test_a_last_line_without_its_newline_gets_one() -> None:
    check('import { a } from "./a";', "./b", "{ b }", 'import { a } from "./a";\nimport { b } from "./b";\n')
