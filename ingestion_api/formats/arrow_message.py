"""Reads the head of one Arrow IPC message, a flatbuffer. What its buffers hold is read by pyarrow.

pyarrow shows neither row count nor compression before it has made the buffers: too late for a hostile stream.

Slots are those of Message.fbs: Message {version, header_type, header, bodyLength}; RecordBatch {length, nodes, buffers,
compression}; DictionaryBatch {id, data, isDelta}.
"""

import struct
from dataclasses import dataclass

_DICTIONARY_BATCH = 2
_RECORD_BATCH = 3


@dataclass(frozen=True)
class MessageHead:
    """What a message announces. A schema announces no rows."""

    row_count: int = 0
    is_compressed: bool = False
    is_dictionary: bool = False


def read_head(metadata: bytes) -> MessageHead:
    """Read a message's head.

    Raises:
        ValueError: An offset leads outside, or a count is negative.
    """
    try:
        message = _Table(metadata, _unsigned(metadata, 0))
        header_type = message.byte(1)
        if header_type not in (_DICTIONARY_BATCH, _RECORD_BATCH):
            return MessageHead()
        batch = message.table(2)
        if header_type == _DICTIONARY_BATCH:
            batch = batch.table(1)
        row_count = batch.long(0)
        is_compressed = batch.has(3)
    except struct.error as error:
        raise ValueError("a message's head is damaged") from error
    if row_count < 0:
        raise ValueError("a message announces a negative number of rows")
    return MessageHead(row_count, is_compressed, header_type == _DICTIONARY_BATCH)


class _Table:
    """A flatbuffer table at a position; a slot that is absent reads as 0."""

    def __init__(self, content: bytes, position: int) -> None:
        self._content = content
        self._position = position
        self._vtable = position - int(struct.unpack_from("<i", content, _inside(content, position))[0])
        self._size = int(struct.unpack_from("<H", content, _inside(content, self._vtable))[0])

    def has(self, slot: int) -> bool:
        return self._at(slot) != 0

    def byte(self, slot: int) -> int:
        at = self._at(slot)
        return int(struct.unpack_from("<B", self._content, at)[0]) if at else 0

    def long(self, slot: int) -> int:
        at = self._at(slot)
        return int(struct.unpack_from("<q", self._content, at)[0]) if at else 0

    def table(self, slot: int) -> "_Table":
        at = self._at(slot)
        if not at:
            raise ValueError("a message's head lacks a part")
        return _Table(self._content, at + _unsigned(self._content, at))

    def _at(self, slot: int) -> int:
        entry = 4 + 2 * slot
        if entry + 2 > self._size:
            return 0
        offset = int(struct.unpack_from("<H", self._content, _inside(self._content, self._vtable + entry))[0])
        return _inside(self._content, self._position + offset) if offset else 0


def _unsigned(content: bytes, position: int) -> int:
    return int(struct.unpack_from("<I", content, _inside(content, position))[0])


def _inside(content: bytes, position: int) -> int:
    if not 0 <= position < len(content):
        raise ValueError("an offset leads outside the message's head")
    return position
