"""Every shipped YAML loads into what will receive it, and records its experiment in its header."""

from pathlib import Path

import pytest
from PIL import Image

from eval.suite import load_suite, suite_from
from pretrain.config import PretrainConfig
from pretrain.launch import ClusterConfig, batch_script
from procgen.registry import make_process

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
FILES = sorted(CONFIGS.rglob("*.yaml"))


def test_there_are_recipes_to_check():
    assert {path.parent.relative_to(CONFIGS).as_posix() for path in FILES} >= {"pretrain", "pretrain/paper", "eval"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CONFIGS).as_posix())
def test_the_header_records_the_experiment(path):
    header = [line for line in path.read_text().splitlines() if line.startswith("#")]
    for entry in ("Purpose:", "Command:", "Hardware:", "Time:", "Expected result:"):
        assert any(entry in line for line in header), f"{path.name} says nothing of {entry}"


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("pretrain/**/*.yaml")), ids=lambda path: path.name)
def test_pretraining_recipes_build(path, tmp_path):
    config = PretrainConfig.from_yaml(path)
    needs_photographs = isinstance(config.process, dict) and "image_folder" in config.process
    if needs_photographs:  # the user's own folder, named on the command line
        Image.new("RGB", (300, 260)).save(tmp_path / "one.png")
        config = PretrainConfig.from_yaml(path, {"process.image_folder.folder": str(tmp_path)})
    process = make_process(
        config.process,
        image_size_px=config.image_size_px,
        block_size=config.block_size,
        images_per_program=config.images_per_program,
    )
    batch_size = config.optimization.batch_size // (config.optimization.accumulation * config.devices)
    assert process.block_size % batch_size == 0
    assert process.real_images is needs_photographs
    assert PretrainConfig.from_dict(config.to_dict()) == config


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("cluster/*.yaml")), ids=lambda path: path.name)
def test_cluster_files_build(path, tmp_path):
    assert "#SBATCH --requeue" in batch_script(ClusterConfig.from_yaml(path), tmp_path)


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("eval/*.yaml")), ids=lambda path: path.name)
def test_suites_build(path):
    suite = load_suite(path.stem)
    assert suite_from(suite.to_dict(), suite.name).to_dict() == suite.to_dict()
