"""The prompt of a model that searches for itself: thoughts, queries and the answer in tags, as Search-R1 has them."""

from __future__ import annotations

from prompts.answer import fill, template
from prompts.fencing import as_line


def search_prompt(question: str, *, no_answer: str) -> str:
    """Instruction and question, without any passage: the model asks for them in ``<search>`` tags.

    The tags are those of Search-R1 (Jin et al., 2025, arXiv:2503.09516): ``<think>``, ``<search>``, ``<information>``
    for what the search brought, ``<answer>``. Where they are explained they hold an ellipsis and no word, so that a
    reward that reads a whole sequence cannot take the explanation for an answer.

    Args:
        question: as asked.
        no_answer: what to say where the documents do not answer.
    """
    return fill(template("search-r1"), {"question": as_line(question), "no_answer": no_answer})
