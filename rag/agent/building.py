"""The agent that a profile describes, over an index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from generators.options import GeneratorKind
from rag.agent.agent import QaAgent
from rag.agent.bridging import Bridge, TitleLinker
from rag.agent.checking import EvidenceCheck
from rag.agent.options import PlannerKind
from rag.chain import build_chain, searched_options
from retrievers.errors import InputError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseLanguageModel

    from generators.options import GeneratorOptions
    from rag.agent.conversation.rewriting import Rewriter
    from rag.agent.planner import Planner
    from rag.chain import RagChain
    from rag.index import Index
    from rag.profile import Profile


_PLAN_TOKENS = 512  # five sub-questions in Russian as JSON


def build_agent(index: Index, profile: Profile) -> QaAgent:
    """The agent over ``index`` as ``profile`` describes it. Models load on the first question.

    Raises:
        InputError: the profile asks a language model for plans and has none.
        MissingExtraError: a part needs packages that are not installed.
        ModelUnavailableError: a part needs weights that are not at hand.
        IndexMismatchError: the index was built for another encoder than the profile's.
    """
    from rag.abstention import load_calibration
    from rag.agent.ways import build_ways
    from rag.components import build_query_writer

    chain = build_chain(index, profile)
    options = profile.agent
    check = EvidenceCheck(
        analyzer=index.analyzer(),
        idf=index.idf,
        # Whether a step is answered is asked in all profiles, those that withhold nothing among them.
        min_confidence=load_calibration(profile.abstention.calibration).threshold,
        min_coverage=options.coverage,
    )
    model = language_model(chain)
    writer = build_query_writer(profile.generator, model) if model is not None else None
    return QaAgent(
        chain,
        build_planner(options.planner, profile.generator, model),
        check,
        bridge=Bridge(TitleLinker(lambda text, where: index.bm25().invoke(text, filter=where))),
        ways=build_ways(index, searched_options(profile), options, writer),
        options=options,
    )


def build_planner(
    kind: PlannerKind, generator: GeneratorOptions, model: BaseLanguageModel[Any] | None
) -> Planner | None:
    """The planner that ``kind`` names.

    Args:
        kind: which.
        generator: options that ``model`` was made from.
        model: the language model that reads; None where another generator does.

    Raises:
        InputError: a language model is asked for and there is none.
    """
    match kind:
        case PlannerKind.NONE:
            return None
        case PlannerKind.RULES:
            from rag.agent.planning.rules import RulePlanner

            return RulePlanner()
        case PlannerKind.AUTO if generator.kind is not GeneratorKind.CHAT:
            # A model loaded here has room for an answer, not for a plan, and takes its time over both.
            return build_planner(PlannerKind.RULES, generator, None)
        case PlannerKind.AUTO | PlannerKind.MODEL:
            if model is None:
                raise InputError(
                    "agent.planner is model, and the profile's generator is no language model; "
                    "name one (generator.kind=chat), or take agent.planner=rules"
                )
            from rag.agent.planning.model import ModelPlanner

            return ModelPlanner.for_model(_planning_model(generator, model), generator)


def _planning_model(generator: GeneratorOptions, model: BaseLanguageModel[Any]) -> BaseLanguageModel[Any]:
    """A chat model with room for a plan: answers are shorter, and a plan that is cut off is none."""
    if generator.kind is not GeneratorKind.CHAT or generator.max_new_tokens >= _PLAN_TOKENS:
        return model
    from generators.chat import load_chat_model

    return load_chat_model(generator.model_copy(update={"max_new_tokens": _PLAN_TOKENS}))


def build_rewriter(profile: Profile, chain: RagChain) -> Rewriter:
    """What makes follow-up questions standalone: the model of ``chain`` where it may plan, else the rules."""
    from rag.agent.conversation.model import ModelRewriter
    from rag.agent.conversation.rules import RuleRewriter

    model = language_model(chain)
    if model is None or profile.agent.planner not in {PlannerKind.AUTO, PlannerKind.MODEL}:
        return RuleRewriter()
    return ModelRewriter.for_model(model, profile.generator)


def language_model(chain: RagChain) -> BaseLanguageModel[Any] | None:
    """The language model that reads for ``chain``; None for the offline reader and the span reader."""
    from generators.grounded import PromptedGenerator

    return chain.generator.llm if isinstance(chain.generator, PromptedGenerator) else None
