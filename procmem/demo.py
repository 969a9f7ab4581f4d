"""The demo: the whole story on one machine in minutes, each step real and none of it special.

Images are made, a small network is trained on them, real images become a memory, three encoders are compared, every
entry is audited, one entry is removed and erased, and a page says what was found. It measures and does not argue: if
the training has not beaten the untrained network in this budget, that is what the page says.

Training continues where it was interrupted; embeddings come from the cache; the memory is made anew each time.
"""

from __future__ import annotations

import contextlib
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from eval.datasets import default_dataset, find_dataset
from eval.findings import Finding, findings_of
from eval.report import write_report
from eval.suite import Suite, run_suite
from eval.tables import tables_of, written
from eval.task import Conditions
from eval.tasks.embedded import Embedded, embed_dataset
from eval.tasks.knn import Knn
from memory.audit.leave_one_out import LeaveOneOutResult, leave_one_out
from memory.memory import VisualMemory
from memory.receipt import Receipt
from pretrain.config import PretrainConfig
from pretrain.encoder import load_encoder
from pretrain.shipped import shipped_encoders
from pretrain.train import pretrain
from procgen.registry import SHADER_PROCESSES, make_process
from procmem.demo_findings import DecisionChange, Findings
from procmem.demo_report import report_of
from procmem.errors import UserError
from procmem.files import data_root, make_folder, write_json
from procmem.progress import say
from procmem.provenance import EncoderCard

PREFERRED_DATASETS = ("cifar10", "grocery81")
"""Natural images in coarse classes, and photographs in fine ones: taken where they are under PROCMEM_DATA."""
FEATURES = "+bilinear~4+bilinear~3+bilinear~2+white"
"""With which the encoder that comes with the code is asked as well: those that `grocery81` chose (docs/evidence.md)."""
NUM_NEIGHBORS = 20
"""Of the audit: the k of the paper's."""
SHEET_COLUMNS = 12
SHEET_IMAGE_PX = 96
SHEET_POOL = 48


def run_demo(run: Path, config_path: Path, overrides: Mapping[str, Any] | None = None) -> str:
    """Run every step and write ``report.html``.

    Args:
        run: the demo's folder.
        config_path: recipe of the training.
        overrides: settings to change in it, dotted key -> value.

    Returns:
        The table of accuracies and the page's place, for the terminal.

    Raises:
        UserError: if a part that it needs is missing.
    """
    config = PretrainConfig.from_yaml(config_path, overrides)
    make_folder(run)
    clock = _Clock()
    with clock.step("rendering one sheet of each process"):
        sheets = _sheets()
    with clock.step("training on procedural images"):
        training = pretrain(config, run / "training")
    with clock.step("comparing encoders on real images"):
        names = _dataset_names()
        numbers = _compare_encoders(run, names)
    with clock.step("building the memory and auditing every entry"):
        encoder = load_encoder(str(run / "training"), _device())
        embedded = embed_dataset(names[0], encoder, Conditions(device=_device()))
        memory = _build_memory(run / "memory", encoder.card(), embedded)
        neighbors = memory.search(embedded.val.values, NUM_NEIGHBORS + 1)
        audit = leave_one_out(neighbors, NUM_NEIGHBORS, query_labels=embedded.val.labels)
    with clock.step("removing and erasing an entry"):
        change, receipt = _remove_and_erase(memory, embedded, audit)
        write_json(run / "receipt.json", receipt.to_dict())
    findings = Findings(
        config=config,
        training=training,
        numbers=numbers,
        num_classes={name: len(find_dataset(name).train.class_names) for name in names},
        embedded=embedded,
        neighbors=neighbors,
        audit=audit,
        change=change,
        receipt=receipt,
        seconds=clock.seconds,
        sheets=sheets,
    )
    with clock.step("writing the report"):
        report = write_report(run / "report.html", report_of(findings, run))
    tables = "\n".join(written(table, "markdown") for table in tables_of(numbers))
    return f"\n{tables}\nreport: {report}\n"


class _Clock:
    """Says each step before it starts and keeps how long it took."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        say(f"[{len(self.seconds) + 1}] {name} ...")
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start
        say(f"    {self.seconds[name]:.1f} s")


def _sheets() -> dict[str, torch.Tensor]:
    size = {"image_size_px": SHEET_IMAGE_PX, "block_size": SHEET_POOL, "images_per_program": 1}
    return {name: make_process(name, **size).block(0, 0)[:SHEET_COLUMNS] for name in SHADER_PROCESSES}


def _dataset_names() -> list[str]:
    root = data_root()
    at_hand = [name for name in PREFERRED_DATASETS if root is not None and (root / name).is_dir()]
    return at_hand or [default_dataset().name]


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _compare_encoders(run: Path, names: list[str]) -> list[Finding]:
    trained = str(run / "training")
    suite = Suite(
        name="demo",
        tasks=tuple(Knn(dataset=name, rules=("softmax",)) for name in names),
        conditions=Conditions(device=_device(), pictures=False),
    )
    shipped = [f"procmem:{name}{features}" for name in shipped_encoders() for features in ("", FEATURES)]
    encoders = [trained, f"random:{trained}", "pixels", "histogram", *shipped]
    done = run_suite(suite, encoders, run / "evaluation")
    for one in done.not_measured:
        raise UserError(f"{one.task} on {one.encoder}: {one.reason}")
    return findings_of(run / "evaluation", done.results)


def _build_memory(folder: Path, card: EncoderCard, embedded: Embedded) -> VisualMemory:
    if folder.exists():
        shutil.rmtree(folder)  # the demo's own, made anew from the encoder of this run
    train = embedded.train
    memory = VisualMemory.create(folder, card, class_names=embedded.dataset.train.class_names)
    memory.add(train.values, train.labels, uri=train.uris, card=card)
    if train.cache_path is not None:
        memory.register_artefact(train.cache_path)
    return memory


def _remove_and_erase(
    memory: VisualMemory, embedded: Embedded, audit: LeaveOneOutResult
) -> tuple[DecisionChange | None, Receipt]:
    """Remove the entry that changes most answers, see that the foretold answer changes, and erase it."""
    if not audit.num_flips:
        return None, memory.erase([int(memory.entries.ids[0])])
    ids, counts = audit.flips_per_entry()
    entry_id = int(ids[np.argmax(counts)])
    flip = int(np.flatnonzero(audit.entry_ids == entry_id)[0])
    row = int(audit.query_rows[flip])
    position = int(np.searchsorted(memory.entries.ids, entry_id))
    memory.remove([entry_id])
    predictions = memory.classify(embedded.val.values, audit.k).predictions
    receipt = memory.erase([entry_id])
    names = memory.class_names
    change = DecisionChange(
        entry_id=entry_id,
        entry_uri=embedded.train.uris[position],
        query_row=row,
        query_uri=embedded.val.uris[row],
        true_class=names[embedded.val.labels[row]],
        before=names[audit.predictions[row]],
        after=names[predictions[row]],
        predicted_after=names[audit.to_classes[flip]],
        queries_changed=int(np.count_nonzero(predictions != audit.predictions)),
    )
    if change.queries_changed != counts.max() or change.after != change.predicted_after:
        raise RuntimeError(f"the audit foretold something else than the removal showed: {change}")
    return change, receipt
