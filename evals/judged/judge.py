"""The judge: ragas' metrics over an OpenAI-compatible server, asking in Russian."""

from __future__ import annotations

import math
import os
import warnings
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.embeddings import Embeddings

from evals.records import QuestionRecord
from prompts.judge import judge_prompts
from retrievers.errors import InputError, MissingExtraError

METRICS = ("faithfulness", "answer_relevancy", "context_precision", "context_recall")
# Attribute of a ragas metric that holds a prompt, and the task of ours that takes its place.
_PROMPTS = {
    "faithfulness": {"statement_generator_prompt": "statements", "nli_statement_prompt": "verdicts"},
    "answer_relevancy": {"prompt": "relevance"},
    "context_precision": {"prompt": "precision"},
    "context_recall": {"prompt": "recall"},
}


class NoJudgementError(Exception):
    """The judge gave nothing that a score could be computed from; the message is the reason, in a few words."""


@dataclass(frozen=True, slots=True)
class JudgeOptions:
    """Who judges.

    Args:
        base_url: an OpenAI-compatible server; its key comes from ``OPENAI_API_KEY``, a local server needs none.
        model: name of the model there.
        timeout: seconds a single request may take.
        max_tokens: longest judgement.
        seed: of the sampling, where the server knows one; the temperature is 0.
    """

    base_url: str
    model: str
    timeout: float = 300.0
    max_tokens: int = 1024
    seed: int = 0


Score = Callable[[QuestionRecord, Sequence[str]], Awaitable[float]]


def load_judge(options: JudgeOptions, metrics: Sequence[str], embeddings: Embeddings | None) -> dict[str, Score]:
    """A scoring function for each metric.

    Sources: Es, James, Espinosa-Anke and Schockaert, RAGAS: Automated Evaluation of Retrieval Augmented Generation
    (EACL 2024); the metrics are ragas' own, with our prompts in the place of its English ones.

    Args:
        options: the judge.
        metrics: of :data:`METRICS`.
        embeddings: compares questions for ``answer_relevancy``; the other metrics need none.

    Raises:
        MissingExtraError: ragas is not installed.
        InputError: the server does not answer, or does not know the model.
    """
    os.environ.setdefault("RAGAS_DO_NOT_TRACK", "true")  # before its import: it would report its use to a server
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            from openai import AsyncOpenAI
            from ragas.llms import llm_factory
            from ragas.metrics import collections
    except ImportError as error:
        raise MissingExtraError("judging answers through ragas", "judge") from error
    check_server(options)
    client = AsyncOpenAI(
        base_url=options.base_url, api_key=os.environ.get("OPENAI_API_KEY", "none"), timeout=options.timeout
    )
    llm = _checked(
        llm_factory(
            options.model,
            client=client,
            temperature=0.0,
            max_tokens=options.max_tokens,
            seed=options.seed,
        )
    )
    classes = {
        "faithfulness": lambda: collections.Faithfulness(llm=llm),
        "answer_relevancy": lambda: collections.AnswerRelevancy(llm=llm, embeddings=_ragas_embeddings(embeddings)),
        "context_precision": lambda: collections.ContextPrecisionWithReference(llm=llm),
        "context_recall": lambda: collections.ContextRecall(llm=llm),
    }
    return {name: _score(name, _in_russian(name, classes[name]())) for name in metrics}


def check_server(options: JudgeOptions) -> None:
    """Ask the server for its models.

    Raises:
        InputError: it does not answer, or lists models and the one asked for is none of them.
    """
    from openai import OpenAI, OpenAIError

    client = OpenAI(base_url=options.base_url, api_key=os.environ.get("OPENAI_API_KEY", "none"), timeout=10.0)
    try:
        known = [model.id for model in client.models.list()]
    except OpenAIError as error:
        raise InputError(
            f"no judge at {options.base_url} ({type(error).__name__}); start an OpenAI-compatible server there, or name"
            " another one with --base-url"
        ) from error
    if known and options.model not in known:
        raise InputError(f"{options.base_url} has no model {options.model!r}; it has {', '.join(known)}")


