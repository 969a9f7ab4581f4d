"""Memories beyond one machine: the same calls on Milvus, embedded in a file (Milvus Lite) or on a cluster.

    memory = MilvusMemory.create("milvus:memory.db", encoder.card(), class_names=["cat", "dog"])
    memory = MilvusMemory.open("milvus:http://milvus.example:19530/my_memory")   # token in PROCMEM_MILVUS_TOKEN

What differs from `VisualMemory`, and why it is said: **no erasure guarantee** (the engine decides when the bytes of a
removed entry leave segments, logs and object storage, so `erase` is refused); no versions; neighbours are proposed by
float32 products in the server's order, so they are marked as not exact and audits refuse them, though what is returned
is ranked by the float64 similarity with ties by smaller id; the id of a removed entry may be given again.

Letters: N entries, Q queries, D embedding.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt

from memory.memory import VisualMemory
from memory.neighbors import PADDING, Neighbors, rank_neighbors
from memory.schema import Batch, as_integers, check_batch
from memory.similarity import as_embeddings, pair_similarities
from memory.voting import Rule, Votes, Voting, vote
from procmem.errors import UserError
from procmem.provenance import EncoderCard

SCHEME = "milvus:"
TOKEN_VARIABLE = "PROCMEM_MILVUS_TOKEN"
NO_ERASURE = "no erasure guarantee: Milvus decides when the bytes of removed entries go"
FORMAT = 1

_ABOUT = "procmem.memory"  # property of the collection: card and class names
_DEFAULT_COLLECTION = "procmem"
_SPARE = 16  # candidates beyond k, ranked with the rest
_MOST_RETURNED = 16_384  # Milvus's own limit on a search
_BATCH = 1000
_MAX_TEXT_BYTES = 4096


class _Address(NamedTuple):
    uri: str
    collection: str


def open_memory(location: str | Path) -> VisualMemory | MilvusMemory:
    """Open a memory by its folder or its ``milvus:`` URI.

    Raises:
        UserError: as `VisualMemory.open` and `MilvusMemory.open`.
    """
    if str(location).startswith(SCHEME):
        return MilvusMemory.open(str(location))
    return VisualMemory.open(location)


class MilvusMemory:
    """A visual memory in a Milvus collection; make one with `create` or `open`."""

    def __init__(self, client: Any, address: _Address, card: EncoderCard, class_names: tuple[str, ...]) -> None:
        self._client, self._address = client, address
        self.card, self.class_names = card, class_names

    @classmethod
    def create(
        cls, uri: str, card: EncoderCard, *, class_names: Sequence[str], index: str = "FLAT", **index_options: Any
    ) -> MilvusMemory:
        """Make an empty collection.

        Args:
            uri: ``milvus:FILE.db`` or ``milvus:http://HOST:PORT/COLLECTION``.
            card: the encoder whose embeddings it will hold.
            class_names: (C,) name of each label.
            index: Milvus's index type: FLAT looks at everything, HNSW or IVF_PQ do not.
            index_options: its parameters, for example ``M=32, efConstruction=200``.

        Raises:
            UserError: if pymilvus is missing, the server does not answer, or the collection exists.
        """
        names = tuple(class_names)
        if not names or len(set(names)) != len(names):
            raise UserError(f"class names must be given and differ from each other; received {list(names)}")
        client, address = _connect(uri)
        with _milvus_errors(address, "create"):
            if client.has_collection(address.collection):
                raise UserError(f"{uri!r} holds a collection {address.collection!r} already; open it, or name another")
            about = json.dumps({"format": FORMAT, "card": card.to_dict(), "class_names": names})
            schema = _schema(client, card.dimension)
            parameters = client.prepare_index_params()
            parameters.add_index("embedding", index_type=index, metric_type="IP", params=index_options)
            # strong: what was removed is gone from the very next search
            client.create_collection(
                address.collection,
                schema=schema,
                index_params=parameters,
                consistency_level="Strong",
                properties={_ABOUT: about},
            )
        return cls(client, address, card, names)

    @classmethod
    def open(cls, uri: str) -> MilvusMemory:
        """Open a collection that `create` made.

        Raises:
            UserError: if there is none, or it is not procmem's.
        """
        client, address = _connect(uri, must_exist=True)
        with _milvus_errors(address, "open"):
            if not client.has_collection(address.collection):
                raise UserError(f"no memory at {uri!r}; collections there: {client.list_collections()}")
            properties = client.describe_collection(address.collection).get("properties") or {}
            client.load_collection(address.collection)
        try:
            about = json.loads(properties[_ABOUT])
            card, names = EncoderCard.from_dict(about["card"]), tuple(about["class_names"])
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(f"collection {address.collection!r} at {uri!r} is not a memory of procmem") from error
        return cls(client, address, card, names)

    def check_card(self, card: EncoderCard) -> None:
        """Refuse an encoder that is not this memory's.

        Raises:
            UserError: with both fingerprints.
        """
        if card.fingerprint != self.card.fingerprint:
            raise UserError(
                f"these embeddings come from encoder {card.name!r} ({card.fingerprint}), the memory holds those of "
                f"{self.card.name!r} ({self.card.fingerprint}); use that encoder or build a new memory"
            )

    def __len__(self) -> int:
        """N."""
        with _milvus_errors(self._address, "count"):
            counted = self._client.query(self._address.collection, filter="", output_fields=["count(*)"])
        return int(counted[0]["count(*)"])

    def info(self) -> dict[str, Any]:
        """What this memory is, in plain JSON types."""
        with _milvus_errors(self._address, "describe"):
            indexes = [
                self._client.describe_index(self._address.collection, name)["index_type"]
                for name in self._client.list_indexes(self._address.collection)
            ]
        return {
            "entries": len(self),
            "classes": len(self.class_names),
            "encoder": self.card.to_dict(),
            "milvus": self._address._asdict() | {"indexes": indexes},
            "erasure": NO_ERASURE,
        }

    def add(
        self,
        embeddings: npt.ArrayLike,
        labels: npt.ArrayLike,
        *,
        ids: npt.ArrayLike | None = None,
        owner: str | Sequence[str | None] | None = None,
        uri: Sequence[str | None] | None = None,
        dataset: str | Sequence[str | None] | None = None,
        card: EncoderCard | None = None,
    ) -> npt.NDArray[np.int64]:
        """Add entries; see `VisualMemory.add`. Batches of 1,000: a connection that breaks leaves whole batches.

        Returns:
            (N,) the ids.

        Raises:
            UserError: as `VisualMemory.add`; nothing has been added then.
        """
        if card is not None:
            self.check_card(card)
        batch = Batch(embeddings=embeddings, labels=labels, ids=ids, owner=owner, uri=uri, dataset=dataset)
        columns = check_batch(batch, self.card.dimension, len(self.class_names))
        N = len(columns.labels)
        if columns.ids is None:
            given = self._next_id() + np.arange(N)
        else:
            given = columns.ids
            values, counts = np.unique(given, return_counts=True)
            clashes = np.union1d(values[counts > 1], self._present(values))
            if clashes.size:
                raise UserError(f"nothing was added: ids already taken, or given twice: {clashes[:5].tolist()}")
        texts = {"owner": columns.owners, "uri": columns.uris, "dataset": columns.datasets}
        for name, column in texts.items():
            longest = max((len(value.encode()) for value in column if value is not None), default=0)
            if longest > _MAX_TEXT_BYTES:
                raise UserError(f"{name} holds a text of {longest} bytes; Milvus keeps up to {_MAX_TEXT_BYTES} here")
        for start in range(0, N, _BATCH):
            rows = [
                {"id": int(given[n]), "embedding": columns.embeddings[n].tolist(), "label": int(columns.labels[n])}
                | {name: column[n] for name, column in texts.items()}
                for n in range(start, min(start + _BATCH, N))
            ]
            with _milvus_errors(self._address, "add to"):
                self._client.insert(self._address.collection, rows)
        return given

    def remove(self, ids: npt.ArrayLike) -> None:
        """Make entries stop counting in every answer at once; their bytes go when Milvus says so.

        Raises:
            UserError: if an id is unknown; nothing has been removed then.
        """
        chosen = np.unique(as_integers(ids, "ids"))
        unknown = np.setdiff1d(chosen, self._present(chosen))
        if unknown.size:
            raise UserError(f"nothing was removed: this memory holds no entry with id {unknown[:5].tolist()}")
        with _milvus_errors(self._address, "remove from"):
            for start in range(0, len(chosen), _BATCH):
                self._client.delete(self._address.collection, ids=chosen[start : start + _BATCH].tolist())

    def erase(self, ids: npt.ArrayLike) -> NoReturn:
        """Refused: that bytes are gone cannot be proved here.

        Raises:
            UserError: always.
        """
        raise UserError(f"{NO_ERASURE}; remove the entries, or keep them in a memory in a folder, which can erase")

    def search(self, queries: npt.ArrayLike, k: int, *, where: str = "", card: EncoderCard | None = None) -> Neighbors:
        """About the k nearest entries of each query, ranked by exact similarity, ties by smaller id.

        Args:
            queries: (Q, D) L2-normalised floats.
            k: neighbours wanted; rows are padded where fewer entries may answer.
            where: Milvus's filter, for example ``owner != "ann"``.
            card: the encoder that made the queries.

        Raises:
            UserError: for an empty memory, k out of range, a bad filter, or queries that do not fit.
        """
        if card is not None:
            self.check_card(card)
        checked = as_embeddings(queries, "queries", self.card.dimension)
        if not 1 <= k <= _MOST_RETURNED:
            raise UserError(f"k is {k}; Milvus returns 1 to {_MOST_RETURNED} neighbours")
        if not len(self):
            raise UserError("this memory is empty; add entries before searching it")
        starts = range(0, max(1, len(checked)), _BATCH)  # no query gives no row, but one part
        parts = [self._search(checked[start : start + _BATCH], k, where) for start in starts]
        return rank_neighbors(
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.similarities for part in parts]),
            k,
            memory_size=None if where else len(self),
            exact=False,
        )

    def classify(self, queries: npt.ArrayLike, k: int, *, voting: Voting | Rule = "softmax") -> Votes:
        """Let the k nearest entries of each query vote; see `search` and `vote`.

        Raises:
            UserError: as `search` and `vote`.
        """
        return vote(self.search(queries, k), num_classes=len(self.class_names), voting=voting)

    def close(self) -> None:
        """Let the connection, or the embedded engine's file, go."""
        self._client.close()

    def _search(self, queries: npt.NDArray[np.float32], k: int, where: str) -> Neighbors:
        limit = min(k + _SPARE, _MOST_RETURNED)
        if not len(queries):
            return rank_neighbors(np.empty((0, 0), np.int64), np.empty((0, 0), np.int64), np.empty((0, 0)), k)
        with _milvus_errors(self._address, "search"):
            answers = self._client.search(
                self._address.collection,
                data=queries.tolist(),
                limit=limit,
                filter=where,
                output_fields=["label", "embedding"],
                search_params={"metric_type": "IP"},
            )
        ids, labels = (np.full((len(queries), limit), PADDING, np.int64) for _ in range(2))
        similarities = np.full((len(queries), limit), -np.inf)
        for q, hits in enumerate(answers):
            stored = np.array([hit["entity"]["embedding"] for hit in hits], np.float32).reshape(-1, queries.shape[1])
            own_row = np.full(len(hits), q)
            ids[q, : len(hits)] = [hit["id"] for hit in hits]
            labels[q, : len(hits)] = [hit["entity"]["label"] for hit in hits]
            similarities[q, : len(hits)] = pair_similarities(queries, stored, own_row, np.arange(len(hits)))
        return rank_neighbors(ids, labels, similarities, k, exact=False)

    def _present(self, ids: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Which of these ids are taken."""
        found: list[int] = []
        with _milvus_errors(self._address, "query"):
            for start in range(0, len(ids), _BATCH):
                part = ids[start : start + _BATCH].tolist()
                answer = self._client.query(self._address.collection, filter=f"id in {part}", output_fields=["id"])
                found += [row["id"] for row in answer]
        return np.array(sorted(found), np.int64)

    def _next_id(self) -> int:
        """One more than the largest id, found by halving: Milvus has no maximum."""
        low, high = 0, 1
        while self._holds_from(high):
            low, high = high, 2 * high
        if low == 0 and not self._holds_from(0):
            return 0
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._holds_from(middle) else (low, middle)
        return high

    def _holds_from(self, smallest: int) -> bool:
        with _milvus_errors(self._address, "query"):
            return bool(
                self._client.query(self._address.collection, filter=f"id >= {smallest}", output_fields=["id"], limit=1)
            )


def _connect(uri: str, *, must_exist: bool = False) -> tuple[Any, _Address]:
    """A client, and where the collection is.

    Raises:
        UserError: if the URI cannot be read, pymilvus is missing, or nobody answers.
    """
    if not uri.startswith(SCHEME) or uri == SCHEME:
        raise UserError(f"a Milvus memory is {SCHEME}FILE.db or {SCHEME}http://HOST:PORT/COLLECTION; received {uri!r}")
    rest = uri.removeprefix(SCHEME)
    server = re.fullmatch(r"((?:https?|tcp)://[^/]+)/?(\w*)", rest)
    if server:
        address = _Address(server[1], server[2] or _DEFAULT_COLLECTION)
    elif "://" in rest or not rest.endswith(".db"):
        raise UserError(
            f"{uri!r} names neither a server (http://HOST:PORT/COLLECTION) nor a file of Milvus Lite (ending in .db)"
        )
    else:
        address = _Address(rest, _DEFAULT_COLLECTION)
        if must_exist and not Path(rest).exists():
            raise UserError(f"no memory at {uri!r}: there is no such file")
    try:
        import pymilvus
    except ImportError as error:
        raise UserError(f"{uri!r} needs pymilvus ({error}); pip install 'procmem[milvus]'") from error
    with _milvus_errors(address, "connect to"):
        return pymilvus.MilvusClient(address.uri, token=os.environ.get(TOKEN_VARIABLE, "")), address


def _schema(client: Any, dimension: int) -> Any:
    from pymilvus import DataType

    schema = client.create_schema(auto_id=False, enable_dynamic_field=False)
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=dimension)
    schema.add_field("label", DataType.INT64)
    for name in ("owner", "uri", "dataset"):
        schema.add_field(name, DataType.VARCHAR, max_length=_MAX_TEXT_BYTES, nullable=True)
    return schema


@contextlib.contextmanager
def _milvus_errors(address: _Address, verb: str) -> Iterator[None]:
    """Turn the client's errors into one clear line."""
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except (MilvusException, ConnectionError) as error:
        reason = str(getattr(error, "message", error)).split("\n")[0]
        raise UserError(f"cannot {verb} collection {address.collection!r} at {address.uri!r}: {reason}") from error
