"""Sessions: what is remembered, where, and what happens when answering fails."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from generators.base import NO_ANSWER
from rag.agent.conversation import Conversation, HistoryOptions, Turn
from rag.agent.conversation.turns import bounded
from rag.answer import Answer, Context
from retrievers.errors import InputError

KNOWN = {
    "Кто написал роман «Война и мир»?": "Лев Толстой",
    "Когда родился Лев Толстой?": "в 1828 году",
    "Какова глубина Байкала?": "1642 м",
}


def answer(question: str) -> Answer:
    """A chain of three questions; a passage stands for everything a real answer carries."""
    contexts = (Context("x_0", "x", "Заглавие", "Текст", {"bm25": 1.0}),)
    if question == "Сбой?":
        raise InputError("не вышло")
    if question not in KNOWN:
        return Answer(question, NO_ANSWER, abstained=True, contexts=contexts)
    return Answer(question, KNOWN[question], confidence=0.9, contexts=contexts)


def test_a_follow_up_is_answered_in_its_standalone_form() -> None:
    conversation = Conversation(answer)
    assert conversation.ask("Кто написал роман «Война и мир»?").answer.answer == "Лев Толстой"
    reply = conversation.ask("А когда он родился?")
    assert reply.rewriting.question == "А когда он родился?"
    assert reply.answer.question == "Когда родился Лев Толстой?"
    assert reply.answer.answer == "в 1828 году"
    assert reply.answer.contexts[0].scores == {"bm25": 1.0}
    assert conversation.history() == [
        Turn(question="Кто написал роман «Война и мир»?", answer="Лев Толстой"),
        Turn(question="Когда родился Лев Толстой?", answer="в 1828 году"),
    ]


def test_threads_know_nothing_of_each_other() -> None:
    conversation = Conversation(answer)
    conversation.ask("Кто написал роман «Война и мир»?", thread="первый")
    assert not conversation.ask("А когда он родился?", thread="второй").rewriting.changed
    assert conversation.ask("А когда он родился?", thread="первый").rewriting.changed
    conversation.forget("первый")
    assert conversation.history("первый") == []
    assert len(conversation.history("второй")) == 1


def test_what_could_not_be_answered_is_remembered_as_asked() -> None:
    conversation = Conversation(answer)
    conversation.ask("Где находится Эльбрус?")
    assert conversation.history() == [Turn(question="Где находится Эльбрус?", answer="")]


def test_a_failure_leaves_the_thread_as_it_was() -> None:
    conversation = Conversation(answer)
    conversation.ask("Кто написал роман «Война и мир»?")
    with pytest.raises(InputError, match="не вышло"):
        conversation.ask("Сбой?")
    assert len(conversation.history()) == 1
    assert conversation.ask("А когда он родился?").answer.answer == "в 1828 году"


def test_history_is_bounded() -> None:
    conversation = Conversation(answer, options=HistoryOptions(turns=2))
    for _ in range(5):
        conversation.ask("Какова глубина Байкала?")
    assert len(conversation.history()) == 2


@pytest.mark.parametrize(
    ("lengths", "characters", "kept"),
    [([100, 100, 100], 1000, 3), ([150, 100, 100], 250, 2), ([10, 5000], 300, 1), ([10, 300, 10], 200, 1)],
)
def test_the_latest_turns_that_fit_are_kept(lengths: list[int], characters: int, kept: int) -> None:
    turns = [Turn(question="в" * (length // 2), answer="о" * (length - length // 2)) for length in lengths]
    found = bounded(turns, HistoryOptions(characters=characters))
    assert len(found) == kept
    assert sum(len(turn.question) + len(turn.answer) for turn in found) <= characters
    assert found[-1].question == turns[-1].question[: len(found[-1].question)]


def test_a_checkpoint_holds_plain_data_once_a_turn() -> None:
    saver = InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
    conversation = Conversation(answer, saver=saver)
    for _ in range(3):
        conversation.ask("Какова глубина Байкала?")
    stored = list(saver.list({"configurable": {"thread_id": "main"}}))
    assert len(stored) == 3
    assert set(stored[0].checkpoint["channel_values"]) == {"history"}
    assert all(kind in {"msgpack", "empty"} for kind, _ in saver.blobs.values())
    assert b"Answer" not in b"".join(content for _, content in saver.blobs.values())


def test_rows_that_are_no_turns_are_left_out() -> None:
    saver = InMemorySaver()
    conversation = Conversation(answer, saver=saver)
    conversation.ask("Кто написал роман «Война и мир»?")
    config = {"configurable": {"thread_id": "main"}}
    rows = [{"question": 5}, {"question": "Какова глубина Байкала?", "answer": "1642 м"}, {"x": "y"}]
    conversation._graph.update_state(config, {"history": rows}, as_node="remember")
    assert conversation.history() == [Turn(question="Какова глубина Байкала?", answer="1642 м")]


def test_questions_of_one_thread_wait_for_each_other() -> None:
    inside, most = [], []

    def slow(question: str) -> Answer:
        inside.append(question)
        most.append(len(inside))
        released.wait(0.05)
        inside.pop()
        return Answer(question, "да")

    released = threading.Event()
    conversation = Conversation(slow)
    threads = [threading.Thread(target=conversation.ask, args=("Какова глубина Байкала?",)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4
    assert len(conversation.history()) == 4


def test_a_session_on_disk_survives_its_process(tmp_path: Path) -> None:
    sqlite = pytest.importorskip(
        "langgraph.checkpoint.sqlite", reason="the package langgraph-checkpoint-sqlite is not installed"
    )
    path = str(tmp_path / "sessions.sqlite")
    with sqlite.SqliteSaver.from_conn_string(path) as saver:
        Conversation(answer, saver=saver).ask("Кто написал роман «Война и мир»?", thread="вечер")
    with sqlite.SqliteSaver.from_conn_string(path) as saver:
        again = Conversation(answer, saver=saver)
        assert again.ask("А когда он родился?", thread="вечер").answer.answer == "в 1828 году"
        assert len(again.history("вечер")) == 2
