"""Options of query expansion, as a profile sets them."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from retrievers.expansion.feedback import FeedbackOptions
from retrievers.expansion.screening import ScreeningOptions


class ExpansionKind(StrEnum):
    """What is searched with beside the question.

    FEEDBACK: words of the first hits. SYNONYMS: names from a data file. ENTITIES: nothing, but hits with the question's
    names come first. MULTI_QUERY: rewrites by a language model. HYDE, QUERY2DOC: a passage by a language model, for the
    dense or the lexical leg.
    """

    NONE = "none"
    FEEDBACK = "feedback"
    SYNONYMS = "synonyms"
    ENTITIES = "entities"
    MULTI_QUERY = "multi-query"
    HYDE = "hyde"
    QUERY2DOC = "query2doc"

    @property
    def needs_writer(self) -> bool:
        """Whether a language model has to write something."""
        return self in {ExpansionKind.MULTI_QUERY, ExpansionKind.HYDE, ExpansionKind.QUERY2DOC}


class ExpansionOptions(BaseModel):
    """How questions are expanded before they are searched with.

    Args:
        kind: the method.
        feedback: of FEEDBACK, how much of the first hits is taken.
        synonyms: of SYNONYMS, path of a file in place of the shipped one.
        synonym_weight: of SYNONYMS, weight of each word of another name.
        entity_boost: of ENTITIES, what holding all names is worth, in parts of the best hit's score.
        rewrites: of MULTI_QUERY, how many are asked for.
        question_weight: of MULTI_QUERY, weight of the question's own ranking beside a rewrite's.
        screening: of MULTI_QUERY, how like the question a rewrite must be.
        passages: of HYDE, how many are asked for.
        repetitions: of QUERY2DOC, how often the question stands in the query.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ExpansionKind = ExpansionKind.NONE
    feedback: FeedbackOptions = FeedbackOptions()
    synonyms: str | None = None
    synonym_weight: float = Field(default=0.5, gt=0.0)
    entity_boost: float = Field(default=0.5, ge=0.0)
    rewrites: int = Field(default=3, ge=1, le=5)
    question_weight: float = Field(default=2.0, gt=0.0)
    screening: ScreeningOptions = ScreeningOptions()
    passages: int = Field(default=1, ge=1, le=10)
    repetitions: int = Field(default=5, ge=1, le=20)
