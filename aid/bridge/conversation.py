"""What an editor and its daemon have said to each other, as far as the next daemon must know. Without I/O.

While a daemon is there, every message goes on as it came. When it has gone, what the editor goes on saying changes what
is kept here, and the next daemon hears that: who the editor is, which documents it shows with what text, and what it
asked and has no answer to. The editor gets one answer to each request, whatever happens to daemons.
"""

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec

from aid import attach
from aid.bridge.asked import Asked
from aid.bridge.documents import Documents
from aid.bridge.folders import Folders
from aid.bridge.progress import Progress, Token, token_of
from aid.framing import Fault
from aid.server import message
from aid.server.message import Answer, Call, Id, Malformed

DEATHS = 3  # a request that so many daemons died under is not given to another
HELD = 1000  # notifications, while there is no daemon
FAILED = -32020  # aid.errors.DaemonError's
ERROR, INFO = 1, 3  # LSP 3.17, "MessageType"

_LATEST = frozenset({"initialized", "workspace/didChangeConfiguration", "$/setTrace"})

Send = Callable[[bytes], None]


class Waiting(msgspec.Struct, kw_only=True):
    """A request of the editor that isn't answered. `sent`: some daemon was asked; `here`: the one there now."""

    body: bytes
    method: str
    token: Token | None
    sent: bool = False
    here: bool = False
    cancelled: bool = False
    deaths: int = 0


class _Cancel(msgspec.Struct):
    id: int | str


class _Capabilities(msgspec.Struct, rename="camel"):
    position_encoding: str = "utf-16"


class _Result(msgspec.Struct):
    capabilities: msgspec.Raw = msgspec.Raw(b"{}")


class _Error(msgspec.Struct):
    code: int = 0
    message: str = ""


class _Answer(msgspec.Struct):
    result: msgspec.Raw = msgspec.Raw()
    error: _Error | None = None


_CANCEL = msgspec.json.Decoder(_Cancel)
_ANSWER = msgspec.json.Decoder(_Answer)
_RESULT = msgspec.json.Decoder(_Result)
_CAPABILITIES = msgspec.json.Decoder(_Capabilities)
_ENDING = msgspec.json.Decoder(attach.EndingParams)
_UNREADABLE = (msgspec.DecodeError, UnicodeError, RecursionError)


