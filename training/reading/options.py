"""Options of training a span reader, beside those that every training has."""

from __future__ import annotations

from pydantic import Field

from training.finetune.options import TrainingOptions
from training.reading.batches import RelevanceLoss

# What a reader wants otherwise than TrainingOptions has it: a row of a batch is a question with several passages.
DEFAULTS = {"batch_size": 8, "epochs": 2.0, "learning_rate": 3e-5, "metric": "f1"}
NO_FLAG = ("keep_adapter",)  # the heads are new, so an adapter without them reads nothing


class ReaderOptions(TrainingOptions):
    """Options of ``python -m training.reader``; each field is a flag."""

    relevance_weight: float = Field(default=1.0, ge=0, description="weight of the relevance in the loss; the answer's "
                                    "place weighs 1")  # fmt: skip
    relevance_loss: RelevanceLoss = Field(default=RelevanceLoss.LISTWISE, description="listwise ranks a question's "
                                          "passages against each other; bce judges each for itself, so that scores are "
                                          "log-odds, comparable between questions")  # fmt: skip
    null_weight: float = Field(default=1.0, ge=0, description="weight of «no answer» in the loss, where there is none: "
                               "in the passages beside a row's own, and in rows of label 0")  # fmt: skip
    negatives: int = Field(default=3, ge=0, description="passages beside a row's own that a question is trained with: "
                           "its negatives, then passages of other rows")  # fmt: skip
    eval_negatives: int = Field(default=9, ge=0, description="the same in the evaluation")
    windows: int = Field(default=3, ge=1, description="windows of a passage that training sees; those with an answer "
                         "come first")  # fmt: skip
    stride: int | None = Field(default=None, ge=0, description="tokens that two windows of a passage share; unset: a "
                               "quarter of --max-length, 96 at most")  # fmt: skip
    max_question: int | None = Field(default=None, ge=4, description="tokens of a question, the rest is cut off; "
                                     "unset: a quarter of --max-length, 64 at most")  # fmt: skip
    max_answer: int = Field(default=30, ge=1, description="tokens of an answer")
    eval_limit: int | None = Field(default=None, ge=1, description="rows of the evaluation, drawn at random")
