"""Splits a broken JSON body into its items by brackets, commas and strings alone. Decoding does not belong here.

Whatever stands inside an item (NaN, invalid UTF-8, wrong brackets) stays inside it. Time and memory are linear in the
body, and nothing recurses, so nesting is harmless.
"""

import re

from ingestion_api.errors import MalformedRequest, TooLarge

# A string runs to its closing quote, or to the end where there is none; the possessive ++ and *+ never try again.
_STRING = rb'"(?:[^"\\]++|\\(?:.|\Z))*+(?:"|\Z)'
_STRUCTURE = re.compile(rb"%b|[\[\]{},]" % _STRING, re.DOTALL)
_OPEN_ARRAY = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*\[")
_BLANK = b" \t\r\n"


def split(body: bytes, name: bytes, max_items: int) -> list[bytes]:
    """Split a body into the bytes of its items.

    Args:
        body: `[…]`, `{…"name": […]…}` (the last array of that name counts) or one item, `{…}`; no blanks around it.
        name: The name under which an array is looked for.
        max_items: Where to stop.

    Raises:
        MalformedRequest: The brackets do not balance, or something follows the last one.
        TooLarge: There are more items than allowed.
    """
    if body[:1] == b"[":
        items, end = _split_array(body, 0, max_items)
    else:
        items, end = _split_object(body, name, max_items)
    if end != len(body):
        raise MalformedRequest("something follows the end of the JSON document")
    return items


def _split_array(body: bytes, start: int, max_items: int) -> tuple[list[bytes], int]:
    """Split the array that opens at `start`; return its items and where it ends."""
    items: list[bytes] = []
    depth = 0
    item_start = start + 1
    for token in _STRUCTURE.finditer(body, start):
        mark = body[token.start()]
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
            if depth == 0:
                last = body[item_start : token.start()].strip(_BLANK)
                if last or items:
                    items.append(last)
                return items, token.end()
        elif mark == 0x2C and depth == 1:  # a comma
            items.append(body[item_start : token.start()].strip(_BLANK))
            item_start = token.end()
            if len(items) >= max_items:
                raise TooLarge(f"the batch holds more than {max_items} items, the most that is taken at once")
    raise MalformedRequest("the body is not valid JSON and cannot be split into items: a bracket or quote stays open")


def _split_object(body: bytes, name: bytes, max_items: int) -> tuple[list[bytes], int]:
    """Find the array of that name in the outermost object; without one, the object is the only item."""
    items: list[bytes] | None = None
    depth = 0
    position = 0
    quoted = b'"%b"' % name
    while token := _STRUCTURE.search(body, position):
        position = token.end()
        mark = body[token.start()]
        if mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
            if depth == 0:
                return [body] if items is None else items, position
        elif depth == 1 and token.group() == quoted and (array := _OPEN_ARRAY.match(body, position)):
            items, position = _split_array(body, array.end() - 1, max_items)
    raise MalformedRequest("the body is not valid JSON and cannot be split into items: a bracket or quote stays open")
