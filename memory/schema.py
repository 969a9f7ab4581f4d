"""Schema: the columns of a store, checked as they come in and laid out as they go to disk.

Embeddings are marked as not to be compressed, because an erasure proves itself by looking for their bytes (Lance 14
compresses float lists under no setting; the mark keeps it so). Half precision halves files and memory and moves a
similarity by at most 1e-3; what is stored is what counts, in answers and in hashes of receipts alike.

Letters: N entries, D embedding.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from memory.ledger import Precision
from memory.similarity import NORM_TOLERANCE, as_embeddings
from procmem.errors import UserError

LATER_COLUMNS = ("dataset", "time", "weight")
"""Columns that format 1 had not; older versions of a store read as None, None and 1."""

ID_LIMIT = 1 << 62
"""Given ids are smaller, so that there are always free ones above them."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Batch:
    """Entries to add, as the caller has them; see `VisualMemory.add`."""

    embeddings: npt.ArrayLike
    labels: npt.ArrayLike
    ids: npt.ArrayLike | None = None
    owner: str | Sequence[str | None] | None = None
    uri: Sequence[str | None] | None = None
    dataset: str | Sequence[str | None] | None = None
    time: datetime.datetime | Sequence[datetime.datetime | None] | None = None
    weight: float | npt.ArrayLike = 1.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Columns:
    """Checked entries, one value a column and row.

    Attributes:
        ids: (N,) int64; None where the store gives the next free ones.
        embeddings: (N, D) float32.
        labels: (N,) int64.
        owners: N names.
        uris: N names.
        datasets: N names.
        times: N moments; without a time zone they are in UTC.
        weights: (N,) float32, >= 0.
    """

    ids: npt.NDArray[np.int64] | None
    embeddings: npt.NDArray[np.float32]
    labels: npt.NDArray[np.int64]
    owners: list[str | None]
    uris: list[str | None]
    datasets: list[str | None]
    times: list[datetime.datetime | None]
    weights: npt.NDArray[np.float32]


def check_batch(batch: Batch, dimension: int, num_classes: int) -> Columns:
    """Check everything about a batch that can be known without the store.

    Raises:
        UserError: for bad embeddings, labels outside the classes, columns of another length, or bad weights.
    """
    embeddings = as_embeddings(batch.embeddings, "embeddings", dimension)
    N = len(embeddings)
    times = batch.time if batch.time is not None else datetime.datetime.now(datetime.UTC)
    return Columns(
        embeddings=embeddings,
        labels=as_integers(batch.labels, "labels", N, below=num_classes),
        ids=None if batch.ids is None else as_integers(batch.ids, "ids", N, below=ID_LIMIT),
        owners=_one_each(batch.owner, "owner", N, str),
        uris=_one_each(batch.uri, "uri", N, str),
        datasets=_one_each(batch.dataset, "dataset", N, str),
        times=_one_each(times, "time", N, datetime.datetime),
        weights=as_weights(batch.weight, N),
    )


def _one_each(values: Any, name: str, length: int, kind: type) -> list[Any]:
    listed = [values] * length if values is None or isinstance(values, kind) else list(values)
    if len(listed) != length:
        raise UserError(f"{name} has {len(listed)} values for {length} embeddings")
    wrong = next((value for value in listed if value is not None and not isinstance(value, kind)), None)
    if wrong is not None:
        raise UserError(f"{name} must be {kind.__name__} or None; received {wrong!r}")
    return listed


def as_weights(values: npt.ArrayLike, length: int) -> npt.NDArray[np.float32]:
    """Check weights of entries: one for all, or one each; finite and >= 0.

    Raises:
        UserError: for another length or value.
    """
    weights = np.asarray(values, dtype=np.float32)
    if weights.ndim == 0:
        weights = np.full(length, weights)
    if weights.shape != (length,):
        raise UserError(f"weight has {weights.size} values for {length} entries")
    if not (np.isfinite(weights) & (weights >= 0)).all():
        raise UserError(f"weights must be finite and 0 or more; received {weights.min()} to {weights.max()}")
    return weights


