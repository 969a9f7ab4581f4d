"""The table of data sets, continued: images with label maps, and triplets; see `eval.sets.catalogue`."""

from __future__ import annotations

import functools
from pathlib import Path

from eval.sets.ade20k import ade20k
from eval.sets.bsds500 import bsds500
from eval.sets.coco import coco
from eval.sets.entry import RESEARCH, DatasetEntry, torchvision_command
from eval.sets.labelled import choose
from eval.sets.mask_folder import mask_folder
from eval.sets.masked import MaskedDataset
from eval.sets.nights import NIGHTS_PARTS, nights
from eval.sets.triplet_table import triplet_table
from eval.sets.triplets import Triplets
from eval.sets.voc2012 import voc2012


def _coco100(folder: Path, variant: str) -> MaskedDataset:
    return mask_folder(folder, "coarse" if choose("coco100-semseg", variant, ("coarse", "fine")) == "coarse" else "")


def _zappos(folder: Path, variant: str) -> Triplets:
    part = choose("zappos-triplets", variant, ("sample", "full"))
    return triplet_table(folder, "" if part == "sample" else part)


MASKED_AND_TRIPLETS = (
    DatasetEntry(
        name="coco-panoptic",
        kind="masked",
        title="COCO 2017 panoptic: 133 labels",
        places=("coco", "coco2017"),
        marks=("val2017", "train2017", "annotations/panoptic_val2017.json", "annotations/panoptic_val2017"),
        load=functools.partial(coco, "panoptic"),
        url="https://cocodataset.org/#download",
        size="20 GB",
        licence="annotations CC BY 4.0; photographs: their owners'",
    ),
    DatasetEntry(
        name="coco-instances",
        kind="masked",
        title="COCO 2017 instances: 80 categories",
        places=("coco", "coco2017"),
        marks=("val2017", "train2017", "annotations/instances_val2017.json"),
        load=functools.partial(coco, "instances"),
        url="https://cocodataset.org/#download",
        size="20 GB",
        licence="annotations CC BY 4.0; photographs: their owners'",
    ),
    DatasetEntry(
        name="voc2012",
        kind="masked",
        title="PASCAL VOC 2012 segmentation: 20 classes",
        places=("voc2012/VOCdevkit/VOC2012", "VOCdevkit/VOC2012", "voc2012"),
        marks=("ImageSets/Segmentation/train.txt", "JPEGImages", "SegmentationClass"),
        load=voc2012,
        url="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
        command=torchvision_command("VOCSegmentation('voc2012', download=True)"),
        size="2 GB",
        licence="Flickr's terms of use",
    ),
    DatasetEntry(
        name="ade20k",
        kind="masked",
        title="ADE20K scene parsing: 150 classes",
        places=("ade20k/ADEChallengeData2016", "ADEChallengeData2016", "ade20k"),
        marks=("objectInfo150.txt", "images/training", "annotations/validation"),
        load=ade20k,
        url="http://sceneparsing.csail.mit.edu/",
        command="wget http://data.csail.mit.edu/places/ADEchallenge/ADEChallengeData2016.zip"
        " && unzip -q ADEChallengeData2016.zip",
        size="0.9 GB",
        licence="annotations BSD-3; photographs for " + RESEARCH,
    ),
    DatasetEntry(
        name="bsds500",
        kind="masked",
        title="BSDS500: 500 photographs segmented by several people",
        places=("bsds500/BSR/BSDS500/data", "BSR/BSDS500/data", "bsds500"),
        marks=("images/train", "groundTruth/train"),
        load=bsds500,
        url="https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/resources.html",
        size="70 MB",
        licence=RESEARCH,
        variants=("val", "test"),
    ),
    DatasetEntry(
        name="coco100-semseg",
        kind="masked",
        title="COCO 2017: 100 + 100 photographs with dense labels, 27 coarse or 133 fine",
        places=("coco100-semseg",),
        marks=("splits.csv", "classes_coarse.csv", "masks_coarse", "images"),
        load=_coco100,
        url="https://github.com/lightly-ai/coco128_yolo",
        size="some MB",
        licence="annotations CC BY 4.0; photographs: their owners'",
        variants=("coarse", "fine"),
        is_distinct=False,
    ),
    DatasetEntry(
        name="nights",
        kind="triplets",
        title="NIGHTS: 20,000 triplets with human answers (DreamSim)",
        places=("nights",),
        marks=("data.csv", "ref", "distort"),
        load=nights,
        url="https://github.com/ssundaram21/dreamsim",
        size="see the page",
        licence="MIT",
        variants=NIGHTS_PARTS,
    ),
    DatasetEntry(
        name="zappos-triplets",
        kind="triplets",
        title="shoes: 10,000 (or all 283,770) human answers about 85 photographs",
        places=("zappos-triplets",),
        marks=("triplets.csv", "images"),
        load=_zappos,
        url="https://github.com/stsievert/salmon/tree/master/examples/zappos",
        size="some MB",
        licence="BSD-3 (repository); photographs: not stated",
        variants=("sample", "full"),
        is_distinct=False,
    ),
)
