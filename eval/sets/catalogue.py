"""The table of data sets: one entry each, in the order of docs/datasets.md.

Adding one is an entry and a function that reads its authors' own files: labelled sets here, images with label maps and
triplets in `eval.sets.catalogue_of_masks`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from eval.sets.arrays import cifar10, cifar100, idx_dataset, stl10
from eval.sets.catalogue_of_masks import MASKED_AND_TRIPLETS
from eval.sets.class_folders import chest_xray, ninco, read_class_folders
from eval.sets.entry import RESEARCH, DatasetEntry, torchvision_command
from eval.sets.file_lists import celeba, cub200, flowers102, food101, isic2018, places365
from eval.sets.imagenet import imagenet, imagenet_folders, imagenet_real, imagenet_v2
from eval.sets.labelled import Dataset
from eval.sets.leveled import grocery81, inaturalist2021, omniglot_small
from eval.sets.medmnist_sets import medmnist, medmnist_names


def _of_imagenet(read: Callable[[Path, str, Path], Dataset]) -> Callable[[Path, str], Dataset]:
    """Reads a set whose memory is ImageNet's training split."""
    return lambda folder, variant: read(folder, variant, DATASETS["imagenet"].require())


def _wnid_folders(name: str) -> Callable[[Path, str], Dataset]:
    return _of_imagenet(
        lambda folder, variant, imagenet_folder: imagenet_folders(name, folder, variant, imagenet_folder)
    )


def _medmnist(name: str) -> DatasetEntry:
    own, _, size = name.partition("_")
    return DatasetEntry(
        name=name,
        kind="labelled",
        title=f"MedMNIST+ {own} at {size or 28} px",
        places=("medmnist", ".", "~/.medmnist"),
        marks=(f"{name}.npz",),
        load=functools.partial(medmnist, name),
        url="https://medmnist.com",
        command=f"mkdir -p medmnist && wget -P medmnist https://zenodo.org/records/10519652/files/{name}.npz",
        size="up to 13 GB a set at 224 px" if size == "224" else "some MB to 2 GB",
        licence="CC BY-NC 4.0" if own == "dermamnist" else "CC BY 4.0",
        variants=("val", "test"),
    )


