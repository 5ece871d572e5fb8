from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from retrievers.joint.model import Passage  # noqa: E402
from training.joint.batches import Featurizer  # noqa: E402
from training.joint.cases import Candidate, Case  # noqa: E402
from training.joint.fitting import FitOptions, fit, measure  # noqa: E402
from training.joint.network import NetworkOptions, build_network, joint_loss  # noqa: E402

SMALL = NetworkOptions(width=32, layers=1, heads=2, inner=32, span=6, dropout=0.0, word_dropout=0.0)
PEOPLE = {
    "мост": "Пётр Орлов", "маяк": "Анна Лебедева", "театр": "Иван Соколов", "вокзал": "Мария Зайцева",
    "музей": "Сергей Павлов", "собор": "Ольга Волкова", "завод": "Игорь Крылов", "парк": "Нина Громова",
}  # fmt: skip


def cases() -> list[Case]:
    found = []
    for thing, person in PEOPLE.items():
        texts = {name: f"Старый {name} построил {own} в 1850 году." for name, own in PEOPLE.items()}
        wrong = tuple(Candidate(Passage(name, text), False) for name, text in texts.items() if name != thing)
        right = Candidate(Passage(thing, texts[thing]), True, texts[thing].index(person), thing)
        found.append(Case("toy", f"Кто построил {thing}?", (person,), thing, right, (*wrong, right), (thing,)))
    return found


def test_the_loss_is_what_it_says() -> None:
    """Two questions: one with two passages, one with one; computed by hand."""
    spans = torch.zeros(3, 2, 1)
    spans[0, 0, 0] = 2.0
    targets = torch.zeros(3, 2, 1)
    targets[0, 0, 0] = 1.0
    relevance = torch.tensor([1.0, 0.0, 0.0])
    loss = joint_loss(relevance, spans, torch.tensor([0, 0, 1]), torch.tensor([1.0, 0.0, 0.0]), targets)
    exp = torch.exp(torch.tensor(2.0))
    assert loss.spans.item() == pytest.approx(-torch.log(exp / (exp + 3)).item(), abs=1e-5)
    assert loss.ranking.item() == pytest.approx(-torch.log(torch.sigmoid(torch.tensor(1.0))).item(), abs=1e-5)


def test_spans_stay_inside_the_passage() -> None:
    network = build_network(SMALL).eval()
    featurizer = Featurizer(SMALL.span)
    case = cases()[0]
    assert case.gold is not None
    pair = featurizer.pair(case.question, case.answers, case.gold)
    _, spans = network(*featurizer.batch([[pair]]).inputs)
    count = len(pair.lemmas)
    for first in range(count):
        for length in range(SMALL.span):
            inside = first >= pair.offset and first + length < count
            assert (spans[0, first, length].item() > -5e3) == inside


def test_it_learns_to_read_and_to_rank() -> None:
    network, featurizer, questions = build_network(SMALL), Featurizer(SMALL.span), cases()
    before = measure(network, questions, featurizer)
    fit(network, questions, featurizer, FitOptions(epochs=40, learning_rate=3e-3, wrong=2))
    after = measure(network, questions, featurizer)
    assert after.exact is not None
    assert after.document_hit is not None
    assert before.exact is not None
    assert after.exact >= 0.9 > before.exact
    assert after.document_hit >= 0.9
