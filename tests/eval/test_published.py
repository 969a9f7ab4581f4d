"""The papers' numbers, and which of them stands beside one of ours. Run: pytest tests/eval/test_published.py."""

from __future__ import annotations

import math
from typing import Any

import pytest

from eval.published import process_chain, published_tables
from eval.result import EvalResult
from pretrain.pixel_encoders import Pixels
from procgen.registry import make_process


def number(task: str, metric: str, value: float, encoder: str = "pixels", **fields: Any) -> EvalResult:
    own = {"dataset": "set", "n": 100, "standard_error": 0.01, "config": {}}
    result = EvalResult.of(Pixels().card(), task=task, metric=metric, value=value, **own)
    return EvalResult(**(vars(result) | {"encoder": encoder} | fields))


def trained_on(process: str) -> dict[str, Any]:
    description = make_process(process, image_size_px=16, block_size=16).describe()
    return {"real_images": False, "images_seen": 5, "processes": [description]}


TABLES = {table.name: table for table in published_tables()}
PAPERS_RULE = {"rule": "softmax", "selection": "best_on_val", "k": 20}


def test_the_numbers_are_those_of_the_papers() -> None:
    assert TABLES["skp_table_1"].rows["S. KML Mixup"]["CUB"].value == 27.08
    assert TABLES["skp_table_3"].rows["Shaders"]["OrganS"].value == 81.69
    assert TABLES["skp_table_4"].rows["RGB"]["Similarity"].value == 73.4
    assert TABLES["vm_rank"].rows["CLIP ViT-B/16"]["10"].value == 73.0
    assert TABLES["dka_table_1"].rows["ResNet-101"]["STL-10"].value == 98.1
    nights = TABLES["skp_table_5"].rows["Places"]["NIGHTS"]
    assert (nights.value, nights.standard_error) == (0.8331, 0.0090)
    assert all(len(table.rows) >= 2 or table.name == "vm_table_3" for table in TABLES.values())


def test_a_share_without_a_printed_error_has_the_binomial_one() -> None:
    flowers = TABLES["skp_table_1"].rows["ImageNet"]["Flowers"]
    assert flowers.standard_error == pytest.approx(100 * math.sqrt(0.8343 * 0.1657 / 1020))
    assert TABLES["skp_table_2"].rows["ImageNet"]["COCO"].standard_error is None  # a mean of R2, spread unknown


def test_the_column_is_that_of_the_task_the_data_and_the_rule() -> None:
    table = TABLES["skp_table_1"]
    ours = number("knn", "top1_accuracy", 0.2, settings={"dataset": "cub200"}, config=PAPERS_RULE)
    column = table.column_of(ours)
    assert column is not None
    assert column.title == "CUB"
    for change in (
        {"settings": {"dataset": "cifar10"}},
        {"config": PAPERS_RULE | {"selection": "leave_one_out"}},
        {"config": PAPERS_RULE | {"rule": "rank"}},
        {"task": "linear_probe"},
        {"metric": "top5_accuracy"},
    ):
        assert table.column_of(EvalResult(**(vars(ours) | change))) is None
    by_k = number("knn", "top1_accuracy", 0.2, settings={"dataset": "imagenet"})
    at_20 = EvalResult(**(vars(by_k) | {"config": {"rule": "rank", "selection": "none", "k": 20}}))
    assert getattr(TABLES["vm_rank"].column_of(at_20), "title", None) == "20"


def test_the_row_is_that_of_an_encoder_made_the_same_way() -> None:
    table = TABLES["skp_table_1"]
    rows = {
        "S. KML Mixup": trained_on("shaders_kml_mixup"),
        "S. KML": trained_on("shaders_kml"),
        "S. Mixup": trained_on("shaders_mixup"),
        "Shaders": trained_on("shaders"),
        "StyleGAN": trained_on("stylegan"),
    }
    for row, provenance in rows.items():
        assert table.row_of(number("knn", "top1_accuracy", 0.2, encoder="runs/mine", provenance=provenance)) == row
    untrained = rows["Shaders"] | {"images_seen": 0}
    assert table.row_of(number("knn", "top1_accuracy", 0.2, encoder="runs/mine", provenance=untrained)) is None
    assert table.row_of(number("knn", "top1_accuracy", 0.2, encoder="random:vit_small_patch16_224")) == "Random init."
    assert TABLES["skp_table_2"].row_of(number("pca_segmentation", "pca_r2", 0.2)) == "RGB"
    at_size = number("pca_segmentation", "pca_r2", 0.2, encoder="pixels@448")
    assert TABLES["skp_table_2"].row_of(at_size) == "RGB"
    dinov2 = number("knn", "top1_accuracy", 0.2, encoder="timm:vit_base_patch14_dinov2.lvd142m")
    assert TABLES["dka_table_1"].row_of(dinov2) == "DINOv2 ViT-B/14"
    assert table.row_of(number("knn", "top1_accuracy", 0.2, encoder="histogram")) is None


def test_a_difference_of_more_than_two_standard_errors_is_marked() -> None:
    table = TABLES["skp_table_1"]
    printed = table.rows["S. KML"]["Flowers"]  # 71.86 with a standard error of 1.408
    error = math.hypot(1.0, 100 * math.sqrt(0.7186 * 0.2814 / 1020))
    for standard_errors, differs in ((1.99, False), (2.01, True), (-1.99, False), (-2.01, True)):
        ours = number("knn", "top1_accuracy", (71.86 + standard_errors * error) / 100)
        assert table.differs(ours, printed) is differs


def test_a_process_is_named_outer_operator_first() -> None:
    assert process_chain({"mixup": {"num_images": 2, "source": {"leaves": {"source": {"shaders": {}}}}}}) == (
        "mixup/leaves/shaders"
    )