ENTRIES = (
    DatasetEntry(
        name="imagenet",
        kind="labelled",
        title="ImageNet-1k (ILSVRC 2012)",
        places=("imagenet", "imagenet-1k", "ILSVRC2012", "imagenet/ILSVRC/Data/CLS-LOC"),
        marks=("train/n????????", "val"),
        load=imagenet,
        url="https://image-net.org/challenges/LSVRC/2012/",
        size="144 GB, after registration",
        licence=RESEARCH,
        is_distinct=False,
    ),
    DatasetEntry(
        name="imagenet-a",
        kind="labelled",
        title="ImageNet-A: 7,500 photographs that classifiers get wrong, 200 classes",
        places=("imagenet-a",),
        marks=("n????????",),
        load=_wnid_folders("imagenet-a"),
        url="https://github.com/hendrycks/natural-adv-examples",
        command="wget -qO- https://people.eecs.berkeley.edu/~hendrycks/imagenet-a.tar | tar x",
        size="0.7 GB",
        licence="MIT (code); photographs: their owners'",
        variants=("all", "subset"),
        needs=("imagenet",),
        is_distinct=False,
    ),
    DatasetEntry(
        name="imagenet-r",
        kind="labelled",
        title="ImageNet-R: 30,000 renditions (art, toys, ...), 200 classes",
        places=("imagenet-r",),
        marks=("n????????",),
        load=_wnid_folders("imagenet-r"),
        url="https://github.com/hendrycks/imagenet-r",
        command="wget -qO- https://people.eecs.berkeley.edu/~hendrycks/imagenet-r.tar | tar x",
        size="2 GB",
        licence="MIT (code); pictures: their owners'",
        variants=("all", "subset"),
        needs=("imagenet",),
        is_distinct=False,
    ),
    DatasetEntry(
        name="imagenet-sketch",
        kind="labelled",
        title="ImageNet-Sketch: 50,889 sketches, 1,000 classes",
        places=("imagenet-sketch/sketch", "imagenet-sketch", "sketch"),
        marks=("n????????",),
        load=_wnid_folders("imagenet-sketch"),
        url="https://github.com/HaohanWang/ImageNet-Sketch",
        size="7 GB",
        licence="MIT (code); pictures: their owners'",
        variants=("all", "subset"),
        needs=("imagenet",),
        is_distinct=False,
    ),
    DatasetEntry(
        name="imagenet-v2",
        kind="labelled",
        title="ImageNet-V2, matched frequency: 10,000 new validation images",
        places=("imagenet-v2/imagenetv2-matched-frequency-format-val", "imagenetv2-matched-frequency-format-val"),
        marks=("0", "999"),
        load=_of_imagenet(imagenet_v2),
        url="https://github.com/modestyachts/ImageNetV2",
        command="wget -qO- https://huggingface.co/datasets/vaishaal/ImageNetV2/resolve/main/"
        "imagenetv2-matched-frequency.tar.gz | tar xz",
        size="1.3 GB",
        licence="MIT (code); photographs: their owners'",
        needs=("imagenet",),
        is_distinct=False,
    ),
    DatasetEntry(
        name="imagenet-real",
        kind="labelled",
        title="ReaL: all right labels of ImageNet's validation images",
        places=("imagenet-real", "imagenet"),
        marks=("real.json",),
        load=_of_imagenet(imagenet_real),
        url="https://github.com/google-research/reassessed-imagenet",
        command="wget -P imagenet-real https://github.com/google-research/reassessed-imagenet/raw/master/real.json",
        size="2 MB",
        licence="Apache 2.0",
        needs=("imagenet",),
        is_distinct=False,
    ),
    DatasetEntry(
        name="places365",
        kind="labelled",
        title="Places365-Standard: scenes",
        places=("places365",),
        marks=("categories_places365.txt", "places365_train_standard.txt", "places365_val.txt"),
        load=places365,
        url="http://places2.csail.mit.edu/download.html",
        command=torchvision_command("[Places365('places365', s, True, True) for s in ('train-standard', 'val')]"),
        size="25 GB at 256 px",
        licence=RESEARCH,
    ),
    DatasetEntry(
        name="cifar10",
        kind="labelled",
        title="CIFAR-10: 32 px, ten classes",
        places=("cifar10", "."),
        marks=("cifar-10-batches-py/data_batch_1",),
        load=cifar10,
        url="https://www.cs.toronto.edu/~kriz/cifar.html",
        command=torchvision_command("CIFAR10('cifar10', download=True)"),
        size="0.2 GB",
        licence="none stated; its authors ask for a citation",
    ),
    DatasetEntry(
        name="cifar100",
        kind="labelled",
        title="CIFAR-100: 32 px, a hundred classes in twenty superclasses",
        places=("cifar100", "."),
        marks=("cifar-100-python/train",),
        load=cifar100,
        url="https://www.cs.toronto.edu/~kriz/cifar.html",
        command=torchvision_command("CIFAR100('cifar100', download=True)"),
        size="0.2 GB",
        licence="none stated; its authors ask for a citation",
    ),
    DatasetEntry(
        name="stl10",
        kind="labelled",
        title="STL-10: 96 px, ten classes",
        places=("stl10", "."),
        marks=("stl10_binary/train_X.bin",),
        load=stl10,
        url="https://cs.stanford.edu/~acoates/stl10/",
        command=torchvision_command("STL10('stl10', download=True)"),
        size="2.6 GB",
        licence="ImageNet's photographs: " + RESEARCH,
    ),
    DatasetEntry(
        name="fashion-mnist",
        kind="labelled",
        title="Fashion-MNIST: 28 px grey, ten classes",
        places=("fashion-mnist", "fashion-mnist/FashionMNIST/raw", "FashionMNIST/raw"),
        marks=("train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"),
        load=idx_dataset,
        url="https://github.com/zalandoresearch/fashion-mnist",
        command=torchvision_command("FashionMNIST('fashion-mnist', download=True)"),
        size="30 MB",
        licence="MIT",
    ),
    DatasetEntry(
        name="flowers102",
        kind="labelled",
        title="Oxford Flowers: 102 kinds",
        places=("flowers102", "flowers102/flowers-102", "flowers-102"),
        marks=("imagelabels.mat", "setid.mat", "jpg"),
        load=flowers102,
        url="https://www.robots.ox.ac.uk/~vgg/data/flowers/102/",
        command=torchvision_command("Flowers102('flowers102', download=True)"),
        size="0.3 GB",
        licence="none stated",
        variants=("val", "test"),
    ),
    DatasetEntry(
        name="food101",
        kind="labelled",
        title="Food-101",
        places=("food101", "food101/food-101", "food-101"),
        marks=("meta/train.txt", "meta/classes.txt", "images"),
        load=food101,
        url="https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/",
        command=torchvision_command("Food101('food101', download=True)"),
        size="5 GB",
        licence="photographs: their owners'; fair use for research",
    ),
    DatasetEntry(
        name="cub200",
        kind="labelled",
        title="Caltech-UCSD Birds 200-2011",
        places=("cub200", "cub200/CUB_200_2011", "CUB_200_2011"),
        marks=("images.txt", "image_class_labels.txt", "train_test_split.txt", "images"),
        load=cub200,
        url="https://data.caltech.edu/records/65de6-vp158",
        size="1.2 GB",
        licence=RESEARCH,
    ),
    DatasetEntry(
        name="inaturalist2021",
        kind="labelled",
        title="iNaturalist 2021: 10,000 species on seven levels",
        places=("inaturalist2021", "inat2021"),
        marks=("val/?????_*_*_*_*_*_*_*",),
        load=inaturalist2021,
        url="https://github.com/visipedia/inat_comp/tree/master/2021",
        size="224 GB for train, 42 GB for train_mini, 8 GB for val",
        licence=RESEARCH,
        variants=("all", "mini"),
    ),
    *(_medmnist(name) for name in medmnist_names()),
    DatasetEntry(
        name="isic2018",
        kind="labelled",
        title="ISIC 2018 task 3: seven kinds of skin lesions",
        places=("isic2018",),
        marks=("ISIC2018_Task3_Training_Input", "ISIC2018_Task3_Training_GroundTruth/*.csv"),
        load=isic2018,
        url="https://challenge.isic-archive.com/data/#2018",
        size="3 GB",
        licence="CC BY-NC 4.0",
        variants=("val", "test"),
    ),
    DatasetEntry(
        name="chestxray2017",
        kind="labelled",
        title="ChestXRay2017: pneumonia in children's chest X-rays",
        places=("chestxray2017/chest_xray", "chest_xray", "chestxray2017"),
        marks=("train/PNEUMONIA", "test/PNEUMONIA"),
        load=chest_xray,
        url="https://data.mendeley.com/datasets/rscbjbr9sj/2",
        size="1.2 GB",
        licence="CC BY 4.0",
        variants=("test", "val"),
    ),
    DatasetEntry(
        name="celeba",
        kind="labelled",
        title="CelebA: 202,599 faces with 40 attributes",
        places=("celeba", "celeba/celeba"),
        marks=("list_attr_celeba.txt", "list_eval_partition.txt", "img_align_celeba"),
        load=celeba,
        url="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
        size="1.4 GB",
        licence=RESEARCH,
        variants=("Smiling", "any other attribute"),
    ),
    DatasetEntry(
        name="ninco",
        kind="labelled",
        title="NINCO: 5,879 photographs of 64 classes that ImageNet has not",
        places=("ninco/NINCO_OOD_classes", "NINCO/NINCO_OOD_classes"),
        marks=("*",),
        load=ninco,
        url="https://github.com/j-cb/NINCO",
        size="see the page",
        licence="CC BY-NC-SA 4.0 or the owners'; see the page",
        is_distinct=False,
    ),
    DatasetEntry(
        name="grocery81",
        kind="labelled",
        title="groceries: 81 products with their kinds, 16 + 10 photographs of each",
        places=("grocery81",),
        marks=("classes.csv", "train", "val"),
        load=grocery81,
        url="https://github.com/marcusklasson/GroceryStoreDataset",
        size="0.1 GB",
        licence="MIT",
        is_distinct=False,
    ),
    DatasetEntry(
        name="omniglot-small",
        kind="labelled",
        title="Omniglot, small background sets: 242 characters by 20 drawers",
        places=("omniglot-small",),
        marks=("images/*/character*",),
        load=omniglot_small,
        url="https://github.com/brendenlake/omniglot",
        size="5 MB",
        licence="MIT",
    ),
    DatasetEntry(
        name="bccd-crops3",
        kind="labelled",
        title="blood cells: three kinds, cut out of the BCCD photographs",
        places=("bccd-crops3",),
        marks=("train/rbc", "val"),
        load=read_class_folders,
        url="https://github.com/Shenggan/BCCD_Dataset",
        size="some MB",
        licence="MIT",
    ),
    *MASKED_AND_TRIPLETS,
)

DATASETS: dict[str, DatasetEntry] = {entry.name: entry for entry in ENTRIES}
"""By name."""
