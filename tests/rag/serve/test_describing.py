"""The description of the API: every refusal in one shape, every example one that the route takes."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")

from rag.serve.describing import ErrorReply, problems
from rag.serve.problems import Code, Problem

ANSWERING = ["/api/search", "/api/answer", "/v1/chat/completions", "/retrieve"]


@pytest.fixture
def described(shared_client):
    return shared_client.get("/openapi.json").json()


def test_the_codes_of_a_status_are_named():
    found = problems(Code.UNUSABLE_QUESTION, Code.CHUNKS_GONE)
    assert found[422]["description"] == "`unusable_question`, `invalid_request`"
    assert found[409]["description"] == "`chunks_gone`"
    assert {400, 401, 413, 429, 500, 503, 504} <= set(found)
    assert 429 not in problems(works=False)


def test_a_problem_has_the_shape_that_is_described():
    body = Problem(Code.BUSY, "too many requests", retry_after=1).body()
    assert ErrorReply.model_validate(body).model_dump(mode="json") == body


@pytest.mark.parametrize("path", ANSWERING)
def test_every_refusal_is_described_in_one_shape(described, path):
    responses = described["paths"][path]["post"]["responses"]
    assert {"200", "400", "401", "413", "422", "429", "500", "503", "504"} <= set(responses)
    for status, response in responses.items():
        if status != "200":
            schema = response["content"]["application/json"]["schema"]
            assert schema == {"$ref": "#/components/schemas/ErrorReply"}


@pytest.mark.parametrize("path", ANSWERING)
def test_every_example_is_answered(described, shared_client, path):
    reference = described["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    examples = described["components"]["schemas"][reference.rsplit("/", 1)[1]]["examples"]
    assert examples
    for example in examples:
        assert shared_client.post(path, json=example).status_code == 200


@pytest.mark.parametrize("path", ["/api/answer", "/v1/chat/completions"])
def test_answers_come_whole_or_as_events(described, path):
    content = described["paths"][path]["post"]["responses"]["200"]["content"]
    assert set(content) == {"application/json", "text/event-stream"}
    assert "$ref" in content["application/json"]["schema"]