class Conversation:
    """`session` names it to daemons. `wanted`: there should be one; `pressing`: a request waits for it.

    `to_daemon` is only called between `attach` and `lost`.
    """

    def __init__(self, session: str, to_editor: Send, to_daemon: Send) -> None:
        self.wanted = True
        self.pressing = False
        self.exiting = False
        self.refused = False
        self._session = session
        # No editor's: what `session` is, none can know.
        self._attach_id = f"{attach.ATTACH} {session}"
        self._initialize_id = f"initialize {session}"
        self._to_editor = to_editor
        self._to_daemon = to_daemon
        self._here = False
        self._remembers = True
        self._ending: attach.EndingParams | None = None
        self._told = ""
        self._initialize: Call | None = None
        self._capabilities: bytes | None = None
        self._shut = False
        self._waiting: dict[Id, Waiting] = {}
        self._delivered: list[Id] = []
        self._latest: dict[str, bytes] = {}
        self._held: deque[bytes] = deque(maxlen=HELD)
        self._documents = Documents()
        self._folders = Folders()
        self._progress = Progress()
        self._asked = Asked()

    @property
    def here(self) -> bool:
        """Whether a daemon serves the editor."""
        return self._here

    @property
    def handed_over(self) -> bool:
        """Whether the last daemon that went said so."""
        return self._ending is not None

    @property
    def exit_code(self) -> int:
        """LSP 3.17, "exit": 1 for an editor that leaves without `shutdown`; who never said `initialize` need not."""
        return 1 if self.exiting and self._initialize is not None and not self._shut else 0

    # The editor.

    def from_editor(self, body: bytes) -> None:
        match message.parse(body):
            case Call(id=None) as call:
                self._notified(call)
            case Call() as call:
                self._requested(call)
            case Answer(identity) as answer:
                if self._asked.answered(identity, answer.body) and self._here:
                    self._to_daemon(answer.body)
            case Malformed() as fault:
                self._to_editor(message.error_body(fault.id, fault.code, fault.message))

    def faulted(self, fault: Fault) -> None:
        """What the editor sent can't be read."""
        code = message.PARSE_ERROR if fault.fatal else message.INVALID_REQUEST
        self._to_editor(message.error_body(None, code, fault.reason))

    def _requested(self, call: Call) -> None:
        assert call.id is not None
        if call.id in self._waiting:
            told = f"a request with the id {call.id!r} is still being answered"
            self._to_editor(message.error_body(call.id, message.INVALID_REQUEST, told))
            return
        if call.method == "initialize" and self._initialize is None:
            self._initialize = call
        waiting = Waiting(body=call.body, method=call.method, token=token_of(call.params))
        self._waiting[call.id] = waiting
        if call.method == "shutdown" and not self._here:
            self._answer_shutdown(call.id)
        elif self._here:
            self._ask(waiting)
        else:
            self.wanted = self.pressing = True

    def _notified(self, call: Call) -> None:
        text = self._documents.follow(call)
        if call.method == "exit":
            self.exiting = True
        elif call.method in _LATEST:
            self._latest[call.method] = call.body
        elif call.method == "workspace/didChangeWorkspaceFolders":
            self._folders.changed(call.params)
        elif call.method == "$/cancelRequest":
            self._cancel(call)
            return
        elif not text and not self._here:
            self._held.append(call.body)
        if self._here:
            self._to_daemon(call.body)

    def _cancel(self, call: Call) -> None:
        identity: Id | None = None
        with suppress(*_UNREADABLE):
            identity = _CANCEL.decode(call.params).id
        waiting = self._waiting.get(identity) if identity is not None else None
        if waiting is not None and not waiting.here and identity is not None:
            self._refuse(identity, message.REQUEST_CANCELLED, "cancelled")
            return
        if waiting is not None:
            waiting.cancelled = True
        if self._here:
            self._to_daemon(call.body)

    # The daemon.

    def attach(self) -> None:
        """A daemon is at the other end: say who this is. The rest is said when it has answered."""
        self._ending = None
        self.refused = False
        again = tuple(identity for identity, each in self._waiting.items() if each.sent)
        params = attach.AttachParams(session=self._session, protocol=attach.VERSION, again=again)
        self._to_daemon(message.call_body(attach.ATTACH, params, self._attach_id))

    def from_daemon(self, body: bytes) -> None:
        match message.parse(body):
            case Call(method=attach.ENDING) as call:
                with suppress(*_UNREADABLE):
                    self._ending = _ENDING.decode(call.params)
            case Call(id=None, method="$/progress") as call:
                self._to_editor(self._progress.pass_on(body, call.params))
            case Call(id=None):
                self._to_editor(body)
            case Call(id=int() | str() as identity):
                ask, answer = self._asked.by_daemon(identity)
                if ask:
                    self._to_editor(body)
                elif answer is not None:
                    self._to_daemon(answer)
            case Answer(id=None):
                self._to_editor(body)
            case Answer(id=identity) if identity == self._attach_id:
                self._attached(body)
            case Answer(id=identity) if identity == self._initialize_id:
                self._initialized_again(body)
            case Answer(id=identity) if identity is not None and identity in self._waiting:
                self._answered(identity, body)

    def settle(self) -> None:
        """All that came was read: tell the daemon which answers the editor has."""
        if self._delivered and self._here and self._remembers:
            params = attach.DeliveredParams(ids=tuple(self._delivered))
            self._to_daemon(message.call_body(attach.DELIVERED, params))
        self._delivered.clear()

    def lost(self) -> None:
        """The daemon went away: killed, or by its own will, which it would have said."""
        self._here = False
        stopped = self._ending is not None and not self._ending.restart
        dropped = self._ending.dropped if self._ending is not None else ()
        self._asked.lost()
        self._delivered.clear()
        for identity, each in list(self._waiting.items()):
            was_here, each.here = each.here, False
            each.deaths += was_here and not self.handed_over
            if each.cancelled:
                self._refuse(identity, message.REQUEST_CANCELLED, "cancelled")
            elif each.method == "shutdown":
                self._answer_shutdown(identity)
            elif each.method == "aid/shutdown" and was_here:
                self._answer(identity, message.result_body(identity, {}))
            elif was_here and identity in dropped:
                self._refuse(identity, FAILED, "the daemon was stopped before it had answered: ask again")
            elif each.deaths >= DEATHS:
                self._refuse(identity, FAILED, f"{DEATHS} daemons died while they answered this: see 'aid logs'")
        going_on = {each.token for each in self._waiting.values() if each.token is not None}
        for body in self._progress.end_all_but(going_on):
            self._to_editor(body)
        self.pressing = bool(self._waiting) and self.handed_over
        self.wanted = not self._shut and (bool(self._waiting) or not stopped)

    def failed(self, told: str) -> None:
        """There is no daemon, and none can be started: say so, once. What waits for it is answered; `initialize` goes
        on waiting, since an editor that sees it fail would have to be restarted."""
        for identity, each in list(self._waiting.items()):
            if each.method != "initialize":
                self._refuse(identity, FAILED, told)
        if told != self._told:
            self.show(told, ERROR)
        self._told = told
        self.pressing = False
        self.wanted = bool(self._waiting)

    def show(self, told: str, kind: int = INFO) -> None:
        """One line for the person; only who said `initialize` can be told outside of an answer."""
        if self._initialize is not None:
            self._to_editor(message.call_body("window/showMessage", {"type": kind, "message": f"AID: {told}"}))

    def _attached(self, body: bytes) -> None:
        answer = _ANSWER.decode(body)
        if answer.error is not None and answer.error.code != message.METHOD_NOT_FOUND:
            self.refused = True
            self.failed(answer.error.message)
            return
        self._remembers = answer.error is None
        self._here = True
        self._told = ""
        self.pressing = False
        self._replay()

    def _replay(self) -> None:
        if self._initialize is not None and self._initialize.id not in self._waiting:
            self._to_daemon(message.call_body("initialize", self._initialize.params, self._initialize_id))
        for identity, each in list(self._waiting.items()):
            if each.method == "initialize":
                self._ask(each)
            elif each.sent and not self._remembers:
                told = "the daemon that was asked has gone, and the one there now, an older AID, can't know what it did"
                self._refuse(identity, FAILED, f"{told}: look, and ask again")
        for method in ("initialized", *(_LATEST - {"initialized"})):
            if method in self._latest:
                self._to_daemon(self._latest[method])
        folders = self._folders.replay()
        if folders is not None:
            self._to_daemon(message.call_body("workspace/didChangeWorkspaceFolders", folders))
        for opened in self._documents.replay():
            self._to_daemon(message.call_body("textDocument/didOpen", opened))
        for each in list(self._waiting.values()):
            if not each.here:
                self._ask(each)
        while self._held:
            self._to_daemon(self._held.popleft())

    def _ask(self, waiting: Waiting) -> None:
        waiting.sent = waiting.here = True
        self._to_daemon(waiting.body)

    def _answered(self, identity: Id, body: bytes) -> None:
        waiting = self._waiting[identity]
        if waiting.method == "initialize":
            self._learn(body)
        elif waiting.method == "shutdown":
            self._shut = True
        self._answer(identity, body)
        self._delivered.append(identity)

    def _learn(self, body: bytes) -> None:
        """From the answer to the editor's own `initialize`."""
        answer = _ANSWER.decode(body)
        if answer.error is None:
            with suppress(*_UNREADABLE):
                self._capabilities = bytes(_RESULT.decode(answer.result).capabilities)
                self._documents.encoding = _CAPABILITIES.decode(self._capabilities).position_encoding
        else:
            self._initialize = None  # it may try again

    def _initialized_again(self, body: bytes) -> None:
        """The next daemon knows the editor; what it can do should be what the editor was told of the first."""
        answer = _ANSWER.decode(body)
        if answer.error is not None:
            self.show(f"{answer.error.message}: restart this language server", ERROR)
        elif self._capabilities is not None:
            with suppress(*_UNREADABLE):
                if bytes(_RESULT.decode(answer.result).capabilities) != self._capabilities:
                    self.show("it was upgraded: restart this language server to use what is new")
                    self._capabilities = bytes(_RESULT.decode(answer.result).capabilities)

    def _answer_shutdown(self, identity: Id) -> None:
        self._shut = True
        self._answer(identity, message.result_body(identity, None))

    def _refuse(self, identity: Id, code: int, told: str) -> None:
        data: dict[str, Any] | None = {"kind": "DaemonError"} if code == FAILED else None
        self._answer(identity, message.error_body(identity, code, told, data))

    def _answer(self, identity: Id, body: bytes) -> None:
        waiting = self._waiting.pop(identity)
        for ended in self._progress.end(waiting.token):
            self._to_editor(ended)
        self._to_editor(body)
