"""What a machine can check of facts and questions against the pages."""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from evals.dataset import Question
from evals.multistep.compose import Draft
from evals.multistep.facts import Entities, Entity, Fact, Gap, answers_of, page_of
from evals.multistep.pages import Page, squeeze
from evals.multistep.templates import Construction
from evals.relevance import holds_answer
from retrievers.analysis import lemmas

Pages = Mapping[str, Page]


def check_facts(entities: Entities, pages: Pages) -> Iterator[str]:
    """Every fact's page is there, is about its subject, and has a paragraph with both the evidence and an answer."""
    for name, entity in entities.items():
        if entity.page:
            yield from _check_page(name, entity, pages)
        for relation, fact in entity.facts.items():
            yield from _check_fact(f"{name}.facts.{relation}", entity, fact, answers_of(fact, entities), pages)


def check_gaps(entities: Entities, pages: Pages) -> Iterator[str]:
    """No paragraph could hold what is said to be missing."""
    for name, entity in entities.items():
        for label, gap in entity.gaps.items():
            for doc_id, paragraph in _candidates(entity, gap, pages):
                yield f"{name}.gaps.{label}: page {doc_id} may answer: «{paragraph[:200]}»"


def check_drafts(drafts: Sequence[Draft], entities: Entities) -> Iterator[str]:
    """Questions neither name the entity in between nor give their answer away, and none stands twice."""
    for draft in drafts:
        qid, text = draft.question.qid, squeeze(draft.question.question)
        for secret in draft.secrets:
            if _names(entities[secret], text):
                yield f"{qid}: names {secret!r}, which is to be found out"
        if draft.kind != Construction.COMPARISON and holds_answer(draft.question.question, draft.question.answers):
            yield f"{qid}: the answer stands in the question"
    yield from _duplicates(drafts)


def both_on_first_page(drafts: Iterable[Draft], pages: Pages) -> int:
    """How many two-step questions could be answered from their first page alone: the answer stands there too."""
    by_page: dict[str, list[Question]] = {}
    for draft in drafts:
        if draft.kind != Construction.COMPARISON:
            by_page.setdefault(draft.question.gold_doc_ids[0], []).append(draft.question)
    found = 0
    for doc_id, questions in by_page.items():
        page = f" {' '.join(lemmas(pages[doc_id].text))} "
        found += sum(
            any(f" {' '.join(lemmas(answer))} " in page for answer in question.answers) for question in questions
        )
    return found


def _check_page(name: str, entity: Entity, pages: Pages) -> Iterator[str]:
    if entity.page not in pages:
        yield f"{name}: page {entity.page} is not among the pages"
    elif not _names(entity, pages[entity.page].title) and not any(
        _names(entity, one) for one in pages[entity.page].paragraphs[:1]
    ):
        yield f"{name}: neither title nor first paragraph of page {entity.page} names it: it is about something else"


def _check_fact(where: str, entity: Entity, fact: Fact, answers: tuple[str, ...], pages: Pages) -> Iterator[str]:
    doc_id = page_of(fact, entity)
    if doc_id not in pages:
        yield f"{where}: page {doc_id} is not among the pages"
        return
    found = list(pages[doc_id].holding(fact.evidence))
    if not found:
        yield f"{where}: «{fact.evidence}» does not stand on page {doc_id}"
    elif not any(holds_answer(paragraph, answers) for paragraph in found):
        yield f"{where}: no paragraph of page {doc_id} holds both «{fact.evidence}» and an answer ({answers[0]})"
    elif doc_id != entity.page and not any(_names(entity, paragraph) for paragraph in found):
        yield f"{where}: the paragraph of page {doc_id} with «{fact.evidence}» does not name the subject"


def _candidates(entity: Entity, gap: Gap, pages: Pages) -> Iterator[tuple[str, str]]:
    """Paragraphs with all words of one of the strings: any on the entity's own page, elsewhere those naming it."""
    wanted = [squeeze(stems).split() for stems in gap.stems]
    for doc_id, page in pages.items():
        if not any(all(stem in page.text for stem in stems) for stems in wanted):
            continue
        for paragraph in page.paragraphs:
            could_answer = any(all(_begins(stem, paragraph) for stem in stems) for stems in wanted)
            if could_answer and (doc_id == entity.page or _names(entity, paragraph)):
                yield doc_id, paragraph


def _names(entity: Entity, folded: str) -> bool:
    return any(_begins(mention, folded) for mention in entity.mentions)


def _begins(start: str, folded: str) -> bool:
    """Whether some word of a folded text begins so; most texts are told apart without the pattern."""
    plain, pattern = _beginning(start)
    return plain in folded and pattern.search(folded) is not None


@functools.cache
def _beginning(start: str) -> tuple[str, re.Pattern[str]]:
    plain = squeeze(start)
    return plain, re.compile(rf"(?<!\w){re.escape(plain)}")


def _duplicates(drafts: Sequence[Draft]) -> Iterator[str]:
    """Questions with the same words, of those that are asked without a history; and repeated ids."""
    texts = Counter(squeeze(draft.question.question) for draft in drafts if not draft.question.history)
    ids = Counter(draft.question.qid for draft in drafts)
    for draft in drafts:
        if not draft.question.history and texts[squeeze(draft.question.question)] > 1:
            yield f"{draft.question.qid}: another question has the same words"
        if ids[draft.question.qid] > 1:
            yield f"{draft.question.qid}: the id stands twice"
