"""A file of JSON lines that grows while its writer runs: each line is whole and down to the disk before the next."""

import fcntl
import os
from pathlib import Path

import msgspec


class Growing:
    """`path`, whose lines are structs of `kind`. It is made where there is none; what is there stays until `mend`.

    One writer at a time: the lock goes with its process. Raises BlockingIOError while another one has it, else OSError.
    """

    def __init__(self, path: Path, kind: type[msgspec.Struct]) -> None:
        self._kind = kind
        self._file = path.open("ab", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._tail = path.read_bytes().rpartition(b"\n")[2]
        except OSError:
            self._file.close()
            raise

    @property
    def torn(self) -> bool:
        """Whether its writer died in the middle of the last line."""
        begins = f'{{"{self._kind.__struct_encode_fields__[0]}":'.encode()
        return self._tail[: len(begins)] == begins[: len(self._tail)] and bool(self._tail) and not self._is_whole()

    def mend(self) -> None:
        """Have it end with a whole line: cut off what is torn, end what isn't ended."""
        if self.torn:
            self._file.truncate(os.fstat(self._file.fileno()).st_size - len(self._tail))
        elif self._tail:
            self._file.write(b"\n")
        self._tail = b""

    def add(self, line: msgspec.Struct) -> None:
        self._file.write(msgspec.json.encode(line) + b"\n")
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()

    def _is_whole(self) -> bool:
        try:
            msgspec.json.decode(self._tail)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return False
        return True
