"""Content encodings: what is taken off, and what a bomb costs."""

import gzip
import tracemalloc
from collections.abc import Callable

import pytest
import zstandard

from ingestion_api.errors import MalformedRequest, TooLarge, UnknownFormat
from ingestion_api.formats.encoding import decode, encoding_of

MAX = 100_000
COMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(level=19).compress,
}
both = pytest.mark.parametrize("encoding", COMPRESSORS)


@pytest.mark.parametrize(
    ("header", "encoding"),
    [("", None), ("identity", None), ("GZIP", "gzip"), (" x-gzip", "gzip"), ("zstd", "zstd")],
)
def test_known_encodings(header: str, encoding: str | None) -> None:
    assert encoding_of(header) == encoding


@pytest.mark.parametrize("header", ["br", "deflate", "gzip, gzip", "gzip, zstd", "x"])
def test_other_encodings_are_named(header: str) -> None:
    with pytest.raises(UnknownFormat, match=header):
        encoding_of(header)


@both
def test_several_frames_are_one_body(encoding: str) -> None:
    compress = COMPRESSORS[encoding]
    assert decode(encoding, compress(b"a" * 50_000) + compress(b"b"), MAX) == b"a" * 50_000 + b"b"


@both
def test_the_limit_is_exact(encoding: str) -> None:
    compress = COMPRESSORS[encoding]
    assert len(decode(encoding, compress(b"a" * MAX), MAX)) == MAX
    with pytest.raises(TooLarge):
        decode(encoding, compress(b"a" * (MAX + 1)), MAX)


@both
def test_damaged_and_cut_bodies(encoding: str) -> None:
    body = COMPRESSORS[encoding](bytes(range(256)) * 20)
    for wrong in (body[:-1], body[: len(body) // 2], b"?" + body, body + b"?"):
        with pytest.raises(MalformedRequest):
            decode(encoding, wrong, MAX)


@both
def test_a_bomb_costs_bounded_memory(encoding: str) -> None:
    bomb = COMPRESSORS[encoding](b"\0" * 300_000_000)
    tracemalloc.start()
    with pytest.raises(TooLarge):
        decode(encoding, bomb, 5 * 1024 * 1024)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 64 * 1024 * 1024


def test_a_window_of_more_than_8_mib_is_refused() -> None:
    """RFC 9659."""
    parameters = zstandard.ZstdCompressionParameters(window_log=25, compression_level=1)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    body = frame.compress(b"a" * 1000) + frame.flush()
    with pytest.raises(MalformedRequest, match="8 MiB"):
        decode("zstd", body, MAX)
