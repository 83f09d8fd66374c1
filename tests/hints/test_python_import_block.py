"""Where a missing import lands: the whole top of the file, before and after."""

import textwrap

from aid.models.hints.python.import_block import Wanted, insertion


def check(before: str, wanted: Wanted, after: str) -> None:
    text = textwrap.dedent(before)
    at, written = insertion(text, wanted, frozenset({"shop"}))
    assert text[:at] + written + text[at:] == textwrap.dedent(after)


def test_the_standard_library_comes_before_the_projects_own() -> None:
    check(
        """\
        from shop.money import Money


        def f(): ...
        """,
        Wanted("math"),
        """\
        import math

        from shop.money import Money


        def f(): ...
        """,
    )


def test_the_standard_library_comes_before_other_peoples() -> None:
    check(
        '''\
        """About this."""

        from __future__ import annotations

        import requests

        from shop import basket
        ''',
        Wanted("pathlib", "Path"),
        '''\
        """About this."""

        from __future__ import annotations

        from pathlib import Path

        import requests

        from shop import basket
        ''',
    )


def test_takes_its_place_among_sorted_imports() -> None:
    check(
        """\
        import json
        import sys
        from dataclasses import dataclass

        import requests
        """,
        Wanted("os"),
        """\
        import json
        import os
        import sys
        from dataclasses import dataclass

        import requests
        """,
    )


def test_from_follows_import_where_the_block_says_so() -> None:
    check(
        """\
        import json
        import sys
        from typing import Any
        """,
        Wanted("pathlib", "Path"),
        """\
        import json
        import sys
        from pathlib import Path
        from typing import Any
        """,
    )


def test_the_module_alone_orders_a_block_that_mixes_both_forms() -> None:
    check(
        """\
        from dataclasses import dataclass
        import json
        from typing import Any
        """,
        Wanted("os"),
        """\
        from dataclasses import dataclass
        import json
        import os
        from typing import Any
        """,
    )


def test_goes_last_of_its_kind_in_an_unsorted_block() -> None:
    check(
        """\
        import sys
        import json

        import requests
        """,
        Wanted("os"),
        """\
        import sys
        import json
        import os

        import requests
        """,
    )


def test_the_projects_own_come_last_in_a_group_of_their_own() -> None:
    check(
        """\
        import json

        import requests

        X = 1
        """,
        Wanted("shop.money", "Money"),
        """\
        import json

        import requests

        from shop.money import Money

        X = 1
        """,
    )


def test_other_peoples_stand_between_the_two() -> None:
    check(
        """\
        import json

        from shop.money import Money
        """,
        Wanted("requests"),
        """\
        import json

        import requests

        from shop.money import Money
        """,
    )


def test_a_block_without_groups_stays_one() -> None:
    check(
        """\
        import json
        from shop.money import Money
        """,
        Wanted("requests"),
        """\
        import json
        import requests
        from shop.money import Money
        """,
    )


def test_a_comment_stays_with_the_imports_it_heads() -> None:
    check(
        """\
        import json

        # our own
        from . import money
        """,
        Wanted("requests"),
        """\
        import json

        import requests

        # our own
        from . import money
        """,
    )


def test_joins_the_names_already_imported_from_its_module() -> None:
    check("from shop import a, c\n", Wanted("shop", "b"), "from shop import a, b, c\n")
    check("from shop import c, a\n", Wanted("shop", "b"), "from shop import c, a, b\n")
    check("from typing import Any, cast\n", Wanted("typing", "Protocol"), "from typing import Any, Protocol, cast\n")


def test_joins_names_that_stand_on_lines_of_their_own() -> None:
    check(
        """\
        from shop import (
            a,
            c,
        )
        """,
        Wanted("shop", "b"),
        """\
        from shop import (
            a,
            b,
            c,
        )
        """,
    )
    check("from shop import (\n    a,\n)\n", Wanted("shop", "b"), "from shop import (\n    a,\n    b,\n)\n")


def test_the_first_import_stands_under_the_docstring() -> None:
    check(
        '''\
        """About this."""


        def f(): ...
        ''',
        Wanted("os"),
        '''\
        """About this."""

        import os


        def f(): ...
        ''',
    )


def test_the_first_import_stands_under_the_future() -> None:
    check(
        """\
        from __future__ import annotations

        X = 1
        """,
        Wanted("os"),
        """\
        from __future__ import annotations

        import os

        X = 1
        """,
    )


def test_the_first_import_stands_under_a_leading_comment() -> None:
    check(
        """\
        #!/usr/bin/env python3
        # Copyright: nobody.

        X = 1
        """,
        Wanted("os"),
        """\
        #!/usr/bin/env python3
        # Copyright: nobody.

        import os

        X = 1
        """,
    )


def test_the_first_import_of_a_bare_file_is_parted_from_its_code() -> None:
    check("def f(): ...\n", Wanted("os"), "import os\n\n\ndef f(): ...\n")
    check("X = 1\n", Wanted("os"), "import os\n\nX = 1\n")


def test_a_last_line_without_its_newline_gets_one() -> None:
    check("import json", Wanted("os"), "import json\nimport os\n")
    check('"""About this."""', Wanted("os"), '"""About this."""\n\nimport os\n')


def test_columns_are_characters_where_ast_counts_bytes() -> None:
    check("from shop import é, z\n", Wanted("shop", "b"), "from shop import é, z, b\n")
    check("from shop import a, é, ö\n", Wanted("shop", "n"), "from shop import a, n, é, ö\n")


def test_the_first_import_is_parted_from_code_right_under_the_docstring() -> None:
    check('"""About this."""\nX = 1\n', Wanted("os"), '"""About this."""\n\nimport os\n\nX = 1\n')


def test_makes_no_more_blank_lines_than_there_are() -> None:
    check('"""About this."""\n\n\n\nX = 1\n', Wanted("os"), '"""About this."""\n\nimport os\n\n\nX = 1\n')
    check("import os\n\n\n\nX = 1\n", Wanted("shop"), "import os\n\nimport shop\n\n\nX = 1\n")
