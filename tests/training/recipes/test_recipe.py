from __future__ import annotations

import re

import pytest

from retrievers.errors import InputError
from training.recipes.recipe import load_recipe, parse_recipe, recipe_names
from training.recipes.running import check_flags, fill, plan

STEP = '[[steps]]\nname = "one"\ncommand = "training.data"\nmakes = "one"\narguments = ["{out}/x"]\n'
HEAD = 'title = "Опыт"\nabout = "Что и зачем"\nmetrics = ["ndcg@10"]\n'


@pytest.mark.parametrize("name", recipe_names())
def test_every_flag_of_every_recipe_is_known_to_its_command(name, tmp_path) -> None:
    recipe = load_recipe(name)
    files = {}
    for wanted in recipe.inputs:
        files[wanted] = tmp_path / f"{wanted}.jsonl"
        files[wanted].touch()
    check_flags(plan(recipe, tmp_path / "out", files))


@pytest.mark.parametrize("name", recipe_names())
def test_every_step_reads_what_is_there_and_makes_what_it_says(name, tmp_path) -> None:
    recipe = load_recipe(name)
    steps = fill(recipe, tmp_path, {wanted: tmp_path / "inputs" / wanted for wanted in recipe.inputs})
    made: list[str] = []
    for step in steps:
        flag = "--index" if step.command == "rag.index" else "--out"
        written = step.arguments[step.arguments.index(flag) + 1]
        assert written == str(step.makes)
        inside = [one for one in step.arguments if one.startswith(str(tmp_path)) and one != written]
        assert all(one.startswith((*made, str(tmp_path / "inputs"))) for one in inside), step.name
        made.append(str(step.makes))


def test_recipes_of_the_hub_name_their_twin_and_what_they_need() -> None:
    large = {name: load_recipe(name) for name in recipe_names() if not name.endswith("-small")}
    assert {recipe.small for recipe in large.values()} == {f"{name}-small" for name in large}
    assert all(recipe.needs and recipe.inputs and recipe.source for recipe in large.values())
    twins = [load_recipe(name) for name in recipe_names() if name.endswith("-small")]
    assert not any(twin.inputs for twin in twins)


def test_published_figures_are_those_of_the_experiments() -> None:
    figures = {(one.metric, one.value) for one in load_recipe("biencoder-sberquad").published}
    assert figures == {("recall@5", 0.880), ("recall@5", 0.892), ("pearson", 0.765), ("pearson", 0.879)}
    assert [one.value for one in load_recipe("sts-mnrl-rerank").published] == [0.87, 0.946, 0.973]


def test_figures_are_asked_of_metrics_that_trainers_have() -> None:
    from training.finetune.ranking import RANKING_METRICS, SIMILARITY_METRICS

    for name in recipe_names():
        recipe = load_recipe(name)
        assert {*recipe.metrics, *(one.metric for one in recipe.published)} <= {*RANKING_METRICS, *SIMILARITY_METRICS}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "not TOML"),
        (HEAD, "field steps"),
        (HEAD + STEP.replace("{out}", "{aut}"), r"step one: unknown \{aut\}; known: corpus, out, questions"),
        (HEAD + STEP + STEP, "step one: the name stands for something else"),
        (HEAD + STEP.replace('makes = "one"', 'makes = "../one"'), "inside the output folder"),
        (HEAD + STEP.replace('makes = "one"', 'makes = "/etc"'), "inside the output folder"),
        (HEAD + STEP.replace("training.data", "os.system"), "field steps.0.command"),
        (HEAD + "extra = 1\n" + STEP, "field extra"),
    ],
)
def test_mistakes_are_named(text, message) -> None:
    with pytest.raises(InputError, match=message):
        parse_recipe(text, "опыт.toml")


def test_a_flag_that_does_not_exist_is_found_before_anything_runs(tmp_path) -> None:
    recipe = parse_recipe(HEAD + STEP.replace('["{out}/x"]', '["--no-such-flag", "1"]'), "опыт")
    with pytest.raises(InputError, match=re.escape("step one: python -m training.data: error: unrecognized arguments")):
        check_flags(plan(recipe, tmp_path, {}))


def test_a_command_that_does_not_exist(tmp_path) -> None:
    recipe = parse_recipe(HEAD + STEP.replace("training.data", "training.nothing"), "опыт")
    with pytest.raises(InputError, match=r"training\.nothing is no command"):
        check_flags(plan(recipe, tmp_path, {}))


def test_ones_own_recipe_and_unknown_names(tmp_path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(HEAD + STEP, "utf-8")
    assert load_recipe(str(own)).title == "Опыт"
    with pytest.raises(InputError, match="unknown recipe 'опыт'; known: biencoder-sberquad"):
        load_recipe("опыт")
    with pytest.raises(InputError, match="cannot be read"):
        load_recipe(str(tmp_path / "none.toml"))
