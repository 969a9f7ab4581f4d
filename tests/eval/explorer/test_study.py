"""Trials from a seed, answers on disk as they come, and p-values by hand."""

import csv
from math import comb

import pytest

from eval.explorer.answers import Choice
from eval.explorer.render import study_html
from eval.explorer.study import begin_study, make_result, neighbors_help
from procmem.errors import UserError

CHOICE = Choice(k=3, rule="plurality")


@pytest.fixture
def begin(queries, tmp_path):
    def begin(kind="predict", seed=1, num_trials=4):
        return begin_study(queries, kind, num_trials=num_trials, seed=seed, choice=CHOICE, folder=tmp_path / "studies")

    return begin


def test_the_seed_fixes_trials_conditions_and_orders(begin):
    assert begin(seed=1).trials == begin(seed=1).trials
    assert len({begin(seed=seed).trials for seed in range(8)}) > 4
    label_orders = {trial.labels for seed in range(8) for trial in begin(seed=seed).trials}
    assert label_orders == {("cat", "dog"), ("dog", "cat")}


def test_half_of_the_trials_show_the_four_nearest_without_labels(begin, desk):
    trials = begin().trials
    assert sorted(trial.condition for trial in trials) == ["with neighbours"] * 2 + ["without"] * 2
    for trial in trials:
        answer = desk.answer(desk.choose(desk.pick(desk.begin(), trial.position), 3, "plurality"))
        assert trial.memory_says == answer.prediction
        assert {trial.true_label, trial.memory_says} <= set(trial.labels)
        nearest = desk.answer(desk.choose(desk.pick(desk.begin(), trial.position), 4, "plurality")).neighbors
        shown = tuple(one.id for one in nearest) if trial.condition == "with neighbours" else ()
        assert trial.neighbors == shown


def test_labels_are_judged_only_where_answer_and_data_set_disagree(begin, desk):
    trials = begin("labels", num_trials=99).trials
    assert trials
    for trial in trials:
        assert sorted(trial.labels) == sorted({trial.true_label, trial.memory_says})
        assert trial.true_label != trial.memory_says
    page = study_html(begin("labels"))
    assert "data set" not in page  # the person must not be told which is which
    assert "memory" not in page.lower()


def test_answers_are_on_disk_as_they_come(begin):
    study = begin()
    for number, trial in enumerate(study.trials, 1):
        study = study.answer(trial.labels[0], 1.5)
        with study.path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert len(rows) == number
        last = rows[-1]
        assert (last["answered"], last["query"], last["seed"]) == (trial.labels[0], trial.query, "1")
        assert (last["agrees"] == "1") == (trial.labels[0] == trial.memory_says)
    assert study.current is None
    assert "Done" in study_html(study)
    with pytest.raises(UserError, match="all trials"):
        study.answer("cat", 1.0)


def test_wrong_answers_and_studies_are_refused(begin):
    with pytest.raises(UserError, match="label of this trial"):
        begin().answer("horse", 1.0)
    with pytest.raises(UserError, match="did you mean"):
        begin("predicts")
    with pytest.raises(UserError, match="at least 1 trial"):
        begin(num_trials=0)


def test_p_values_are_exact():
    better = make_result("with neighbours", 9, 10, 0.25, two_sided=False)
    assert better.accuracy == 0.9
    assert better.p_value == pytest.approx(sum(comb(10, n) * 0.25**n * 0.75 ** (10 - n) for n in (9, 10)))
    judged = make_result("two labels", 1, 8, 0.5, two_sided=True)
    assert judged.p_value == pytest.approx(2 * (1 + 8) / 2**8)
    worse = make_result("without", 3, 10, 0.25, two_sided=False)
    # Fisher: of 12 right among 20, nine or ten with neighbours.
    assert neighbors_help([better, worse]) == pytest.approx(
        sum(comb(10, n) * comb(10, 12 - n) for n in (9, 10)) / comb(20, 12)
    )
    assert neighbors_help([better]) is None


def test_accuracies_are_counted_by_condition(begin):
    study = begin()
    for trial in study.trials:
        wrong = next(label for label in trial.labels if label != trial.memory_says)
        study = study.answer(trial.memory_says if trial.neighbors else wrong, 1.0)
    assert [(result.condition, result.num_agreeing, result.num_trials) for result in study.results()] == [
        ("with neighbours", 2, 2),
        ("without", 0, 2),
    ]
