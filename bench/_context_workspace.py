"""A synthetic workspace for the context benchmarks: generated OCaml and Python modules that refer to each other.

Deterministic. Of every ten files five are .ml, two .mli, two .py and one is prose or a build file; libraries hold 25
files each. Names are partly shared by all modules (`t`, `create`, `pp`), as they are in real OCaml.
"""

import random
from pathlib import Path

_SHARED = ("create", "pp", "equal", "compare", "of_string", "to_string", "fold", "iter")
_WORDS = ("order", "book", "price", "venue", "risk", "clock", "queue", "frame", "route", "ledger", "quote", "trade")


def make_workspace(root: Path, files: int) -> None:
    """Write `files` files under `root`."""
    random_ = random.Random(files)
    modules: list[str] = []
    for number in range(files):
        folder = root / f"lib{number // 25 // 40:02}" / f"part{number // 25:04}"
        if number % 25 == 0:
            folder.mkdir(parents=True, exist_ok=True)
        name = f"{_WORDS[number % 12]}_{_WORDS[number // 12 % 12]}_{number}"
        others = random_.sample(modules, min(len(modules), 6))
        match number % 10:
            case 0 | 1 | 2 | 3 | 4:
                (folder / f"{name}.ml").write_text(_ocaml(name, others, random_))
                modules.append(name)
            case 5 | 6:
                (folder / f"{name}.mli").write_text(_interface(name))
            case 7 | 8:
                (folder / f"{name}.py").write_text(_python(name, others, random_))
            case _:
                (folder / ("dune" if number % 25 == 9 else f"{name}.md")).write_text(f"(library (name {name}))\n")


def _ocaml(name: str, others: list[str], random_: random.Random) -> str:
    lines = [f"(* {name}: generated *)", "open Base", "", f"type t = {{ {name}_id : int; amount : float }}", ""]
    for shared in _SHARED:
        lines += [f"let {shared} ({name} : t) =", f"  let scale = {name}.amount *. 2.0 in"]
        lines += [f"  ignore scale; {name}.{name}_id", ""]
    for index in range(8):
        other = random_.choice(others).capitalize() if others else "Base"
        lines += [f"let {name}_step_{index} left right =", "  match left, right with"]
        lines += [f"  | Some a, Some b -> {other}.create a + {other}.fold b", "  | None, Some b -> b", "  | _ -> 0", ""]
    return "\n".join(lines)


def _interface(name: str) -> str:
    return f"(** {name} *)\n\ntype t\n\n" + "\n".join(f"val {name}_{word} : t -> int\n" for word in _WORDS)


def _python(name: str, others: list[str], random_: random.Random) -> str:
    lines = [f'"""{name}: generated."""', "", "import json", ""]
    for index in range(10):
        other = random_.choice(others) if others else "json"
        lines += [f"def {name}_step_{index}(left: int, right: int) -> int:", f"    total = {other}.create(left)"]
        lines += ["    for item in range(right):", "        total += item * left", "    return total", "", ""]
    return "\n".join(lines)
