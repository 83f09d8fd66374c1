"""Python: names, attributes, imports and arguments, as CPython 3.11 and pytest say it."""

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
         import json
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
         '''About m.'''
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
