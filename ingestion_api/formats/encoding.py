"""Takes off the transfer encoding of a body, bounded: a bomb is refused as soon as it passes the limit."""

import zlib
from collections.abc import Callable, Mapping

import zstandard

from ingestion_api.errors import MalformedRequest, TooLarge, UnknownFormat

# What a frame may ask for to decode it: RFC 8878 recommends 8 MiB for content encodings (RFC 9659 makes it the limit).
MAX_WINDOW_BYTES = 8 * 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS
# A block of a few bytes may stand for 128 KiB; so much input at once makes at most some 11 MiB.
_ZSTD_STEP = 256
_IDENTITY = ("", "identity")


def encoding_of(content_encoding: str) -> str | None:
    """Name the encoding of a body from its header; None for a body as it is.

    Raises:
        UnknownFormat: Nothing here reads that encoding, or there are several.
    """
    name = content_encoding.strip().lower()
    if name in _IDENTITY:
        return None
    name = "gzip" if name == "x-gzip" else name
    if name not in _DECODERS:
        raise UnknownFormat(f"Content-Encoding {content_encoding[:50]!r} is not read; send gzip, zstd or none")
    return name


def decode(encoding: str, body: bytes, max_bytes: int) -> bytes:
    """Decompress a body.

    Raises:
        MalformedRequest: It is damaged or cut off, or asks for too large a window.
        TooLarge: It is longer than allowed once decompressed.
    """
    return _DECODERS[encoding](body, max_bytes)


def _gunzip(body: bytes, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while body:
        member = zlib.decompressobj(_GZIP)
        try:
            part = member.decompress(body, max_bytes - size + 1)
        except zlib.error as error:
            raise MalformedRequest(f"the gzip body is damaged: {error}") from error
        size = _checked(size + len(part), max_bytes)
        if not member.eof:
            raise MalformedRequest("the gzip body is cut off")
        parts.append(part)
        body = member.unused_data
    return b"".join(parts)


def _unzstd(body: bytes, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    size = position = 0
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW_BYTES)
    frame = None
    while position < len(body):
        frame = frame or decompressor.decompressobj()
        step = body[position : position + _ZSTD_STEP]
        try:
            part = frame.decompress(step)
        except zstandard.ZstdError as error:
            raise MalformedRequest(f"the zstd body is damaged, or asks for a window over 8 MiB: {error}") from error
        size = _checked(size + len(part), max_bytes)
        parts.append(part)
        position += len(step) - len(frame.unused_data)
        if frame.eof:
            frame = None
    if frame is not None:
        raise MalformedRequest("the zstd body is cut off")
    return b"".join(parts)


def _checked(size: int, max_bytes: int) -> int:
    if size > max_bytes:
        raise TooLarge(f"the body is longer than {max_bytes} bytes once decompressed; send fewer items at once")
    return size


_DECODERS: Mapping[str, Callable[[bytes, int], bytes]] = {"gzip": _gunzip, "zstd": _unzstd}
