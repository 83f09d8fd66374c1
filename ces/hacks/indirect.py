"""Names and code hidden from readers: built from pieces, looked up, bound to a runtime's primitives."""

from collections.abc import Iterator

from ces.hacks.case import Family, Trick
from ces.hacks.edited import Edited
from ces.hacks.patterns import Pattern, added
from ces.verdict import Flag

_HELD = r"(?:os|sys|posix|nt|_?signal|_thread|ctypes|faulthandler|builtins|__builtins__|importlib)"
_LOOKED_UP = r"(?:getattr|vars|attrgetter|methodcaller|setattr|delattr)"
_WORD = r"[\"'](?!_*exit|abort|kill|fork|exec|system|eval)\w+[\"']\s*[,)]"
_SIGNAL = r"_?signal\s*,\s*f?[\"']SIG[\w{}.]*[\"']\s*[,)]"  # whatever is filled in, it is a signal's name
_GARBLED = r"(?:b64decode|b32decode|fromhex|unhexlify|\.decode\(|\[::-1\]|\bchr\(|\.join\(|\brot_?13|\bdecompress\()"
_PIECES = r"[\"'][^\"'\n]*[\"']\s*(?:\+|%|\.format|\.join|\.replace|\[)"
# Primitives of OCaml's own runtime that end the program, change a type, or touch what the types protect.
_PRIMITIVES = (
    r"(?:%(?:identity|opaque|obj_\w+|magic|raise\w*|caml_obj\w*)|caml_(?:sys_exit|sys_system_command|shutdown|do_exit|obj_\w+"
    r"|raise\w*|fatal\w*|input_value\w*|register_named_value|reify_bytecode|static_\w+|dynlink\w*|natdynlink\w*|main|startup\w*"
    r"|terminate_\w+|abort\w*|unix_(?:exit|kill|fork|exec\w*))|unix_(?:exit|kill|fork|exec\w*)|_?exit|_Exit|quick_exit|abort"
    r"|raise|kill|system|longjmp|fork)"
)
_ARITHMETIC = (
    r"(?:int32_\w+|int64_\w+|nativeint_\w+|bswap\w*|floatofint|intoffloat|(?:add|sub|mul|neg|and|or|xor|lsl|lsr|asr)(?:int|float)"
    r"|caml_(?:string|bytes|bigstring)_[gs]et\d+)"
)
PATTERNS = (
    Pattern(
        trick="name-hidden",
        language="python",
        words=rf"\b{_LOOKED_UP}\(\s*(?!{_SIGNAL}){_HELD}\b\s*(?!,\s*{_WORD})|\b(?:attrgetter|methodcaller)\(\s*[\"']_*(?:exit|kill|abort)"
        rf"|\b{_HELD}\.__(?:dict__|getattribute__)|\b(?:__import__|import_module)\(\s*{_PIECES}"
        rf"|(?<![\w.])(?:exec|eval|compile|getattr|__import__|import_module)\([^)\n]*{_GARBLED}"
        r"|(?<!==)(?<!== )[\"']_exit[\"']",
        where="uncommented",
    ),
    Pattern(
        trick="name-hidden",
        language="python",
        words=r"\b(?:pickle|marshal|dill)\.loads\(\s*b?[\"']|\b(?:globals|locals)\(\)\[[^\]\n]*[\"']\s*\+"
        r"|\.__base__\.__subclasses__|\.__globals__\b|\.__class__\.__(?:base|bases|mro)__",
        where="uncommented",
    ),
    Pattern(
        trick="name-hidden",
        language="python",
        words=r"\b(?:import|from)\s+(?:posix|nt)\b|\bctypes\.(?:pythonapi|CDLL\(\s*None\s*\)\s*\.\s*_?(?:exit|abort|kill|raise))|\b_xxsubinterpreters\b"
        r"|\bgc\.get_(?:objects|referrers)\b|\bFunctionType\(|\bCodeType\(",
    ),
    Pattern(
        trick="name-hidden",
        language="typescript",
        words=r"\bprocess\s*(?:\?\.)?\[|\b(?:globalThis|global|window)\s*\[\s*[^\]]*\+|\bReflect\.\w+\(\s*process\b"
        r"|\b(?:require|import)\(\s*[\"'`][^\"'`]*[\"'`]\s*\+|\bprocess\.binding\(|\beval\?\.\(|\(0,\s*eval\)"
        r"|\bFunction\(\s*[\"'`]|\.constructor\(\s*[\"'`]|\bimport\s+(?!process\b)\w+\s+from\s*[\"'](?:node:)?process[\"']",
        where="uncommented",
    ),
    Pattern(trick="stand-in", language="typescript", words=r"\bnew\s+Proxy\s*[(<]|\bProxy\.revocable\("),
    Pattern(
        trick="primitive-bound",
        language="ocaml",
        words=rf"\bexternal\b[^=]*=\s*(?:\"[^\"]*\"\s*)?(?:\"|\{{\w*\|){_PRIMITIVES}(?:\"|\|\w*\}})",
        where="uncommented",
    ),
    Pattern(
        trick="primitive-bound",
        language="ocaml",
        words=r"\bexternal\b[^=]*=\s*\"[^\"\n]*\\",  # a name written in escapes
        where="uncommented",
    ),
    Pattern(
        trick="primitive-named",
        language="ocaml",
        words=rf"\bexternal\b[^=]*=\s*(?:\"|\{{\w*\|)(?:%(?!{_ARITHMETIC}\b)|caml_|unix_)",
        where="uncommented",
    ),
    Pattern(
        trick="name-hidden",
        language="ocaml",
        words=r"\bmodule\s+(?!(?:Stdlib|Pervasives|Caml)\b)\w+\s*=\s*(?:Stdlib|Pervasives|Caml)\b(?!\s*\.)|\binclude\s+(?:Stdlib|Pervasives)\b(?!\s*\.)",
    ),
    Pattern(
        trick="name-hidden",
        language="ocaml",
        words=r"\bCallback\.register\w*\s+\"Printexc",
        where="uncommented",
    ),
)


def find(change: Edited) -> Iterator[Flag]:
    yield from added(change.code, PATTERNS)


FAMILY = Family(
    name="indirect",
    tricks=(
        Trick("name-hidden", "A name or code is put together or looked up so that a reader doesn't see it.", "loaded"),
        Trick(
            "primitive-bound",
            "An `external` names what ends the program or talks a type away in the runtime.",
            "custom",
        ),
        Trick("stand-in", "A Proxy answers whatever is asked of what it stands for.", "near"),
        Trick("primitive-named", "An `external` names another primitive of OCaml's own runtime.", "near"),
    ),
    find=find,
)
