"""Which node gets a request: where its base is warm, the least loaded of those; another when they have much to do.

Pure: it knows of nodes what it is told. A place that `choose` gave is taken until `release`.
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable

import msgspec

SPILL = 2  # requests a worker from which on a warm base is worth having twice
REMEMBERED = 4096

Key = tuple[str, str | None]
"""Workspace and revision, as requests name them."""


class Known(msgspec.Struct, frozen=True):
    """A base that a node has: the key it is asked by, and its id."""

    key: Key
    base: str


class _Node(msgspec.Struct):
    workers: int
    in_flight: int = 0
    given: int = 0  # the turn in which it last got one
    ailing: bool = False
    lacks: set[str] = msgspec.field(default_factory=set)


class Router:
    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._turn = 0
        self._nodes: dict[str, _Node] = {}
        self._warm: OrderedDict[Key, dict[str, str | None]] = OrderedDict()  # -> node -> base id, None: being made

    @property
    def places(self) -> int:
        """How many requests all nodes take together."""
        return sum(node.workers * self._depth for node in self._nodes.values())

    @property
    def full(self) -> bool:
        return not any(self._has_room(node) for node in self._nodes.values())

    def in_flight(self) -> dict[str, int]:
        return {name: node.in_flight for name, node in self._nodes.items()}

    def add(self, name: str, workers: int) -> None:
        self._nodes[name] = _Node(workers)

    def remove(self, name: str) -> None:
        self._nodes.pop(name, None)
        for nodes in self._warm.values():
            nodes.pop(name, None)

    def possible(self, without: Collection[str]) -> bool:
        """Whether there is a node, busy or not, besides `without`."""
        return any(name not in without for name in self._nodes)

    def choose(self, key: Key, without: Collection[str] = ()) -> str | None:
        """The node for a request, its place taken; None while those that could have it have no room."""
        warm_at = self._warm.get(key, {})
        able = [name for name in self._nodes if name not in without]
        able = [name for name in able if key[0] not in self._nodes[name].lacks] or able
        free = sorted((name for name in able if self._has_room(self._nodes[name])), key=self._rank)
        warm = [name for name in free if name in warm_at]
        cold = [name for name in free if name not in warm_at]
        found = self._best(warm, cold)
        if found is not None:
            self._turn += 1
            self._nodes[found].in_flight += 1
            self._nodes[found].given = self._turn
            self._learn(key, found, warm_at.get(found))
        return found

    def release(self, name: str) -> None:
        if name in self._nodes:
            self._nodes[name].in_flight -= 1

    def judged(self, name: str, key: Key, base: str | None) -> None:
        """The node gave a verdict."""
        if name in self._nodes:
            self._nodes[name].ailing = False
            self._nodes[name].lacks.discard(key[0])
            self._learn(key, name, base)

    def ails(self, name: str) -> None:
        """The node failed a request: till it judges one it comes last."""
        if name in self._nodes:
            self._nodes[name].ailing = True

    def lacks(self, name: str, key: Key) -> None:
        """The node doesn't see the workspace: it is asked about it only when no other can be."""
        if name in self._nodes:
            self._nodes[name].lacks.add(key[0])
        self._warm.get(key, {}).pop(name, None)

    def has(self, name: str, bases: Iterable[Known]) -> None:
        """What the node has on disk: all else that it was thought to have is evicted."""
        if name not in self._nodes:
            return
        bases = list(bases)
        ids = {known.base for known in bases}
        for nodes in self._warm.values():
            if nodes.get(name) is not None and nodes[name] not in ids:
                del nodes[name]
        for known in bases:
            if name not in self._warm.get(known.key, {}):
                self._learn(known.key, name, known.base)

    def _best(self, warm: list[str], cold: list[str]) -> str | None:
        if warm and self._nodes[warm[0]].in_flight < self._nodes[warm[0]].workers * SPILL:
            return warm[0]
        if cold and not self._nodes[cold[0]].ailing and self._nodes[cold[0]].in_flight < self._nodes[cold[0]].workers:
            return cold[0]
        return next(iter((*warm, *cold)), None)

    def _has_room(self, node: _Node) -> bool:
        return node.in_flight < node.workers * self._depth

    def _rank(self, name: str) -> tuple[bool, float, int, int]:
        node = self._nodes[name]
        return node.ailing, node.in_flight / node.workers, -node.workers, node.given

    def _learn(self, key: Key, name: str, base: str | None) -> None:
        self._warm.setdefault(key, {})[name] = base
        self._warm.move_to_end(key)
        if len(self._warm) > REMEMBERED:
            self._warm.popitem(last=False)
