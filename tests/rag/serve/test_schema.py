"""The service against its own description: requests made from it never fail it, and answers are as it says."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
pytest.importorskip("schemathesis", reason="schemathesis of the extra test is not installed")

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# Enough to find what is wrong again and again; each takes as long as the service takes to answer.
SETTINGS = settings(
    max_examples=15,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def operations(make_service, server_of) -> Iterator[list[Any]]:
    with server_of(make_service()) as address:
        schema = schemathesis.openapi.from_url(f"{address}/openapi.json")
        yield [result.ok() for result in schema.get_all_operations()]


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_requests_made_from_the_description(operations, mode):
    tried = []
    for operation in operations:

        @SETTINGS
        @given(case=operation.as_strategy(generation_mode=mode))
        def hold(case: Any) -> None:
            tried.append(case.operation.label)
            case.call_and_validate(checks=CHECKS)

        with contextlib.suppress(Unsatisfiable):  # an operation that takes nothing cannot be asked wrongly
            hold()
    assert {"POST /api/search", "POST /api/answer", "POST /api/documents", "POST /api/feedback"} <= set(tried)
