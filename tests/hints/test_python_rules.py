"""Python: each rule against what CPython 3.11 and pytest really say."""

from collections.abc import Callable

Check = Callable[..., None]


def test_corrects_a_name_to_one_in_the_file(check: Check) -> None:
    check(
        "m.py",
        """\
        def area(width, height):
            return widht * height
        """,
        "2:0-3:0 test: NameError: name 'widht' is not defined",
        """\
        misspelt name 0.85: Python doesn't know `widht`; nearly the same is `width`
        -    return widht * height
        +    return width * height
        """,
        others={"test_m.py": "import m\ndef test(): m.area(1, 2)\n"},
        code="NameError",
    )


def test_finds_a_name_on_self(check: Check) -> None:
    check(
        "m.py",
        """\
        class A:
            def __init__(self):
                self.size = 3

            def double(self):
                return size * 2
        """,
        "6:0-7:0 test: NameError: name 'size' is not defined",
        """\
        misspelt name 0.87: Python doesn't know `size`; `self.size` is set here
        -        return size * 2
        +        return self.size * 2
        """,
        others={"test_m.py": "import m\ndef test(): m.A().double()\n"},
        code="NameError",
    )


def test_changes_only_what_is_used_as_a_variable(check: Check) -> None:
    check(
        "m.py",
        """\
        class A:
            def __init__(self):
                self.size = 3

            def copy(self, make):
                return make(self.size, size=size)
        """,
        "6:0-7:0 test: NameError: name 'size' is not defined",
        """\
        misspelt name 0.87: Python doesn't know `size`; `self.size` is set here
        -        return make(self.size, size=size)
        +        return make(self.size, size=self.size)
        """,
        code="NameError",
    )


def test_imports_a_standard_module(check: Check) -> None:
    check(
        "m.py",
        """\
        import json
        import sys


        def cwd():
            return os.getcwd(), json, sys
        """,
        "6:0-7:0 test: NameError: name 'os' is not defined",
        """\
        missing import 0.90: Python doesn't know `os`: `import os`
        +import os
        """,
        others={"test_m.py": "import m\ndef test(): m.cwd()\n"},
        code="NameError",
    )


def test_imports_a_standard_name_under_the_docstring(check: Check) -> None:
    check(
        "m.py",
        """\
        '''About m.'''


        def home():
            return Path("x")
        """,
        "5:0-6:0 test: NameError: name 'Path' is not defined",
        """\
        missing import 0.88: Python doesn't know `Path`: `from pathlib import Path`
        +
        +from pathlib import Path
        """,
        others={"test_m.py": "import m\ndef test(): m.home()\n"},
        code="NameError",
    )


def test_imports_a_name_another_source_defines(check: Check) -> None:
    check(
        "m.py",
        """\
        def f():
            return helper(3)
        """,
        "2:0-3:0 test: NameError: name 'helper' is not defined",
        """\
        missing import 0.92: Python doesn't know `helper`: `from other import helper`
        +from other import helper
        +
        +
        misspelt name 0.85: Python doesn't know `helper`; nearly the same is `help`
        -    return helper(3)
        +    return help(3)
        """,
        others={"other.py": "def helper(x):\n    return x\n", "test_m.py": "import m\ndef test(): m.f()\n"},
        code="NameError",
    )


def test_corrects_an_attribute_of_a_class(check: Check) -> None:
    check(
        "m.py",
        """\
        class A:
            def __init__(self):
                self.name = 'a'

            def label(self):
                return self.nane
        """,
        "6:0-7:0 test: AttributeError: 'A' object has no attribute 'nane'",
        """\
        misspelt attribute 0.85: Python finds no `nane` on `A`, but `name`
        -        return self.nane
        +        return self.name
        """,
        others={"test_m.py": "import m\ndef test(): m.A().label()\n"},
        code="AttributeError",
    )


def test_corrects_a_method_of_a_built_in_type(check: Check) -> None:
    check(
        "m.py",
        """\
        def f(x):
            return x.uper()
        """,
        "2:0-3:0 test: AttributeError: 'str' object has no attribute 'uper'",
        """\
        misspelt attribute 0.85: Python finds no `uper` on `str`, but `upper`
        -    return x.uper()
        +    return x.upper()
        """,
        others={"test_m.py": "import m\ndef test(): m.f('a')\n"},
        code="AttributeError",
    )


