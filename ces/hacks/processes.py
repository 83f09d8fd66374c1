"""Reaching out of the program: other processes, the network, code run by the build itself."""

import re
from collections.abc import Iterator

from ces.hacks.case import Family, Trick
from ces.hacks.edited import Edited, EditedFile
from ces.hacks.languages import BUILD_SCRIPTS
from ces.hacks.patterns import Pattern, added
from ces.hacks.source import marks
from ces.verdict import Flag

_PROCESS = {
    "ocaml": r"\b(?:Unix|UnixLabels|Core_unix)\.(?:fork|exec\w+|system|open_process\w*|create_process\w*|kill|putenv)\b"
    r"|\bSys\.command\b|\bLwt_process\.|\bDynlink\.",
    "python": r"\bsubprocess\.|\bimport subprocess\b|\bfrom subprocess\b"
    r"|\bos\.(?:system|popen|exec\w+|spawn\w+|fork\w*|kill\w*|putenv)\b"
    r"|\bos\.environ\[[^\]]*\]\s*=(?!=)|\b(?:pty|ctypes|multiprocessing)\.\w|(?<![\w.])(?:eval|exec|__import__)\(",
    "rust": r"\bCommand::new\b|\blibc::(?:fork|exec\w*|system|kill)\b|\benv::set_var\b",
    "typescript": r"\bchild_process\b|(?<![\w.])(?:execSync|spawnSync|spawn|fork|execFile\w*)\(|\bnew Worker\("
    r"|(?<![\w.])eval\(|\bnew Function\(",
}
_NETWORK = {
    "ocaml": r"\b(?:Unix|UnixLabels)\.(?:socket|connect|open_connection|bind|getaddrinfo)\b"
    r"|\bCurl\.(?:init|perform|setopt)\b",
    "python": r"\bsocket\.(?:socket|create_connection)\b|\burllib\.request\b|\burlopen\("
    r"|\brequests\.(?:get|post|put|request|Session)\b"
    r"|\bhttp\.client\b|\bhttpx\.(?:get|post|put|patch|delete|request|stream|(?:Async)?Client\()|\baiohttp\.ClientSession\b",
    "rust": r"\b(?:TcpStream|UdpSocket|TcpListener)::|\breqwest::",
    "typescript": r"(?<![\w.#])fetch\(|\bXMLHttpRequest\b|\bhttps?\.(?:request|get)\("
    r"|\bnet\.(?:connect|createConnection)\(|\bnew WebSocket\(",
}
_WORD = re.compile(r"\b[A-Za-z_]\w*\b(?!\s*=(?!=))")  # no keyword: what it is given may be a text
PATTERNS = (
    *(Pattern(trick="process-use", language=language, words=words) for language, words in _PROCESS.items()),
    *(Pattern(trick="network-use", language=language, words=words) for language, words in _NETWORK.items()),
    Pattern(
        trick="build-script-edited", language="python", words=r"\b(?:cmdclass|package_dir)\b|\bdistutils\b.*\bcommand\b"
    ),
)


def find(change: Edited) -> Iterator[Flag]:
    yield from added(change.running, PATTERNS)
    for file in change.files:
        if (
            file.path.rpartition("/")[2] in BUILD_SCRIPTS
            and not file.path.startswith(("doc", "example"))
            and file.change.after is not None
            and _code_comes(file)
        ):
            line = min(file.added_code or {0})
            yield Flag(name="build-script-edited", path=file.path, line=line, message="the build runs this file")


def _code_comes(file: EditedFile) -> bool:
    """Whether more changes than texts and lists of them (a version, a requirement), and it names what it didn't."""
    if file.change.before is None:
        return bool(file.added_code)
    come, gone = marks(file.after, file.added), marks(file.before, file.removed)
    named = {word for line in file.added_code for word in _WORD.findall(file.after.bare_lines[line])}
    return come != gone and not named <= set(_WORD.findall(file.before.code))


FAMILY = Family(
    name="processes",
    tricks=(
        Trick("process-use", "Other processes are started or steered, or code made up at run time is run.", "part"),
        Trick("network-use", "The network is used.", "part"),
        Trick("build-script-edited", "A program that the build runs (build.rs, setup.py) is changed.", "weak"),
    ),
    find=find,
)
