"""Rows by PostgreSQL's binary COPY, read and written as numpy arrays: no Python per value.

A row is a count of fields (int16), and for each field its length in bytes (int32, -1: null) and
its value, all in network byte order. Where every field has a fixed width, rows are a numpy
structured array as they stand on the wire.

Source:
    PostgreSQL documentation, COPY, "Binary Format"; the array's layout as in ``array_send``.
"""

from collections.abc import Iterator
from struct import Struct
from typing import Any, TypeAlias

import numpy as np

HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)  # no flags, no extension
TRAILER = b"\xff\xff"
REAL_OID = 700
ROW_HEAD = Struct(">2x 4x i 4x 4x 4x 4x i 4x")  # fields, key, and of an array all but its elements
ARRAY_HEAD = 4 + 5 * 4  # its length in bytes, dimensions, nulls, type, elements, first index
INT_ELEMENT = np.dtype([("length", ">i4"), ("value", ">i4")])
FLOAT_ELEMENT = np.dtype([("length", ">i4"), ("value", ">f8")])

Records: TypeAlias = np.typing.NDArray[np.void]
Floats: TypeAlias = np.typing.NDArray[np.float64]
Ints: TypeAlias = np.typing.NDArray[np.int64]


def rows_of(data: bytes | bytearray | memoryview, **fields: str) -> Records:
    """The rows of a binary COPY whose fields are never null, all of fixed width.

    Args:
        data: all that the server sent.
        fields: name and numpy type of each field, such as ``i4`` or ``f4``.

    Raises:
        ValueError: if a row has other fields than that.
    """
    pairs = [
        pair
        for name, kind in fields.items()
        for pair in ((f"{name} length", ">i4"), (name, f">{kind}"))
    ]
    layout = np.dtype([("count", ">i2"), *pairs])
    body = memoryview(data)[len(HEADER) : len(data) - len(TRAILER)]
    if len(body) % layout.itemsize:
        raise ValueError("the rows have other fields than expected")
    records: Records = np.frombuffer(body, layout)
    return records


def grouped(data: bytes | bytearray | memoryview) -> Iterator[tuple[int, Ints, Floats]]:
    """Rows of an int4, an int4[] and a float8[], the arrays without nulls and of one length.

    A row for each series costs the server and the client far less than one for each value.
    """
    view, at = memoryview(data), len(HEADER)
    while view[at : at + 2] != TRAILER:
        key, n = ROW_HEAD.unpack_from(view, at)
        at += ROW_HEAD.size
        offsets = np.frombuffer(view, INT_ELEMENT, n, at)["value"]
        at += n * INT_ELEMENT.itemsize + ARRAY_HEAD
        values = np.frombuffer(view, FLOAT_ELEMENT, n, at)["value"]
        at += n * FLOAT_ELEMENT.itemsize
        yield key, offsets.astype(np.int64), values.astype(np.float64)


def reals_of(data: bytes | bytearray | memoryview, width: int, **fields: str) -> Records:
    """The same for rows whose last field is ``values``, a real[] of ``width`` elements."""
    pairs = [
        pair
        for name, kind in fields.items()
        for pair in ((f"{name} length", ">i4"), (name, f">{kind}"))
    ]
    layout = np.dtype([("count", ">i2"), *pairs, *_array("values", width)])
    body = memoryview(data)[len(HEADER) : len(data) - len(TRAILER)]
    if len(body) % layout.itemsize:
        raise ValueError(f"not every array has {width} elements")
    records: Records = np.frombuffer(body, layout)
    return records


def elements(records: Records, name: str) -> Floats:
    """The array column of some records as a matrix."""
    values: Floats = records[name]["value"].astype(np.float64)
    return values


def _array(name: str, width: int) -> list[tuple[Any, ...]]:
    """The fields of a one-dimensional real[] without nulls, after its own length."""
    element = np.dtype([("length", ">i4"), ("value", ">f4")])
    head = [(f"{name} {part}", ">i4") for part in ("length", "ndim", "nulls", "oid", "n", "from")]
    return [*head, (name, element, (width,))]


def packed(rows: int, columns: dict[str, Any]) -> bytes:
    """Rows as the server reads them.

    Args:
        rows: how many.
        columns: by name, in the order of the COPY: an array (rows,) of a fixed-width type, a
            matrix (rows, width) for a real[], or a text or None that is the same in every row.
    """
    fields: list[tuple[Any, ...]] = [("count", ">i2")]
    for name, column in columns.items():
        if column is None:
            fields.append((f"{name} length", ">i4"))
        elif isinstance(column, str):
            width = len(column.encode())
            fields += [(f"{name} length", ">i4"), (name, f"S{max(width, 1)}", (min(width, 1),))]
        elif column.ndim == 2:
            fields += _array(name, column.shape[1])
        else:
            fields += [(f"{name} length", ">i4"), (name, column.dtype.newbyteorder(">"))]
    records = np.zeros(rows, np.dtype(fields))
    records["count"] = len(columns)
    for name, column in columns.items():
        _fill(records, name, column)
    return records.tobytes()


def _fill(records: Records, name: str, column: Any) -> None:
    if column is None:
        records[f"{name} length"] = -1
    elif isinstance(column, str):
        encoded = column.encode()
        records[f"{name} length"] = len(encoded)
        if encoded:
            records[name] = encoded
    elif column.ndim == 2:
        width = column.shape[1]
        records[f"{name} length"] = 5 * 4 + 8 * width
        records[f"{name} ndim"], records[f"{name} oid"] = 1, REAL_OID
        records[f"{name} n"], records[f"{name} from"] = width, 1
        records[name]["length"] = 4
        records[name]["value"] = column
    else:
        records[f"{name} length"] = column.dtype.itemsize
        records[name] = column
