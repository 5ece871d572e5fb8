"""The joint network in torch: relevance of a passage and scores of its spans in one forward pass.

Words enter as frozen navec vectors beside learned embeddings of their grammar and shape and the ways they meet the
other side (:mod:`retrievers.joint.inputs`). The body is QANet's block (Yu et al., 2018, arXiv:1804.09541) without its
position encoding: a depthwise convolution gives order and neighbourhood, self-attention reaches over question and
passage at once, a feed-forward layer follows. A span's score is the sum of its ends' scores and a bilinear term.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from retrievers.joint.inputs import MATCHES, PASSAGE
from retrievers.joint.tokens import SIZES

if TYPE_CHECKING:
    from torch import Tensor


class NetworkOptions(BaseModel):
    """Size of the network.

    Args:
        width: of the token states.
        layers: blocks.
        heads: of each attention; divides ``width``.
        inner: width of the feed-forward layers.
        kernel: tokens a convolution sees; odd.
        span: longest answer, tokens.
        dropout: of states; ``word_dropout`` of whole word vectors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    width: int = Field(default=128, ge=8)
    layers: int = Field(default=3, ge=1)
    heads: int = Field(default=4, ge=1)
    inner: int = Field(default=256, ge=8)
    kernel: int = Field(default=5, ge=1)
    span: int = Field(default=16, ge=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    word_dropout: float = Field(default=0.05, ge=0, lt=1)


def build_network(options: NetworkOptions, dimension: int = 300) -> Any:
    """A new network with random weights.

    Args:
        options: the size, kept as ``network.options``.
        dimension: of the word vectors.
    """
    return _network_class()(options, dimension)


@functools.cache
def _network_class() -> Any:
    """The class, made when torch is there to make it of."""
    import torch
    from torch import nn
    from torch.nn import functional

    class Block(nn.Module):
        """Convolution, attention and feed-forward, each on normalised states and added to them."""

        def __init__(self, options: NetworkOptions) -> None:
            super().__init__()
            width = options.width
            self.heads = options.heads
            self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(3))
            self.kernel = nn.Parameter(torch.randn(options.kernel, width) / options.kernel**0.5)
            self.pointwise = nn.Linear(width, width)
            self.attended = nn.Linear(width, 3 * width)
            self.joined = nn.Linear(width, width)
            self.wide = nn.Linear(width, options.inner)
            self.narrow = nn.Linear(options.inner, width)
            self.dropout = nn.Dropout(options.dropout)

        def forward(self, states: Tensor, mask: Tensor) -> Any:
            """States of shape (batch, n, width) to the same shape; ``mask`` (batch, n), float, 1 for tokens."""
            hidden = self.norms[0](states) * mask.unsqueeze(-1)
            states = states + self.dropout(functional.gelu(self.pointwise(self._convolve(hidden))))
            states = states + self.dropout(self._attend(self.norms[1](states), mask))
            return states + self.dropout(self.narrow(functional.gelu(self.wide(self.norms[2](states)))))

        def _convolve(self, hidden: Tensor) -> Any:
            """Depthwise convolution as a sum of shifted products: on a CPU many times faster than ``nn.Conv1d``."""
            reach, count = len(self.kernel) // 2, hidden.shape[1]
            padded = functional.pad(hidden, (0, 0, reach, reach))
            shifted = [padded[:, at : at + count] * weight for at, weight in enumerate(self.kernel)]
            return torch.stack(shifted).sum(0)

        def _attend(self, hidden: Tensor, mask: Tensor) -> Any:
            batch, count, width = hidden.shape
            parts = self.attended(hidden).view(batch, count, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
            bias = ((1.0 - mask) * -1e4)[:, None, None, :]
            joined = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], attn_mask=bias)
            return self.joined(joined.transpose(1, 2).reshape(batch, count, width))

    class JointNetwork(nn.Module):
        """Question and passage in, relevance and span scores out.

        Args:
            options: the size.
            dimension: of the word vectors.
        """

        def __init__(self, options: NetworkOptions, dimension: int = 300) -> None:
            super().__init__()
            self.options = options
            width = options.width
            sizes = [min(24, 4 + size // 8) for size in SIZES]
            self.embeddings = nn.ModuleList(nn.Embedding(size, part) for size, part in zip(SIZES, sizes, strict=True))
            self.segment = nn.Embedding(3, width)
            self.words = nn.Linear(dimension, width)
            self.rest = nn.Linear(sum(sizes) + len(MATCHES), width)
            self.first = nn.LayerNorm(width)
            self.blocks = nn.ModuleList(Block(options) for _ in range(options.layers))
            self.last = nn.LayerNorm(width)
            self.ends = nn.Linear(width, 2)
            self.left = nn.Linear(width, width // 2)
            self.right = nn.Linear(width, width // 2)
            self.length = nn.Parameter(torch.zeros(options.span))
            self.pooled = nn.Linear(3 * width, width)
            self.relevance = nn.Linear(width, 1)
            self.dropout = nn.Dropout(options.dropout)

        def forward(
            self, vectors: Tensor, matches: Tensor, categories: Tensor, segments: Tensor, mask: Tensor
        ) -> tuple[Tensor, Tensor]:
            """Scores of one batch; shapes of the inputs as :func:`retrievers.joint.inputs.stack` gives them.

            Returns:
                ``relevance`` (batch,), raw; ``spans`` (batch, n, span), raw: ``spans[b, i, l]`` of the ``l + 1`` tokens
                from ``i``, -1e4 where these leave the passage.
            """
            real = mask.to(vectors.dtype)
            if self.training and self.options.word_dropout:
                kept = torch.rand(vectors.shape[:2], device=vectors.device) >= self.options.word_dropout
                vectors = vectors * kept.unsqueeze(-1).to(vectors.dtype)
            parts = [embedding(categories[:, :, at]) for at, embedding in enumerate(self.embeddings)]
            states = self.words(vectors) + self.rest(torch.cat([*parts, matches], dim=-1)) + self.segment(segments)
            states = self.dropout(self.first(states))
            for block in self.blocks:
                states = block(states, real)
            states = self.last(states)
            readable = real * (segments == PASSAGE).to(real.dtype)
            return self._relevance(states, segments, real, readable), self._spans(states, readable)

        def _relevance(self, states: Tensor, segments: Tensor, real: Tensor, readable: Tensor) -> Any:
            asked = real * (segments == 0).to(real.dtype)
            question = (states * asked.unsqueeze(-1)).sum(1) / asked.sum(1, keepdim=True).clamp(min=1.0)
            mean = (states * readable.unsqueeze(-1)).sum(1) / readable.sum(1, keepdim=True).clamp(min=1.0)
            peak = (states + ((readable - 1.0) * 1e4).unsqueeze(-1)).amax(1) * readable.amax(1, keepdim=True)
            pooled = functional.gelu(self.pooled(self.dropout(torch.cat([question, mean, peak], dim=-1))))
            return self.relevance(pooled).squeeze(-1)

        def _spans(self, states: Tensor, readable: Tensor) -> Any:
            span, count = self.options.span, states.shape[1]
            ends = self.ends(states)
            left = self.left(states) / (self.options.width // 2) ** 0.5
            right = functional.pad(self.right(states), (0, 0, 0, span - 1))
            last = functional.pad(ends[:, :, 1], (0, span - 1))
            inside = functional.pad(readable, (0, span - 1))
            scores = []
            for length in range(span):
                stop = slice(length, length + count)
                score = ends[:, :, 0] + last[:, stop] + (left * right[:, stop]).sum(-1) + self.length[length]
                scores.append(score + (readable * inside[:, stop] - 1.0) * 1e4)
            return torch.stack(scores, dim=-1)

    return JointNetwork


@dataclass(frozen=True, slots=True)
class Loss:
    """Parts of the loss of one batch, each a mean over the questions it concerns."""

    spans: Tensor
    ranking: Tensor
    relevance: Tensor


def joint_loss(relevance: Tensor, spans: Tensor, groups: Tensor, relevant: Tensor, targets: Tensor) -> Loss:
    """Losses of a batch of whole groups, a group being the passages of one question.

    Spans compete over all passages of their question (shared normalisation: Clark and Gardner, 2018, arXiv:1710.10723)
    against a soft target; passages compete for relevance (ListNet: Cao et al., 2007) and are judged one by one, too.

    Args:
        relevance: shape (batch,).
        spans: shape (batch, n, span).
        groups: number of each pair's question, ascending from 0, shape (batch,).
        relevant: 1.0 or 0.0, shape (batch,).
        targets: what the spans' probabilities should be, shape (batch, n, span); sums to 1 over a group with an answer,
            to 0 over one without.
    """
    import torch
    from torch.nn import functional

    count = int(groups.max()) + 1
    flat = spans.flatten(1)
    own = torch.logsumexp(flat, dim=1)
    total = _group_logsumexp(own, groups, count)
    weight = torch.zeros(count, dtype=spans.dtype).index_add_(0, groups, targets.flatten(1).sum(1))
    span_loss = -(targets.flatten(1) * (flat - total[groups].unsqueeze(1))).sum() / weight.sum().clamp(min=1.0)
    normal = relevance - _group_logsumexp(relevance, groups, count)[groups]
    share = relevant / torch.zeros(count, dtype=spans.dtype).index_add_(0, groups, relevant).clamp(min=1.0)[groups]
    ranking = -(share * normal).sum() / share.sum().clamp(min=1.0)
    return Loss(span_loss, ranking, functional.binary_cross_entropy_with_logits(relevance, relevant))


def _group_logsumexp(values: Tensor, groups: Tensor, count: int) -> Tensor:
    """Log of the sum of exponents over each group, shape (count,)."""
    import torch

    peak = torch.full((count,), -torch.inf, dtype=values.dtype).scatter_reduce(0, groups, values.detach(), "amax")
    raised = torch.exp(values - peak[groups])
    return peak + torch.log(torch.zeros(count, dtype=values.dtype).index_add(0, groups, raised))
