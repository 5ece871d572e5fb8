"""What the agent brings: what of it is kept, and what of it is told."""

from __future__ import annotations

import pytest
from langchain_core.language_models import FakeListLLM

from rag.agent.agent import AgentResult
from rag.agent.budget import Spent, StopReason
from rag.agent.plan import Plan
from rag.agent.planning.model import ModelPlanner
from rag.agent.trace import AgentTrace
from rag.answer import Answer
from rag.serve.answers.answering import answer
from rag.serve.answers.reading import Query
from rag.serve.answers.searching import Search
from rag.serve.snapshots import Snapshot
from rag.serve.work import Job

QUESTION = "В каком году родился автор романа «Солярис»?"
SECRET = "http://10.0.0.7:8080 knows no model 'внутренняя'"


class Agent:
    """Ends as it is told to."""

    def __init__(self, plan, stop, failure):
        self.plan, self.stop, self.failure = plan, stop, failure

    def steps(self, question, config=None, *, filter=None, cancel=None):
        yield self.plan
        trace = AgentTrace(question=question, plan=self.plan, stop=self.stop, spent=Spent(), failure=self.failure)
        yield AgentResult(Answer(question, "1921", confidence=0.5), trace)


class Asked(Snapshot):
    """A snapshot with an agent of the test's own."""

    ends: Agent

    def agent(self, *_):
        return self.ends


@pytest.fixture
def ask(make_service):
    services = []

    def asked(agent):
        def wrap(first):
            snapshot = Asked(first.index, first.profile)
            snapshot.ends = agent
            return snapshot

        service = make_service(wrap=wrap)
        services.append(service)
        told = []
        return service, answer(service, Query(Search(QUESTION), agent=True), Job(), told.append), told

    yield asked
    for one in services:
        one._close()


@pytest.mark.parametrize("stop", StopReason)
def test_only_what_would_come_out_the_same_is_kept(ask, stop):
    service, _, _ = ask(Agent(Plan.single(QUESTION), stop, ""))
    passing = {StopReason.CANCELLED, StopReason.MODEL_FAILED, StopReason.SECONDS, StopReason.TOKENS}
    assert len(service.answers) == (stop not in passing)


def test_what_a_models_server_said_is_for_the_log(ask, caplog):
    planner = ModelPlanner(FakeListLLM(responses=["не план"]))
    noted = planner._degraded(planner.fallback.plan(QUESTION, None), SECRET)
    assert SECRET in noted.note
    _, reply, told = ask(Agent(noted, StopReason.MODEL_FAILED, SECRET))
    assert reply.trace.stop is StopReason.MODEL_FAILED
    assert reply.trace.plan.sub_questions == noted.sub_questions
    shown = reply.model_dump_json() + "".join(event.encoded().decode() for event in told)
    assert "the model gave no plan" in shown
    assert "10.0.0.7" not in shown
    assert [SECRET in message for message in caplog.messages] == [True, True]
