"""The command line: what is typed reaches the function, and mistakes are answered in one line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal

import pytest

from procmem.arguments import parse
from procmem.errors import UserError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Optimisation:
    """Optimisation."""

    learning_rate: float = 1e-3


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """Recipe."""

    process: str | dict = "shaders"
    optimisation: Optimisation = dataclasses.field(default_factory=Optimisation)


def train(
    config: Recipe, *, run: Path = Path("runs/x"), force: bool = False, allow_changed_config: bool = False
) -> None:
    """Train an encoder.

    Args:
        config: the recipe.
        run: the run folder.
        force: train all the same.
        allow_changed_config: go on with another recipe.
    """


def show(process: str, *, encoders: list[str] | None = None, k: int = 3) -> None:
    """Show a process.

    Args:
        process: its name.
        encoders: encoders to show.
        k: number of neighbours.
    """


def look(place: Path | None = None, *, far: bool = False) -> None:
    """Look somewhere.

    Args:
        place: where; the default is here.
        far: look far.
    """


def audit(
    *,
    memory: Path,
    dataset: str,
    by: Literal["owner", "class"] = "owner",
    rules: list[Literal["softmax", "rank"]] | None = None,
    k: list[int] | None = None,
    most: int | None = None,
    least: float = 0.98,
    overrides: list[str] | None = None,
    json: bool = False,
) -> None:
    """Say what would change,
    exactly.

    A second paragraph.

    Args:
        memory: the memory's folder.
        dataset: its images are the queries.
        by: what makes a group.
        rules: voting rules.
        k: neighbours that vote.
        most: most queries, 100 % of them where omitted.
        least: least similarity.
        overrides: settings.
        json: print as JSON.
    """


AUDIT = ["audit", "--memory", "m", "--dataset", "d"]
TABLE = {"look": look, "": "Eyes.", "train": train, "memory": {"": "Memories.", "show": show}, "audit": audit}


def parsed(*words):
    return parse(TABLE, "program", words)


def test_lists_flags_and_positionals_need_no_brackets():
    assert parsed("memory", "show", "shaders", "--encoders", "a", "timm:b", "--k", "5") == (
        show,
        {"process": "shaders", "encoders": ["a", "timm:b"], "k": 5},
    )
    assert parsed("train", "--force", "--run", "there")[1] == {
        "config": Recipe(),
        "run": Path("there"),
        "force": True,
        "allow_changed_config": False,
    }
    assert parsed("train", "--force", "false")[1]["force"] is False
    one_by_one = ("--encoder", "a", "--k", "5", "--encoder=timm:b", "--encoders", "c")
    assert parsed("memory", "show", "shaders", *one_by_one)[1] == {
        "process": "shaders", "encoders": ["a", "timm:b", "c"], "k": 5,
    }  # fmt: skip
    assert parsed("memory", "show", "--k=7", "a-b")[1] == {"process": "a-b", "encoders": None, "k": 7}
    assert parsed("train", "--allow-changed-config")[1]["allow_changed_config"] is True


def test_an_optional_word_may_be_given_by_place_or_by_name():
    assert parsed("look", "there", "--far")[1] == {"place": Path("there"), "far": True}
    assert parsed("look", "--far", "--place", "there")[1] == {"place": Path("there"), "far": True}
    assert parsed("look")[1] == {"place": None, "far": False}
    with pytest.raises(UserError, match="unexpected 'more': it belongs to no option"):
        parsed("look", "there", "more")


def test_a_recipe_comes_from_yaml_and_single_values_from_the_command_line(tmp_path):
    (tmp_path / "recipe.yaml").write_text("process: {mixup: {source: shaders}}\noptimisation: {learning_rate: 0.5}\n")
    options = parsed("train", "--config", str(tmp_path / "recipe.yaml"), "--config.optimisation.learning_rate", "2")[1]
    assert options["config"] == Recipe(
        process={"mixup": {"source": "shaders"}}, optimisation=Optimisation(learning_rate=2.0)
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["trian"], "unknown command 'trian'; did you mean 'train'"),
        (["memory", "shwo"], "did you mean 'show'"),
        ([""], "unknown command ''"),
        (["memory", "show", "x", "--kk", "3"], "unknown option '--kk'; did you mean '--k'[?] valid: --encoders, --k$"),
        (["memory", "show", "x", "--k", "many"], "^--k is 'many'; it must be a whole number$"),
        (["memory", "show", "x", "--k", "3", "4"], "unexpected '4': it belongs to no option; see: program memory show"),
        (["memory", "show", "x", "--encoders"], "^--encoders needs at least one value$"),
        (["memory", "show"], "^missing PROCESS; see: program memory show --help$"),
        (["audit", "m"], "^unexpected 'm': name what it is, for example --memory m; see: program audit --help$"),
        (["audit", "m", "--memory", "m"], "for example --dataset m;"),
        (["audit", "--dataset", "d"], "^missing --memory; see"),
        (["audit"], "^missing --memory and --dataset; see"),
        ([*AUDIT, "--by", "ownr"], "^unknown value of --by 'ownr'; did you mean 'owner'[?] valid: class, owner$"),
        (
            [*AUDIT, "--rules", "rank", "sofmax"],
            "value of --rules 'sofmax'; did you mean 'softmax'[?] valid: rank, softmax$",
        ),
        ([*AUDIT, "--k", "5,10"], "^--k is '5,10'; it must be a whole number; several are separated by spaces$"),
        ([*AUDIT, "--most", "all"], "^--most is 'all'; it must be a whole number$"),
        ([*AUDIT, "--least", "low"], "^--least is 'low'; it must be a number$"),
        ([*AUDIT, "--json", "maybe"], "^--json is 'maybe'; it must be true or false$"),
        ([*AUDIT, "--run.images", "4"], "recipe go like this: --overrides run.images=VALUE$"),
        (["train", "--config.optimisation.learning_rat", "3"], "did you mean '--config.optimisation.learning_rate'"),
        (["train", "--config", "nowhere.yaml"], r"nowhere\.yaml"),
    ],
)
def test_mistakes_are_answered_in_one_line(words, message):
    with pytest.raises(UserError, match=message) as caught:
        parsed(*words)
    assert "\n" not in str(caught.value)


def test_unknown_keys_and_wrong_types_in_yaml_are_named(tmp_path):
    (tmp_path / "recipe.yaml").write_text("optimisation: {learning_rat: 0.5}\n")
    with pytest.raises(UserError, match="learning_rat'; did you mean '--config"):
        parsed("train", "--config", str(tmp_path / "recipe.yaml"))
    (tmp_path / "recipe.yaml").write_text("optimisation: {learning_rate: fast}\n")
    with pytest.raises(UserError, match=r"learning_rate.*Expected a float.*fast"):
        parsed("train", "--config", str(tmp_path / "recipe.yaml"))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--help"], ["train           Train an encoder.", "memory          Memories."]),
        (["memory", "--help"], ["show            Show a process."]),
        (["memory", "show", "--help"], ["number of neighbours", "Show a process."]),
    ],
)
def test_help_teaches(capsys, words, said):
    with pytest.raises(SystemExit) as left:
        parsed(*words)
    assert left.value.code == 0
    page = capsys.readouterr().out
    assert all(line in page for line in said)
    assert "Args:" not in page


def test_the_page_of_a_command_says_what_to_type(capsys):
    with pytest.raises(SystemExit):
        parsed("audit", "--help")
    assert (
        capsys.readouterr().out
        == """usage: program audit --memory MEMORY --dataset DATASET [options]

Say what would change, exactly.

A second paragraph.

  --memory MEMORY         the memory's folder (required).
  --dataset DATASET       its images are the queries (required).
  --by BY                 what makes a group (one of owner, class; default: owner).
  --rules RULES ...       voting rules (of softmax, rank).
  --k N ...               neighbours that vote.
  --most N                most queries, 100 % of them where omitted.
  --least X               least similarity (default: 0.98).
  --overrides OVERRIDES ...
                          settings.
  --json                  print as JSON.
"""
    )
    with pytest.raises(SystemExit):
        parsed("memory", "show", "--help")
    page = capsys.readouterr().out
    assert page.startswith("usage: program memory show PROCESS [options]\n")
    assert "  PROCESS                 its name.\n" in page
    with pytest.raises(SystemExit):
        parsed("look", "--help")
    page = capsys.readouterr().out
    assert page.startswith("usage: program look [PLACE] [options]\n")
    assert "  --place PLACE           where; the default is here.\n" in page
