"""The front door as a person meets it: one clear line and exit code 2 for what is wrong, else the work is done."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
from PIL import Image

from eval import datasets
from procmem.cli import COMMANDS, main
from procmem.errors import UserError

pytestmark = pytest.mark.usefixtures("workplace")

BUILD = ["memory", "build", "--dataset", "colours", "--encoder", "pixels", "--output", "memory"]
AUDIT = ["audit", "leave-one-out", "--memory", "memory", "--dataset", "colours"]


def commands(table=COMMANDS, words=()):
    found = []
    for name, entry in table.items():
        if isinstance(entry, dict):
            found += commands(entry, (*words, name))
        elif name:
            found.append((*words, name))
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_every_command_explains_itself(words, capsys):
    with pytest.raises(SystemExit) as left:
        main([*words, "--help"])
    page = capsys.readouterr().out
    assert left.value.code == 0
    assert f"usage: procmem {' '.join(words)}" in page
    assert "\n  " in page  # at least one word or option
    assert not re.search(r"<class|Optional\[|Union\[|Literal\[|null", page)


def test_the_list_of_commands_is_frozen():
    assert sorted(" ".join(words) for words in commands()) == [
        "audit certificate",
        "audit figure",
        "audit groups",
        "audit leave-one-out",
        "audit membership",
        "audit private-voting",
        "audit radius",
        "audit shapley",
        "audit verify",
        "demo",
        "doctor",
        "eval",
        "explore",
        "export",
        "generate",
        "import",
        "launch",
        "memory add",
        "memory build",
        "memory checkout",
        "memory erase",
        "memory index",
        "memory info",
        "memory protect",
        "memory relabel",
        "memory release",
        "memory remove",
        "memory restore",
        "memory search",
        "memory study",
        "memory sweep",
        "memory versions",
        "pretrain",
        "preview",
        "programs import",
        "programs list",
        "programs prewarm",
        "programs render",
        "programs screen",
        "programs sheet",
        "programs synthesize",
        "report",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["preveiw", "shaders"], "did you mean 'preview'"),
        (["preview", "shaders_klm"], "did you mean 'shaders_kml'"),
        (["preview", "nowhere.yaml"], "cannot read 'nowhere.yaml'"),
        (["preview", "shaders", "--output", "sheet.bmp"], "sheet.bmp"),
        (["preview", "shaders", "--families", "no_such"], "no_such"),
        (["preview", "shaders_kml", "--families", "sky"], "families are chosen for the process shaders"),
        (["programs", "render", "sky/cloudz"], "did you mean 'sky/clouds'"),
        (["programs", "render", "none.glsl"], "cannot read 'none.glsl'"),
        (["programs", "render", "bad.glsl"], "error: bad.glsl:1: the header needs a title"),
        (["pretrain", "--config", "cpu_demmo"], "did you mean 'cpu_demo'"),
        (
            ["pretrain", "--config", "cpu_demo", "--overrides", "head.hiden_size=3"],
            "did you mean 'hidden_size'",
        ),
        (
            ["pretrain", "--config", "cpu_demo", "--overrides", "root_seed=fast"],
            "root_seed must be a whole number",
        ),
        (["pretrain", "--config", "cpu_demo", "--overrides", "root_seed"], "KEY=VALUE"),
        (["generate", "shaders_klm", "--images", "4", "--output", "set"], "did you mean 'shaders_kml'"),
        (["generate", "shaders", "--images", "0", "--output", "set"], "at least one image, got images=0"),
        (["generate", "shaders", "--images", "4"], "missing --output"),
        (["generate", "shaders", "--images", "4", "--output", "set", "--format", "zip"], "webdataset"),
        (["generate", "shaders", "--images", "4", "--output", "set", "--shard", "4/4"], "from 0 to n - 1, got '4/4'"),
        (["generate", "shaders", "--images", "4", "--output", "/proc/no", "--workers", "0"], "'/proc/no'"),
        (["generate", "--verify", "nowhere"], "not a data set"),
        (["generate", "--explain", "3", "--output", "nowhere"], "not a data set"),
        (["launch"], "config is missing: procmem launch --config FILE"),
        (["launch", "--config", "cpu_demo", "--cluster", "slrm"], "did you mean 'slurm'"),
        (["launch", "--status", "nowhere"], "'nowhere' has no job"),
        (["export", "nowhere", "--output", "x"], "no checkpoint, run or export at 'nowhere'"),
        (["import", "none.pth", "--output", "x"], "there is no checkpoint 'none.pth'"),
        (["eval", "--encoders", "pixls", "--datasets", "digits"], "did you mean 'pixels'"),
        (["eval", "--encoders", "pixels", "--datasets", "digitz"], "did you mean 'digits'"),
        (["eval", "--encoders", "pixels", "--suite", "quik"], "did you mean 'quick'"),
        (["memory", "info", "nowhere"], "nowhere"),
        (["memory", "build", "--dataset", "x"], "encoder"),
        (["memory", "build", "--dataset", "empty", "--encoder", "pixels", "--output", "memory"], "train/CLASS/"),
    ],
)
def test_wrong_requests_get_one_line_and_exit_code_2(words, said, capsys, tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad.glsl").write_text("vec3 shade(vec2 p) { return vec3(p, 0.0); }")
    assert main(words) == 2
    captured = capsys.readouterr()
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("procmem: error: ")


def test_overrides_and_compositions_are_read_like_recipes(tmp_path, capsys):
    rate = "optimization.base_learning_rate=1e-3"  # a number in a recipe, so a number here
    assert main(["pretrain", "--config", "cpu_demo", "--overrides", rate, "log_every_steps=fast"]) == 2
    assert "log_every_steps must be a whole number" in capsys.readouterr().err
    assert main(["pretrain", "--config", "cpu_demo", "--overrides", "process={mixup: "]) == 2
    assert "is not valid YAML" in capsys.readouterr().err
    (tmp_path / "broken.yaml").write_text("mixup: {source: ")
    assert main(["preview", "broken.yaml"]) == 2
    assert "'broken.yaml' is not valid YAML" in capsys.readouterr().err


@pytest.mark.opengl
def test_preview_draws_a_sheet_of_a_composition(tmp_path):
    (tmp_path / "mix.yaml").write_text("mixup: {num_images: 2, source: {leaves: {source: shaders}}}")
    words = ["preview", "mix.yaml", "--images", "6", "--columns", "3", "--image-size-px", "16", "--output", "s.png"]
    assert main(words) == 0
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.size == (3 * 16 + 2 * 2, 2 * 16 + 2)


@pytest.mark.opengl
def test_a_program_of_ones_own_is_drawn_as_sheet_and_clip(tmp_path):
    (tmp_path / "mine.glsl").write_text(
        "// title: a shade\n// parameter: level uniform 0.1 0.9\nvec3 shade(vec2 p) { return vec3(level); }"
    )
    words = ["programs", "render", "mine.glsl", "--images", "4", "--columns", "2", "--image-size-px", "8"]
    assert main([*words, "--output", "sheet.png"]) == 0
    assert main([*words, "--output", "clip.gif"]) == 0
    with Image.open(tmp_path / "sheet.png") as sheet, Image.open(tmp_path / "clip.gif") as clip:
        assert sheet.size == (18, 18)
        assert clip.n_frames == 4


def test_a_memory_is_built_audited_changed_and_erased(image_set, tmp_path, capsys):
    assert main(BUILD) == 0
    capsys.readouterr()
    assert main(["memory", "info", "memory", "--json"]) == 0
    description = json.loads(capsys.readouterr().out)
    assert (description["entries"], description["classes"]) == (24, 3)
    assert main([*AUDIT, "--k", "3", "--json"]) == 0
    (audit,) = json.loads(capsys.readouterr().out)["audits"]
    assert audit["memory_size"] == 24
    assert audit["num_private"] + audit["num_non_private"] == 24
    assert main(["memory", "remove", "memory", "--ids", "3", "5"]) == 0
    capsys.readouterr()
    assert main(["memory", "erase", "memory", "--ids", "5", "7", "--receipt", "receipt.json", "--json"]) == 0
    receipt = json.loads(capsys.readouterr().out)
    assert receipt == json.loads((tmp_path / "receipt.json").read_text())
    assert receipt["found_before"] == 2
    assert main(["memory", "info", "memory", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["entries"] == 21
    assert main(["memory", "remove", "memory", "--ids", "7"]) == 2


def test_an_audit_with_another_encoder_is_refused(image_set, capsys):
    assert main(BUILD) == 0
    assert main([*AUDIT, "--encoder", "histogram"]) == 2
    assert "encoder" in capsys.readouterr().err.splitlines()[-1]


def test_a_corrupt_image_is_named_and_can_be_skipped(image_set, capsys):
    (image_set / "train" / "red" / "broken.png").write_bytes(b"not a picture")
    assert main(BUILD) == 2
    assert "broken.png" in capsys.readouterr().err
    assert main([*BUILD[:-1], "other", "--on-corrupt", "skip"]) == 0
    assert "broken.png" in capsys.readouterr().err


def test_eval_prints_a_table_and_appends_results(image_set, tmp_path, capsys):
    words = ["eval", "--encoders", "pixels", "histogram", "--datasets", str(image_set), "--run", "eval"]
    assert main(words) == 0
    captured = capsys.readouterr()
    assert "knn, shares in %" in captured.out
    assert "| pixels " in captured.out
    assert "| histogram " in captured.out
    assert "numbers of 2 pairs of task and encoder\n" in captured.err
    assert main([*words, "--max-val", "6"]) == 0  # another measurement, in the same folder
    assert main(words) == 0
    assert "numbers of 2 pairs of task and encoder, 2 of them measured before" in capsys.readouterr().err
    results = [json.loads(line) for line in (tmp_path / "eval" / "results.jsonl").read_text().splitlines()]
    assert {result["encoder"] for result in results} == {"pixels", "histogram"}
    assert {result["n"] for result in results} == {6, 12}


def test_a_report_is_a_page_or_tables_or_charts(image_set, tmp_path, capsys):
    words = ["eval", "--encoders", "pixels", "histogram", "--datasets", str(image_set), "--run", "eval"]
    assert main([*words, "--max-val", "6"]) == 0
    capsys.readouterr()
    assert main(["report", "eval", "--figures", "charts"]) == 0
    page = (tmp_path / "eval" / "report.html").read_text()
    assert "pixels minus the others" in page
    assert {path.name for path in (tmp_path / "charts").iterdir()} >= {"knn.png", "knn.svg"}
    assert main(["report", "eval", "eval", "--format", "latex", "--output", "tables.tex"]) == 0
    assert (tmp_path / "tables.tex").read_text().startswith("\\begin{table}")
    assert main(["report", "eval", "--format", "csv"]) == 0
    assert capsys.readouterr().out.startswith("encoder,real images,colours top1 accuracy\npixels,none,")
    for wrong, said in (
        (["report", "nowhere"], "no run folder at 'nowhere'"),
        (["report", "colours"], "holds nothing to report"),
        (["report", "colours", "--format", "csv"], "has no results.jsonl"),
        (["report", "eval", "--output", "page.pdf"], "the page is a .html file"),
        (["report", "eval", "--format", "latex", "--output", "x.csv"], "go to a .tex file"),
        (["report"], "missing RUNS"),
    ):
        assert main(wrong) == 2
        assert said in capsys.readouterr().err


def test_an_evaluation_tells_what_is_missing_and_fails_only_where_nothing_could_be_measured(
    image_set, tmp_path, capsys
):
    (tmp_path / "mine.yaml").write_text(f"tasks: [{{knn: {{dataset: {image_set}, num_neighbors: [1]}}}}]")
    words = ["eval", "--suite", "mine.yaml", "--run", "eval", "--encoders"]
    assert main([*words, "pixels", "timm:vit_tiny_patch16_224"]) == 0
    assert "not measured: timm:vit_tiny_patch16_224: the weights of timm model" in capsys.readouterr().err
    assert main([*words, "timm:vit_tiny_patch16_224"]) == 1
    assert "nothing could be measured" in capsys.readouterr().err
    with (tmp_path / "eval" / "results.jsonl").open("a") as file:
        file.write('{"cut')
    assert main([*words, "pixels"]) == 0
    assert "is no result" in capsys.readouterr().err


@pytest.mark.opengl
@pytest.mark.slow
def test_a_run_is_trained_continued_and_evaluated(image_set, small_recipe, tmp_path, capsys):
    words = ["pretrain", "--config", "cpu_demo", "--run", "run", "--overrides", *small_recipe]
    assert main([*words, "--probe", str(image_set)]) == 0
    assert main(words) == 0  # nothing left to do
    with (tmp_path / "run" / "metrics.csv").open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [1, 2, 3, 4, 5, 6]
    provenance = json.loads((tmp_path / "run" / "provenance.json").read_text())
    assert provenance["real_images"] is False
    assert provenance["images_seen"] == 24
    capsys.readouterr()
    assert main([*words, "root_seed=1"]) == 2
    assert "root_seed: 0 -> 1" in capsys.readouterr().err
    assert main(["eval", "--encoders", "run", "random:run", "--datasets", str(image_set)]) == 0
    assert "random:run" in capsys.readouterr().out


@pytest.mark.opengl
@pytest.mark.slow
def test_a_data_set_killed_on_the_way_equals_the_uninterrupted_one(tmp_path, capsys):
    (tmp_path / "mix.yaml").write_text(
        "mixup: {num_images: 2, source: {leaves: {source: {shaders: {families: [sky]}}}}}"
    )
    words = ["generate", "mix.yaml", "--images", "90", "--size", "16", "--block-size", "20", "--workers", "2"]
    assert main([*words, "--output", "straight"]) == 0
    command = [sys.executable, "-m", "procmem", *words, "--output", "set"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list((tmp_path / "set").glob("*.tar")) and time.monotonic() < deadline:
        time.sleep(0.001)
    process.kill()
    process.wait()
    assert main([*words, "--output", "set"]) == 0
    straight, resumed = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("straight", "set")
    )
    assert resumed == straight
    assert main(["generate", "--verify", "set"]) == 0
    assert main(["generate", "--merge", "set"]) == 0
    assert main([*words, "--root-seed", "1", "--output", "set"]) == 2
    assert "root_seed: 0 -> 1" in capsys.readouterr().err
    (tmp_path / "set" / "block-000001.tar").write_bytes(b"cut")
    assert main(["generate", "--verify", "set"]) == 1
    assert main([*words, "--output", "set", "--slurm-array", "8"]) == 0
    script = capsys.readouterr().out.split("\n", 1)[1]  # after the line about the damage
    assert "#SBATCH --array=0-7" in script
    assert '--workers 2 --shard "${SLURM_ARRAY_TASK_ID}/8"' in script
    assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


@pytest.mark.opengl
@pytest.mark.slow
def test_a_run_that_a_cluster_stops_says_so_and_is_continued_by_the_same_command(tmp_path, small_recipe):
    """The signal reaches the whole group, workers that make images included, as in a SLURM job."""
    words = [
        "pretrain",
        "--config",
        "cpu_demo",
        "--run",
        "run",
        "--overrides",
        *small_recipe,
        "optimization.images=800",
        "num_workers=1",
    ]
    metrics = tmp_path / "run" / "metrics.csv"
    command = [sys.executable, "-m", "procmem", *words]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + 120
    while not metrics.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGUSR2)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 75, said
    step = int(re.search(r"procmem: stopped: SIGUSR2 after step (\d+) of 200", said)[1])
    assert "worker" not in said
    assert "resource_tracker" not in said
    assert (tmp_path / "run" / "checkpoints" / f"step-{step:09d}.ckpt").is_file()
    assert main([*words, "num_workers=0"]) == 0
    with metrics.open() as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == list(range(1, 201))


@pytest.mark.opengl
@pytest.mark.slow
def test_the_demo_tells_the_whole_story_without_real_data_at_hand(tmp_path, small_recipe, capsys, monkeypatch):
    def refused():
        raise UserError("CIFAR-10 cannot be downloaded (no network)")

    monkeypatch.setattr(datasets, "_download_cifar10", refused)
    assert main(["demo", "--run", "demo", "--overrides", *small_recipe]) == 0
    captured = capsys.readouterr()
    assert "| demo/training" in captured.out
    assert "+bilinear" in captured.out
    assert "scikit-learn" in captured.err
    page = (tmp_path / "demo" / "report.html").read_text()
    assert not re.search("https?://", page.replace("http://www.w3.org", ""))
    for heading in ("What it was trained on", "What each entry changes", "Taking one entry out", "Provenance"):
        assert heading in page
    assert "data:image/png;base64" in page
    assert json.loads((tmp_path / "demo" / "receipt.json").read_text())["found_before"] == 1
    assert not (tmp_path / "demo" / "report.html").stat().st_size > 15_000_000


@pytest.mark.opengl
@pytest.mark.slow
def test_a_set_is_synthesized_screened_listed_and_trained_on(tmp_path, capsys):
    assert main(["programs", "synthesize", "--count", "14", "--seed", "3", "--out", "set.json"]) == 0
    words = ["programs", "screen", "set.json", "--sample", "4", "--passed-set", "passed.json", "--children", "1"]
    assert main([*words, "--sheets", "sheets"]) == 0
    assert "passed" in capsys.readouterr().out
    assert list((tmp_path / "sheets").glob("*"))
    assert main(["programs", "list", "passed.json", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert 1 <= len(listed) <= 4
    assert main(["programs", "prewarm", "passed.json", "--children", "1", "--json"]) == 0
    warmed = json.loads(capsys.readouterr().out)
    assert (warmed["compiled"], warmed["failed"], warmed["cache"]["limit_bytes"] > 0) == (len(listed), {}, True)
    (tmp_path / "process.yaml").write_text("leaves: {source: {shaders: {program_set: passed.json}}}")
    assert main(["preview", "process.yaml", "--images", "4", "--image-size-px", "8", "--output", "sheet.png"]) == 0


def test_prewarm_names_what_does_not_compile_and_how_full_the_cache_is(tmp_path, capsys, monkeypatch):
    from procgen.screening.probe import Finding

    def prewarm(programs, **options):
        assert (options["num_children"], options["time_limit_seconds"]) == (3, 9.0)
        (folder := tmp_path / "mesa_shader_cache").mkdir()
        (folder / "program").write_bytes(bytes(1000))
        yield Finding(program_id=programs[0].id, program_fingerprint="0")
        yield Finding(program_id="sky/b", program_fingerprint="1", failure="error", message="it does not compile")

    monkeypatch.setattr("procgen.prewarm.prewarm", prewarm)
    monkeypatch.setenv("MESA_SHADER_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("MESA_SHADER_CACHE_MAX_SIZE", "1K")
    words = ["programs", "prewarm", "--families", "sky", "--children", "3", "--time-limit-seconds", "9", "--json"]
    assert main(words) == 1
    output = capsys.readouterr()
    cache = {"folder": str(tmp_path / "mesa_shader_cache"), "used_bytes": 1000, "limit_bytes": 1024}
    assert json.loads(output.out) == {"compiled": 1, "failed": {"sky/b": "it does not compile"}, "cache": cache}
    for text in ("sky/b: it does not compile", "1 programs are compiled, 1 failed", "the cache is nearly full"):
        assert text in output.err


@pytest.mark.opengl
def test_programs_from_elsewhere_are_imported_and_can_make_images(tmp_path, capsys):
    (tmp_path / "theirs").mkdir()
    body = "void mainImage(out vec4 c, in vec2 p) { c = vec4(fract(p * 0.1 + iTime), 0.5, 1.0); }"
    (tmp_path / "theirs" / "good.frag").write_text(body)
    (tmp_path / "theirs" / "bad.frag").write_text(body.replace("fract", "frict"))
    assert main(["programs", "import", "theirs", "--dialect", "plain", "--out", "set.json"]) == 0
    assert "cannot run bad.frag" in capsys.readouterr().out
    (tmp_path / "process.yaml").write_text("shaders: {program_set: set.json}")
    assert main(["preview", "process.yaml", "--images", "4", "--image-size-px", "8", "--output", "sheet.png"]) == 0