def as_integers(values: Any, name: str, length: int | None = None, below: int | None = None) -> npt.NDArray[np.int64]:
    """Check a column of integers >= 0 (numpy, torch or a list).

    Raises:
        UserError: for another type, shape or length, or a value out of range.
    """
    array = np.asarray(values.cpu() if hasattr(values, "cpu") else values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise UserError(f"{name} must be a list of integers; received {array.dtype} of shape {array.shape}")
    if length is not None and len(array) != length:
        raise UserError(f"{name} has {len(array)} values for {length} embeddings")
    array = array.astype(np.int64)
    if array.size and (array.min() < 0 or (below is not None and array.max() >= below)):
        valid = "0 or more" if below is None else f"0 to {below - 1}"
        raise UserError(f"{name} holds {array.min()} to {array.max()}; valid: {valid}")
    return array


def make_schema(dimension: int, precision: Precision) -> Any:
    """The Arrow schema of a store."""
    import pyarrow

    number = pyarrow.float32() if precision == "float32" else pyarrow.float16()
    plain = {"lance-encoding:compression": "none"}
    return pyarrow.schema(
        [
            pyarrow.field("id", pyarrow.int64(), nullable=False),
            pyarrow.field("embedding", pyarrow.list_(number, dimension), nullable=False, metadata=plain),
            pyarrow.field("label", pyarrow.int32(), nullable=False),
            pyarrow.field("owner", pyarrow.string()),
            pyarrow.field("uri", pyarrow.string()),
            pyarrow.field("dataset", pyarrow.string()),
            pyarrow.field("time", pyarrow.timestamp("us", tz="UTC")),
            pyarrow.field("weight", pyarrow.float32()),
        ]
    )


def make_table(columns: Columns, ids: npt.NDArray[np.int64], precision: Precision) -> Any:
    """Entries as an Arrow table."""
    import pyarrow

    dimension = columns.embeddings.shape[1]
    schema = make_schema(dimension, precision)
    numbers = columns.embeddings.astype(np.dtype(precision), copy=False).reshape(-1)
    arrays = [
        pyarrow.array(ids),
        pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(numbers), dimension),
        pyarrow.array(columns.labels.astype(np.int32)),
        *(
            pyarrow.array(values, schema.field(name).type)
            for name, values in (
                ("owner", columns.owners),
                ("uri", columns.uris),
                ("dataset", columns.datasets),
                ("time", columns.times),
            )
        ),
        pyarrow.array(columns.weights),
    ]
    return pyarrow.table(arrays, schema=schema)


def embedding_matrix(table: Any) -> npt.NDArray[Any]:
    """The embedding column of a table or record batch as stored, (N, D) float32 or float16."""
    column = table["embedding"]
    if hasattr(column, "combine_chunks"):
        column = column.combine_chunks()
    matrix: npt.NDArray[Any] = column.flatten().to_numpy(zero_copy_only=False)
    return matrix.reshape(-1, column.type.list_size)


def complete_table(table: Any, schema: Any) -> Any:
    """Rows of an earlier version in the columns of today, with None, None and 1 where they lack some."""
    import pyarrow

    for name in LATER_COLUMNS:
        if name not in table.schema.names:
            table = table.append_column(name, pyarrow.nulls(len(table), schema.field(name).type))
    weights = pyarrow.compute.fill_null(table["weight"], 1.0)
    table = table.set_column(table.schema.get_field_index("weight"), schema.field("weight"), weights)
    return table.select(schema.names).cast(schema)


def has_unit_rows(rows: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """(N,) which embeddings have length 1; NaN and infinity have not."""
    with np.errstate(over="ignore", invalid="ignore"):
        rows = rows.astype(np.float32, copy=False)
        unit: npt.NDArray[np.bool_] = np.abs(np.sqrt(np.einsum("nd,nd->n", rows, rows)) - 1) <= NORM_TOLERANCE
    return unit