def _score(name: str, metric: Any) -> Score:
    async def score(record: QuestionRecord, passages: Sequence[str]) -> float:
        answer = record.answer.delivered if record.answer else ""
        inputs = {
            "user_input": record.question,
            "response": answer,
            "reference": next(iter(record.answers), ""),
            "retrieved_contexts": list(passages),
        }
        wanted = {
            "faithfulness": ("user_input", "response", "retrieved_contexts"),
            "answer_relevancy": ("user_input", "response"),
            "context_precision": ("user_input", "reference", "retrieved_contexts"),
            "context_recall": ("user_input", "reference", "retrieved_contexts"),
        }[name]
        try:
            value = float((await metric.ascore(**{key: inputs[key] for key in wanted})).value)
        except NoJudgementError:
            raise
        except Exception as error:
            raise _reason(error) from error
        if math.isnan(value):  # what ragas makes of a mean over nothing
            raise NoJudgementError("no number")
        return min(1.0, max(0.0, value))  # a mean of cosines may leave the range by rounding, or be negative

    return score


def _reason(error: Exception) -> NoJudgementError | InputError:
    """What an error means: this answer got no judgement, or no answer would get one.

    The second must not be written down as the first, or a server that went away leaves answers unjudged for good.
    """
    import openai

    chain = list(_chain(error))  # the client's own error is wrapped by what tries again
    cause = next((one for one in chain if isinstance(one, openai.OpenAIError)), chain[min(1, len(chain) - 1)])
    refused = (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError, openai.RateLimitError)
    gone = isinstance(cause, openai.APIConnectionError) and not isinstance(cause, openai.APITimeoutError)
    if gone or isinstance(cause, refused):
        return InputError(
            f"the judge stopped answering ({type(cause).__name__}); what it judged is kept: run the same command again"
        )
    return NoJudgementError(type(cause).__name__)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _in_russian(name: str, metric: Any) -> Any:
    """The same metric with the prompts of ``prompts/data/judge.toml``."""
    for attribute, task in _PROMPTS[name].items():
        prompt, ours = getattr(metric, attribute), judge_prompts()[task]
        schema = prompt.output_model.model_json_schema()
        prompt.language = "russian"
        prompt.to_string = lambda data, ours=ours, schema=schema: ours.render(data.model_dump(), schema)
    return metric


def _checked(llm: Any) -> Any:
    """A judge that never passes an empty judgement on: ragas would count some of them as zero."""
    from ragas.llms.base import InstructorBaseRagasLLM

    class Checked(InstructorBaseRagasLLM):  # type: ignore[misc]
        def generate(self, prompt: str, response_model: Any) -> Any:
            return _nonempty(llm.generate(prompt, response_model))

        async def agenerate(self, prompt: str, response_model: Any) -> Any:
            return _nonempty(await llm.agenerate(prompt, response_model))

    return Checked()


def _nonempty(output: Any) -> Any:
    for field, value in output:
        if value in ("", []):
            raise NoJudgementError(f"empty {field}")
    return output


def _ragas_embeddings(embeddings: Embeddings | None) -> Any:
    from ragas.embeddings.base import BaseRagasEmbedding

    if embeddings is None:
        raise InputError("answer_relevancy compares questions by an encoder; name an index that has one with --index")

    encoder = embeddings

    class Ours(BaseRagasEmbedding):  # type: ignore[misc]
        def embed_text(self, text: str, **kwargs: Any) -> list[float]:  # noqa: ARG002 - ragas' signature
            return encoder.embed_query(text)

        async def aembed_text(self, text: str, **kwargs: Any) -> list[float]:  # noqa: ARG002
            return await encoder.aembed_query(text)

    return Ours()
