"""A memory in an object store: the same answers, the same proof, against a server that speaks S3 on this machine.

Skipped where moto, which plays that server, is not on the path. Run: make test-s3.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from memory.memory import VisualMemory
from memory.receipt import verify_receipt
from procmem.errors import UserError
from procmem.provenance import EncoderCard

MakeUnitRows = Callable[..., npt.NDArray[np.float32]]
SERVER = shutil.which("moto_server", path=str(Path(sys.executable).parent)) or shutil.which("moto_server")

pytestmark = pytest.mark.skipif(SERVER is None, reason="needs moto's S3 server: make test-s3")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty bucket of a server on a free port."""
    from pyarrow import fs

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    for name, value in {
        "AWS_ACCESS_KEY_ID": "nobody",
        "AWS_SECRET_ACCESS_KEY": "nothing",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{address}",
        "AWS_ENDPOINT": f"http://{address}",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    host, port = address.split(":")
    server = subprocess.Popen(
        [str(SERVER), "-H", host, "-p", port], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with socket.socket() as knocking:
                if knocking.connect_ex((host, int(port))) == 0:
                    break
            time.sleep(0.1)
        files = fs.S3FileSystem(
            region="us-east-1", scheme="http", endpoint_override=address, allow_bucket_creation=True
        )
        files.create_dir("bucket")
        yield "s3://bucket"
    finally:
        server.kill()
        server.wait()


def test_a_memory_lives_in_an_object_store(bucket: str, card: EncoderCard, unit_rows: MakeUnitRows) -> None:
    rows, address = unit_rows(50, 16), f"{bucket}/some/memory"
    memory = VisualMemory.create(address, card, class_names=["a", "b"])
    memory.add(rows, np.zeros(50, int), owner="ann")
    memory.protect("first")
    memory.remove([3])
    memory.relabel([4], 1)
    again = VisualMemory.open(address)
    assert again.search(rows[3:5], 1).ids[1, 0] == 4
    assert again.classify(rows[4:5], 1).predictions.tolist() == [1]
    assert len(again.checkout("first")) == 50
    again.release("first")
    receipt = again.erase([3, 5])
    verify_receipt(receipt)
    assert receipt.found_before == 2
    place = again.store.place
    for name in place.files():
        assert rows[3].tobytes() not in place.read(name)
        assert rows[5].tobytes() not in place.read(name)
    assert len(VisualMemory.open(address)) == 48
    with pytest.raises(UserError, match="is not empty"):
        VisualMemory.create(address, card, class_names=["a"])
    with pytest.raises(UserError, match="no memory in 's3://bucket/none'"):
        VisualMemory.open(f"{bucket}/none")
    with pytest.raises(UserError, match="lies in an object store, which keeps no artefacts"):
        again.artefacts.folder("faiss-hnsw")
