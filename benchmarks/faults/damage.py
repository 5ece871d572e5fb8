"""Every file of an index damaged: what it answers then, whether ``verify`` tells, what ``repair`` makes of it."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.faults.forked import Outcome, run_forked
from benchmarks.faults.state import MADE_UP, contents_of, doc_ids, embeddings_of
from rag.index import repair_index, verify_index

_SECONDS = 300.0
_PAGE = 4096  # bytes that a disk loses together
# Files whose contents nothing depends on, or that their engine changes whenever it reads them. The graph of a small
# segment is such a file too: it is made anew whenever it is opened.
_UNRECORDED = re.compile(r"^\.lock$|^segments/[^/]+/chroma/")


class Damage(StrEnum):
    """What happens to a file."""

    REMOVED = "removed"
    EMPTIED = "emptied"
    HALVED = "cut in half"
    SHORTENED = "a byte short"
    ZEROED = "a page of zeros"
    FLIPPED = "a bit flipped"


@dataclass(frozen=True, slots=True)
class Hurt:
    """A damage to a file.

    Args:
        file: path relative to the index.
        damage: what happened.
        at: offset of the first byte of FLIPPED and ZEROED.
    """

    file: str
    damage: Damage
    at: int = 0

    def inflict(self, directory: Path) -> None:
        """Do it."""
        path = directory / self.file
        content = bytearray(path.read_bytes())
        match self.damage:
            case Damage.REMOVED:
                path.unlink()
                return
            case Damage.EMPTIED:
                content.clear()
            case Damage.HALVED:
                del content[len(content) // 2 :]
            case Damage.SHORTENED:
                del content[-1:]
            case Damage.ZEROED:
                content[self.at : self.at + _PAGE] = bytes(len(content[self.at : self.at + _PAGE]))
            case Damage.FLIPPED:
                content[self.at] ^= 1 << (self.at % 8)
        path.write_bytes(content)

    def __str__(self) -> str:
        return f"{self.file}, {self.damage}" + (f" at {self.at}" if self.damage is Damage.FLIPPED else "")


def hurts(directory: Path, flips: int) -> Iterator[Hurt]:
    """Every damage to every file of an index, with so many flipped bits a file, the first bytes among them."""
    for path in sorted(path for path in directory.rglob("*") if path.is_file()):
        name, size = path.relative_to(directory).as_posix(), path.stat().st_size
        yield Hurt(name, Damage.REMOVED)
        if not size:
            continue
        yield from (Hurt(name, damage) for damage in (Damage.EMPTIED, Damage.HALVED, Damage.SHORTENED))
        if size > _PAGE:
            yield Hurt(name, Damage.ZEROED, size // 2 // _PAGE * _PAGE)
        offsets = {int(at) for at in np.linspace(0, size - 1, flips)} | {min(9, size - 1)}
        yield from (Hurt(name, Damage.FLIPPED, at) for at in sorted(offsets))


@dataclass(frozen=True, slots=True)
class Sound:
    """An index as it is before it is damaged.

    Args:
        directory: of the index, which is copied for every damage.
        work: folder for the copies.
        state: digest of what it says.
        doc_ids: of its documents.
    """

    directory: Path
    work: Path
    state: str
    doc_ids: list[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Healing:
    """What came of a damage.

    Args:
        hurt: the damage.
        answers: ``as before``, ``refuses`` or ``otherwise``.
        told: whether ``verify`` names the file.
        lost: how many documents ``repair`` had to name as lost.
        violations: everything that must not be.
    """

    hurt: Hurt
    answers: str
    told: bool
    lost: int
    violations: list[str]


def sound_index(prepare: Callable[[Path], None], work: Path) -> Sound:
    """Build the index that is damaged.

    Raises:
        RuntimeError: it cannot be built, or is not sound.
    """
    directory = work / "sound"
    work.mkdir(parents=True)

    def made() -> dict[str, Any]:
        prepare(directory)
        return {"state": contents_of(directory), "doc_ids": doc_ids(directory), "problems": _verify(directory)}

    outcome = run_forked(made, seconds=_SECONDS, errors=work / "stderr")
    if outcome.end != "returned" or outcome.value["problems"]:
        raise RuntimeError(f"the index is not sound before it is damaged: {outcome}")
    return Sound(directory, work, outcome.value["state"], outcome.value["doc_ids"])


def heal(sound: Sound, hurt: Hurt) -> Healing:
    """Damage a copy of an index, ask it, verify it and repair it, each in a process of its own."""
    directory = sound.work / "hurt"
    shutil.copytree(sound.directory, directory)
    try:
        hurt.inflict(directory)
        asked = _forked(sound, lambda: contents_of(directory))
        verified = _forked(sound, lambda: _verify(directory))
        answers, violations = _asked(sound, hurt, asked)
        told = _named(hurt, verified.message if verified.end == "raised" else "\n".join(verified.value or ()))
        violations += _verified(hurt, answers, verified, told=told)
        repaired = _forked(sound, lambda: _repair(directory, len(sound.doc_ids)))
        violations += _repaired(sound, repaired)
        lost = len(repaired.value["lost"]) if repaired.end == "returned" else 0
        return Healing(hurt, answers, told, lost, violations)
    finally:
        shutil.rmtree(directory)


@dataclass(slots=True)
class Wounds:
    """All damages to an index, summed up by file."""

    _healed: dict[str, list[Healing]] = field(default_factory=dict)

    def take(self, sound: Sound, hurt: Hurt) -> None:
        """Inflict a damage and count what came of it; files whose names are made up anew count together."""
        self._healed.setdefault(MADE_UP.sub("*", hurt.file), []).append(heal(sound, hurt))

    @property
    def tried(self) -> int:
        """Number of damages."""
        return sum(map(len, self._healed.values()))

    @property
    def violations(self) -> list[str]:
        """Everything that must not be, a line each."""
        every = (healing for healed in self._healed.values() for healing in healed)
        return [f"{healing.hurt}: {violation}" for healing in every for violation in healing.violations]

    def rows(self) -> Iterator[tuple[str, list[int]]]:
        """Each file with its counts: damages, the three kinds of answers, told by verify, documents lost, violated."""
        for file, healed in self._healed.items():
            answers = [healing.answers for healing in healed]
            yield (
                file,
                [
                    len(healed),
                    *(answers.count(answer) for answer in ("as before", "refuses", "otherwise")),
                    sum(healing.told for healing in healed),
                    sum(healing.lost > 0 for healing in healed),
                    sum(bool(healing.violations) for healing in healed),
                ],
            )


def _verify(directory: Path) -> list[str]:
    return [problem.message for problem in verify_index(directory, embeddings=embeddings_of(directory))]


def _repair(directory: Path, of: int) -> dict[str, Any]:
    """Repair an index of so many documents, without those that are lost unless all are."""
    first = repair_index(directory, embeddings=embeddings_of(directory))
    if len(first.lost) >= of:
        return {"lost": first.lost, "state": None, "doc_ids": [], "problems": []}
    if not first.finished:
        repair_index(directory, embeddings=embeddings_of(directory), drop_damaged=True)
    return {
        "lost": first.lost,
        "state": contents_of(directory),
        "doc_ids": doc_ids(directory),
        "problems": _verify(directory),
    }


def _asked(sound: Sound, hurt: Hurt, asked: Outcome) -> tuple[str, list[str]]:
    if asked.end == "raised" and "ToolkitError" in asked.error:
        folder = hurt.file.rpartition("/")[0]  # enough for who asks; the file itself is for verify to name
        return "refuses", [] if _named(hurt, asked.message) or (folder and folder in asked.message) else [
            f"the error does not name the file: {asked.message}"
        ]
    if asked.end != "returned":
        return "fails", [f"asking it {asked.end}: {asked.error[:1]} {asked.message}"]
    if asked.value == sound.state:
        return "as before", []
    kept_its_size = hurt.damage in {Damage.FLIPPED, Damage.ZEROED} or _UNRECORDED.match(hurt.file)
    return "otherwise", [] if kept_its_size else ["it answers otherwise, although a file has another size"]


def _verified(hurt: Hurt, answers: str, verified: Outcome, *, told: bool) -> list[str]:
    if verified.end != "returned" and "ToolkitError" not in verified.error:
        return [f"verify {verified.end}: {verified.error[:1]} {verified.message}"]
    if told or (answers == "as before" and _UNRECORDED.match(hurt.file)):
        return []
    return [f"verify does not name the file: {verified.message or verified.value}"]


def _repaired(sound: Sound, repaired: Outcome) -> list[str]:
    if repaired.end == "raised" and "has format" in repaired.message:
        return []  # of another version, for all that can be known
    if repaired.end != "returned":
        return [f"repair {repaired.end}: {repaired.error[:1]} {repaired.message}"]
    found = repaired.value
    wrong = [f"verify after repair: {problem}" for problem in found["problems"]]
    left = [doc_id for doc_id in sound.doc_ids if doc_id not in found["lost"]]
    if found["doc_ids"] != left:
        wrong.append(f"repair left {len(found['doc_ids'])} documents and named {len(found['lost'])} as lost")
    if not found["lost"] and _words(found["state"]) != _words(sound.state):
        wrong.append(f"after repair it says {found['state']}, before the damage {sound.state}")
    return wrong


def _named(hurt: Hurt, message: str) -> bool:
    """Whether a message tells which file it is, or for a store's own files, which folder."""
    store = re.match(r"segments/[^/]+/chroma", hurt.file)
    return hurt.file in message or bool(store and store[0] in message)


def _words(state: str) -> str:
    return state.split(" in ")[0]  # without the number of segments


def _forked(sound: Sound, function: Callable[[], Any]) -> Outcome:
    return run_forked(function, seconds=_SECONDS, errors=sound.work / "stderr")
