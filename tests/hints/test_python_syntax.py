"""Python: what doesn't parse, as CPython 3.11 says it."""

from collections.abc import Callable

Check = Callable[..., None]


def test_adds_a_colon_before_a_comment(check: Check) -> None:
    check(
        "m.py",
        """\
        def f(x)  # why
            return x
        """,
        "1:10-1:11 expected ':'",
        """\
        syntax 0.90: Python expects a `:` here
        -def f(x)  # why
        +def f(x):  # why
        """,
        code="SyntaxError",
    )


def test_writes_elif(check: Check) -> None:
    check(
        "m.py",
        """\
        def f(x):
            if x:
                return 1
            else if x > 2:
                return 2
        """,
        "4:9-4:11 expected ':'",
        """\
        syntax 0.95: Python writes `else if` as `elif`
        -    else if x > 2:
        +    elif x > 2:
        """,
        code="SyntaxError",
    )


def test_compares(check: Check) -> None:
    check(
        "m.py",
        """\
        def f(x):
            if x = 1:
                return x
        """,
        "2:7-2:8 invalid syntax. Maybe you meant '==' or ':=' instead of '='?",
        """\
        syntax 0.90: Python asks whether `==` was meant
        -    if x = 1:
        +    if x == 1:
        """,
        code="SyntaxError",
    )


def test_calls_print(check: Check) -> None:
    check(
        "m.py",
        """\
        print "x"
        """,
        "1:0-1:5 Missing parentheses in call to 'print'. Did you mean print(...)?",
        """\
        syntax 0.95: Python asks whether `print(...)` was meant
        -print "x"
        +print("x")
        """,
        code="SyntaxError",
    )


def test_adds_a_comma(check: Check) -> None:
    check(
        "m.py",
        """\
        x = [1, 2 3]
        """,
        "1:8-1:9 invalid syntax. Perhaps you forgot a comma?",
        """\
        syntax 0.80: Python asks whether a comma is missing
        -x = [1, 2 3]
        +x = [1, 2, 3]
        """,
        code="SyntaxError",
    )


def test_ends_a_string_inside_its_brackets(check: Check) -> None:
    check(
        "m.py",
        """\
        x = len("abc)
        """,
        "1:8-1:9 unterminated string literal (detected at line 1)",
        """\
        syntax 0.65: Python says that the string has no end
        -x = len("abc)
        +x = len("abc")
        syntax 0.40: Python says that the string has no end
        -x = len("abc)
        +x = len("abc)"
        """,
        code="SyntaxError",
    )


def test_closes_a_bracket_before_the_colon(check: Check) -> None:
    check(
        "m.py",
        """\
        def f(x):
            if (x > 1:
                return x
        """,
        "2:13-2:14 invalid syntax",
        """\
        bracket 0.80: Python stopped at `:`, and `(` is not closed before it
        -    if (x > 1:
        +    if (x > 1):
        """,
        code="SyntaxError",
    )


def test_closes_a_bracket_on_a_line_of_its_own(check: Check) -> None:
    check(
        "m.py",
        """\
        x = [
            1,
            2,

        y = 3
        """,
        "1:4-1:5 '[' was never closed",
        """\
        bracket 0.70: Python says that `[` was never closed
             2,
        +]
        """,
        code="SyntaxError",
    )


def test_replaces_a_wrong_closer(check: Check) -> None:
    check(
        "m.py",
        """\
        x = (1, 2]
        """,
        "1:9-1:10 closing parenthesis ']' does not match opening parenthesis '('",
        """\
        bracket 0.80: Python says that `]` doesn't close `(`
        -x = (1, 2]
        +x = (1, 2)
        """,
        code="SyntaxError",
    )


def test_removes_a_closer_too_many(check: Check) -> None:
    check(
        "m.py",
        """\
        x = (1, 2))
        """,
        "1:10-1:11 unmatched ')'",
        """\
        bracket 0.80: Python says that nothing opens `)`
        -x = (1, 2))
        +x = (1, 2)
        """,
        code="SyntaxError",
    )


def test_indents_a_block(check: Check) -> None:
    check(
        "m.py",
        """\
        def f(x):
        y = x
        return y
        """,
        "2:0-2:1 expected an indented block after function definition on line 1",
        """\
        indentation 0.75: Python expects an indented block here
        -y = x
        -return y
        +    y = x
        +    return y
        indentation 0.50: Python expects an indented block here: this line alone
        -y = x
        +    y = x
        """,
        code="IndentationError",
    )


def test_dedents_a_line(check: Check) -> None:
    check(
        "m.py",
        """\
        def f(x):
            y = 1
              return x
        """,
        "3:5-3:5 unexpected indent",
        """\
        indentation 0.80: Python doesn't expect this line 6 deep: 4
        -      return x
        +    return x
        """,
        code="IndentationError",
    )


def test_aligns_a_line_with_a_level(check: Check) -> None:
    check(
        "m.py",
        """\
        def f(x):
            if x:
                y = 1
           return y
        """,
        "4:11-4:11 unindent does not match any outer indentation level",
        """\
        indentation 0.60: Python doesn't expect this line 3 deep: 4
        -   return y
        +    return y
        indentation 0.30: Python doesn't expect this line 3 deep: 8
        -   return y
        +        return y
        """,
        code="IndentationError",
    )


def test_corrects_a_misspelt_keyword(check: Check) -> None:
    check(
        "m.py",
        """\
        def f(x):
            retrun x
        """,
        "2:11-2:12 invalid syntax",
        """\
        misspelt keyword 0.80: Python stopped on this line, and `retrun` is nearly `return`
        -    retrun x
        +    return x
        """,
        code="SyntaxError",
    )


def test_closes_the_inner_bracket_where_the_outer_closer_stands(check: Check) -> None:
    check(
        "m.py",
        """\
        y = f(a[1)
        """,
        "1:9-1:10 closing parenthesis ')' does not match opening parenthesis '['",
        """\
        bracket 0.75: Python says that `)` doesn't close `[`
        -y = f(a[1)
        +y = f(a[1])
        bracket 0.40: Python says that `)` doesn't close `[`
        -y = f(a[1)
        +y = f(a[1]
        """,
        code="SyntaxError",
    )


def test_calls_print_before_a_comment(check: Check) -> None:
    check(
        "m.py",
        """\
        print "x"  # hi
        """,
        "1:0-1:9 Missing parentheses in call to 'print'. Did you mean print(...)?",
        """\
        syntax 0.95: Python asks whether `print(...)` was meant
        -print "x"  # hi
        +print("x")  # hi
        """,
        code="SyntaxError",
    )


def test_adds_a_comma_before_a_comment_at_a_lines_end(check: Check) -> None:
    check(
        "m.py",
        """\
        d = {
            'a': 1  # one
            'b': 2,
        }
        """,
        "2:9-3:8 invalid syntax. Perhaps you forgot a comma?",
        """\
        syntax 0.80: Python asks whether a comma is missing
        -    'a': 1  # one
        +    'a': 1,  # one
        """,
        code="SyntaxError",
    )


def test_of_two_keywords_as_near_the_one_as_long_comes_first(check: Check) -> None:
    check(
        "m.py",
        """\
        form os import path
        """,
        "1:5-1:7 invalid syntax",
        """\
        misspelt keyword 0.80: Python stopped on this line, and `form` is nearly `from`
        -form os import path
        +from os import path
        misspelt keyword 0.40: Python stopped on this line, and `form` is nearly `for`
        -form os import path
        +for os import path
        """,
        code="SyntaxError",
    )
