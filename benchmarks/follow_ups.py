"""What rewriting follow-up questions gives, beside asking them as they are and as a person has rewritten them.

``python -m benchmarks.follow_ups --index DIR --questions benchmarks/data/follow_ups.jsonl``
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from evals.answers import token_f1
from evals.dataset import Question, read_questions
from evals.metrics import hit_at_k
from rag.agent.conversation import RuleRewriter, Turn
from rag.agent.finding import words_of
from rag.chain import RagChain, build_chain
from rag.command import run_command
from rag.index import open_index
from rag.profile import load_profile
from retrievers.analysis import fold, stop_words
from retrievers.documents import doc_id_of
from retrievers.errors import InputError


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.follow_ups", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE", help="with history and standalone")
    parser.add_argument("--profile", metavar="NAME", help="pipeline (default: the index's own)")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    questions = [one for one in read_questions(arguments.questions) if one.history and one.standalone]
    if not questions:
        raise InputError(f"{arguments.questions}: no question has a history and a standalone form")
    with open_index(arguments.index) as index:
        profile = load_profile(arguments.profile or index.manifest.profile, {"abstention": {"min_confidence": 0.0}})
        chain = build_chain(index, profile)
        rewriter = RuleRewriter()

        def rewritten(one: Question) -> str:
            history = [Turn(question=turn.question, answer=turn.answer) for turn in one.history]
            return rewriter.rewrite(one.question, history).standalone

        ways: dict[str, Callable[[Question], str]] = {
            "as asked": lambda one: one.question,
            "rewritten by rules": rewritten,
            "rewritten by a person": lambda one: one.standalone or one.question,
        }
        print(f"{len(questions)} follow-up questions")
        for name, word in ways.items():
            pairs = [(word(one), one) for one in questions]
            exact = statistics.mean(fold(text) == fold(one.standalone or "") for text, one in pairs)
            content = statistics.mean(_content(text) == _content(one.standalone or "") for text, one in pairs)
            scores = [_score(chain, text, one) for text, one in pairs]
            first, tenth, f1 = (statistics.mean(column) for column in zip(*scores, strict=True))
            print(
                f"{name:24} word for word {exact:.3f}  same content words {content:.3f}  "
                f"hit@1 {first:.3f}  hit@10 {tenth:.3f}  f1_lemma {f1:.3f}"
            )
    return 0


def _score(chain: RagChain, text: str, one: Question) -> tuple[float, float, float]:
    """Document hit@1 and hit@10, and lemma F1 of the answer."""
    found = chain.search(text).documents
    ranked = list(dict.fromkeys(map(doc_id_of, found)))
    answer = chain.read(text, found[: chain.k]).answer
    f1 = token_f1(answer, one.answers, lemmatize=True)
    return hit_at_k(ranked, one.gold_doc_ids, 1), hit_at_k(ranked, one.gold_doc_ids, 10), f1


def _content(text: str) -> frozenset[str]:
    return words_of(text) - stop_words()


if __name__ == "__main__":
    sys.exit(main())
