"""From the files a person writes to the three sets: compose, apply the verdicts, write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.dataset import write_questions
from evals.multistep.compose import Composer, Draft
from evals.multistep.facts import Entities, read_entities
from evals.multistep.templates import read_templates
from evals.multistep.verdicts import Decision, Judged, apply, read_verdicts
from retrievers.errors import InputError

FACTS, TEMPLATES, VERDICTS = "facts.toml", "templates.toml", "verdicts.jsonl"
SETS = ("two_step", "follow_ups", "unanswerable")


@dataclass(frozen=True, slots=True)
class Built:
    """The sets as the files make them.

    Args:
        entities: what they were composed of.
        judged: by set.
    """

    entities: Entities
    judged: Mapping[str, Judged]

    @property
    def drafts(self) -> list[Draft]:
        """Questions of all sets."""
        return [draft for name in SETS for draft in self.judged[name].drafts]

    @property
    def unread(self) -> list[Draft]:
        """Composed questions of all sets that nobody has read."""
        return [draft for name in SETS for draft in self.judged[name].unread]


def build(folder: Path) -> Built:
    """Compose the sets of a folder's facts and templates, and apply its verdicts.

    Raises:
        InputError: a file is missing or wrong, or a verdict belongs to no question that is composed.
    """
    entities = read_entities(folder / FACTS)
    composer = Composer(entities, read_templates(folder / TEMPLATES))
    composed = {
        "two_step": composer.two_step(),
        "follow_ups": composer.follow_ups(),
        "unanswerable": composer.unanswerable(),
    }
    verdicts = read_verdicts(folder / VERDICTS)
    known = {draft.question.qid for drafts in composed.values() for draft in drafts}
    if foreign := sorted(verdicts.keys() - known):
        raise InputError(f"{folder / VERDICTS}: verdicts on questions that are not composed: {', '.join(foreign[:5])}")
    return Built(entities, {name: apply(drafts, verdicts) for name, drafts in composed.items()})


def write_sets(built: Built, out: Path) -> None:
    """Write ``two_step.jsonl``, ``follow_ups.jsonl`` and ``unanswerable.jsonl``."""
    for name in SETS:
        write_questions(out / f"{name}.jsonl", [draft.question for draft in built.judged[name].drafts])


def count(judged: Judged) -> dict[str, dict[str, int]]:
    """How many questions were composed, kept, reworded and dropped, why, and how many of what kind there are.

    Returns:
        Counts by heading: ``verdicts``, ``dropped``, ``reworded``, ``kinds``, ``relations``, ``splits``.
    """
    decisions = list(judged.decisions.values())
    verdicts = Counter(verdict.verdict.value for verdict in decisions)
    reasons: dict[Decision, Counter[str]] = {Decision.DROPPED: Counter(), Decision.REWORDED: Counter()}
    for verdict in decisions:
        if verdict.verdict in reasons:
            reasons[verdict.verdict][verdict.reason] += 1
    return {
        "verdicts": {"composed": len(decisions) + len(judged.unread), **{one: verdicts[one] for one in Decision}},
        "reworded": _ordered(reasons[Decision.REWORDED]),
        "dropped": _ordered(reasons[Decision.DROPPED]),
        "kinds": _ordered(Counter(str(draft.kind) for draft in judged.drafts)),
        "relations": _ordered(Counter(draft.relations[-1] for draft in judged.drafts)),
        "splits": _ordered(Counter(_split(draft) for draft in judged.drafts)),
    }


def differing(folder: Path, other: Path) -> Sequence[str]:
    """Names of the sets whose files in two folders are not the same, byte for byte."""
    return [name for name in SETS if _bytes(folder / f"{name}.jsonl") != _bytes(other / f"{name}.jsonl")]


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _split(draft: Draft) -> str:
    return draft.question.qid.split("-")[1]


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