def test_corrects_an_imported_name_wherever_it_stands(check: Check) -> None:
    check(
        "test_m.py",
        """\
        from m import aera
        def test(): assert aera(1) == 1
        """,
        "1:0-2:0 ERROR collecting test_m.py: ImportError: cannot import name 'aera' from 'm' (m.py)",
        """\
        misspelt import 0.85: Python finds no `aera` to import, but `area`
        -from m import aera
        -def test(): assert aera(1) == 1
        +from m import area
        +def test(): assert area(1) == 1
        """,
        others={"m.py": "def area(x):\n    return x\n"},
        code="ImportError",
    )


def test_corrects_a_module(check: Check) -> None:
    check(
        "m.py",
        """\
        import jsn

        x = jsn.dumps(3)
        """,
        "1:0-2:0 ERROR collecting test_m.py: ModuleNotFoundError: No module named 'jsn'",
        """\
        misspelt import 0.85: Python finds no `jsn` to import, but `json`
        -import jsn
        +import json
        -x = jsn.dumps(3)
        +x = json.dumps(3)
        """,
        others={"test_m.py": "import m\ndef test(): pass\n"},
        code="ModuleNotFoundError",
    )


def test_corrects_a_keyword_argument(check: Check) -> None:
    check(
        "m.py",
        """\
        def area(width, height):
            return width * height


        def call():
            return area(width=1, heigth=2)
        """,
        "6:0-7:0 test: TypeError: area() got an unexpected keyword argument 'heigth'",
        """\
        keyword argument 0.88: `area` takes no argument `heigth`, but `height`
        -    return area(width=1, heigth=2)
        +    return area(width=1, height=2)
        """,
        others={"test_m.py": "import m\ndef test(): m.call()\n"},
        code="TypeError",
    )


def test_adds_self_to_the_method_called(check: Check) -> None:
    check(
        "test_m.py",
        """\
        import m
        def test(): m.A().size()
        """,
        "2:0-3:0 test: TypeError: A.size() takes 0 positional arguments but 1 was given",
        """\
        missing self 0.88: method `A.size` takes no `self`
        -    def size():
        +    def size(self):
        """,
        others={"m.py": "class A:\n    def size():\n        return 3\n"},
        code="TypeError",
    )


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


def test_imports_the_class_where_a_module_has_its_name(check: Check) -> None:
    check(
        "m.py",
        """\
        def f():
            return datetime.now()
        """,
        "2:0-3:0 test: NameError: name 'datetime' is not defined",
        """\
        missing import 0.88: Python doesn't know `datetime`: `from datetime import datetime`
        +from datetime import datetime
        +
        +
        missing import 0.30: Python doesn't know `datetime`: `import datetime`
        +import datetime
        +
        +
        """,
        code="NameError",
    )


def test_imports_the_module_that_is_used_with_a_dot(check: Check) -> None:
    check(
        "m.py",
        """\
        def f():
            return datetime.date(2026, 1, 1)
        """,
        "2:0-3:0 test: NameError: name 'datetime' is not defined",
        """\
        missing import 0.90: Python doesn't know `datetime`: `import datetime`
        +import datetime
        +
        +
        """,
        code="NameError",
    )


def test_corrects_a_module_of_a_relative_import(check: Check) -> None:
    check(
        "shop/basket.py",
        """\
        from .mony import Money
        """,
        "1:0-2:0 ERROR collecting test_m.py: ModuleNotFoundError: No module named 'shop.mony'",
        """\
        misspelt import 0.85: Python finds no `mony` to import, but `money`
        -from .mony import Money
        +from .money import Money
        """,
        others={"shop/money.py": "class Money: ...\n"},
        code="ModuleNotFoundError",
    )


def test_leaves_attributes_alone_where_an_imported_name_is_corrected(check: Check) -> None:
    check(
        "test_m.py",
        """\
        from m import aera
        def test(shape): assert aera(1) == shape.aera
        """,
        "1:0-2:0 ERROR collecting test_m.py: ImportError: cannot import name 'aera' from 'm' (m.py)",
        """\
        misspelt import 0.85: Python finds no `aera` to import, but `area`
        -from m import aera
        -def test(shape): assert aera(1) == shape.aera
        +from m import area
        +def test(shape): assert area(1) == shape.aera
        """,
        others={"m.py": "def area(x):\n    return x\n"},
        code="ImportError",
    )


def test_adds_no_self_where_more_than_one_argument_is_too_many(check: Check) -> None:
    check(
        "test_m.py",
        """\
        import m
        def test(): m.A().size(1, 2)
        """,
        "2:0-3:0 test: TypeError: A.size() takes 0 positional arguments but 3 were given",
        "",
        others={"m.py": "class A:\n    def size():\n        return 3\n"},
        code="TypeError",
    )
