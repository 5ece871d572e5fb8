"""Planners: what takes a question apart into sub-questions, by rules over its syntax or with a language model."""

from rag.agent.planning.model import ModelPlanner
from rag.agent.planning.rules import RulePlanner

__all__ = ["ModelPlanner", "RulePlanner"]
