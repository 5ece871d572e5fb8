"""The importable reward functions, called as each trainer calls them."""

from __future__ import annotations

import json

import pytest

from evals.rewards import search_r1, trl, verl
from evals.rewards.verdicts import Gold, judge
from generators.base import NO_ANSWER
from prompts.search import search_prompt

GOLD = ["1642 м", "1642 метра"]
TRUTH = {"target": GOLD, "answerable": True}
NONE = {"target": [], "answerable": False}


def say(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def test_trl_answers():
    batch = {
        "prompts": ["?"] * 4,
        "completions": ["1642 метрами", say("1642 м [1]"), "636 км", "1642 м"],
        "answers": [GOLD, GOLD, GOLD, []],
        "trainer_state": None,
    }
    assert trl.answer_em(**batch) == [0.0, 1.0, 0.0, None]
    assert trl.answer_f1(**batch) == [0.5, 1.0, 0.0, None]
    assert trl.answer_em_lemma(**batch) == [1.0, 1.0, 0.0, None]
    assert trl.answer_f1_lemma(**batch) == [1.0, 1.0, 0.0, None]


def test_trl_abstention():
    completions = ["1642 м", NO_ANSWER, "1642 м", NO_ANSWER]
    answerable = [True, True, False, False]
    assert trl.abstention_right(completions=completions, answerable=answerable) == [1.0, 0.0, 0.0, 1.0]


def test_trl_citations():
    rewards = trl.citation_gold(
        completions=["1642 м [1]", "1642 м [1, 3]", "1642 м", "1642 м [9]", NO_ANSWER, "1642 м [1]"],
        passage_doc_ids=[["baikal", "baikal", "angara"]] * 6,
        gold_doc_ids=[["baikal"]] * 5 + [[]],
    )
    assert rewards == [1.0, 0.5, 0.0, 0.0, None, None]


def test_trl_formats():
    completions = ["1642 м [1]", "<|im_start|>1642 м", NO_ANSWER]
    assert trl.answer_format(completions=completions, question=["?"] * 3) == [1.0, 0.0, 1.0]
    assert trl.tag_format(completions=[say("<answer>1642 м</answer>"), "1642 м"]) == [1.0, 0.0]


def test_trl_retrieved_answers():
    searched = [{"role": "tool", "content": "Глубина 1642 метрам равна"}, *say("636 км")]
    missed = [{"role": "tool", "content": "Длина 636 км"}, *say("1642 м")]
    completions = [searched, missed, say("1642 м"), searched]
    rewards = trl.retrieved_answer(completions=completions, answers=[GOLD, GOLD, GOLD, []])
    assert rewards == [1.0, 0.0, None, None]


@pytest.mark.parametrize(
    ("written", "truth", "score", "abstained", "kept_format"),
    [
        ("1642 метрами [1]", TRUTH, 1.0, 0.0, 1.0),
        ("636 км", TRUTH, 0.0, 0.0, 1.0),
        (NO_ANSWER, TRUTH, 0.0, 1.0, 1.0),
        (NO_ANSWER, NONE, 1.0, 1.0, 1.0),
        ("1642 м", NONE, 0.0, 0.0, 1.0),
        ("<think>…</think><answer>1642 м</answer>", TRUTH, 1.0, 0.0, 1.0),
        ("Так: <answer>1642 м</answer>", TRUTH, 1.0, 0.0, 0.0),
        ("1642 м<|im_end|>", TRUTH, 2 / 3, 0.0, 0.0),
    ],
)
def test_verl_scores(written, truth, score, abstained, kept_format):
    found = verl.compute_score("russian-rag", written, truth, {"question": "?"}, num_turns=1)
    assert set(found) == {"score", "em", "f1", "em_lemma", "f1_lemma", "abstained", "format"}
    assert (found["abstained"], found["format"]) == (abstained, kept_format)
    if "<|" not in written:
        assert found["score"] == pytest.approx(score)


def test_gold_of_other_shapes():
    assert Gold.parse("1642 м") == Gold(("1642 м",))
    assert Gold.parse(GOLD) == Gold(tuple(GOLD))
    assert Gold.parse({"target": "1642 м"}) == Gold(("1642 м",))
    assert Gold.parse({"target": None, "answerable": False}) == Gold((), answerable=False)
    with pytest.raises(TypeError, match="expected gold answers"):
        Gold.parse(1642)
    with pytest.raises(ValueError, match="undefined without gold answers"):
        judge("1642 м", Gold(()))


def test_search_r1_scores_as_its_manager_calls():
    prompt = search_prompt("Какова глубина Байкала?", no_answer=NO_ANSWER)
    found = "<search>Байкал</search><information>1642 м</information>"
    score = lambda rollout, truth=TRUTH: search_r1.compute_score(  # noqa: E731
        solution_str=prompt + rollout, ground_truth=truth, format_score=0.1
    )
    assert score(f"{found}<answer>1642 метрам</answer>") == 1.0
    assert score(f"{found}<answer>636 км</answer>") == 0.1
    assert score(found) == 0.0
    assert score("") == 0.0
    assert score(f"<answer>{NO_ANSWER}</answer>", NONE) == 1.0
    assert score(found, NONE) == 0.0


def test_openrlhf_scores_a_batch():
    torch = pytest.importorskip("torch", reason="torch of the extra hf is not installed")
    from evals.rewards.openrlhf import reward_func

    prompts = ["Вопрос: глубина?\nОтвет: "] * 2
    labels = [json.dumps(TRUTH, ensure_ascii=False), json.dumps(NONE)]
    found = reward_func([prompts[0] + "1642 м", prompts[1] + "два"], prompts, labels)
    assert found["rewards"].tolist() == found["scores"].tolist() == [1.0, 0.0]
    assert found["rewards"].dtype == torch.float32
    assert found["extra_logs"]["em"].tolist() == [1.0, 0.0]
    assert found["extra_logs"]["abstained"].tolist() == [0.0, 0.0]
    ended = reward_func([f"<pad>{prompts[0]}1642 м<|im_end|><|endoftext|>"], prompts[:1], labels[:1])
    assert ended["extra_logs"]["em"].tolist() == [1.0]
    with pytest.raises(ValueError, match="begins with its prompt"):
        reward_func(["1642 м"], prompts[:1], labels[:1])
