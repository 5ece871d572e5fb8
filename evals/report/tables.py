"""Tables of metrics: a row a variant, with intervals and marks for what is really better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from evals.report import russian
from evals.report.loading import ComparisonSummary, JudgedMean, Run
from evals.scoring import FORCED_SUFFIX, PASSAGE_PREFIX
from evals.summary import ANSWER_METRICS

CUT_FAMILIES = ("hit", "recall", "precision", "mrr", "map", "ndcg", "all_found", "covered")
CITATION_METRICS = ("citation_in_chunk", "citation_gold")
ABSTENTION_METRIC = "abstention_right"
STAGES = {
    "retrieve": "поиск",
    "rerank": "переранжирование",
    "select": "отбор",
    "generate": "чтение и ответ",
    "total": "всего",
}
_ABSTENTION_FIGURES = {
    "coverage": "вопросов с ответом (покрытие)",
    "precision": "точность ответов",
    "abstained_right": "отказов там, где ответа нет",
    "abstained_wrong": "отказов там, где ответ есть\u00a0↓",
    "auroc": "AUROC",
    "aurc": "AURC\u00a0↓",
    "ece": "ECE\u00a0↓",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure.

    Args:
        text: as shown.
        note: under it, like its interval.
        best: the highest of its column, where some variant is significantly lower.
        level: not significantly below the best.
    """

    text: str
    note: str = ""
    best: bool = False
    level: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """Head of a column; ``note`` stands under the title."""

    title: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a row a variant.

    Args:
        caption: over it.
        columns: without that of the names.
        rows: name and cells.
        groups: titles over neighbouring columns with the number of columns each; empty where there are none.
        first: head of the column of names.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, tuple[Cell, ...]], ...]
    groups: tuple[tuple[str, int], ...] = ()
    first: str = "Вариант"


def leaders(run: Run, metric: str) -> tuple[str | None, frozenset[str]]:
    """The best variant by ``metric`` and those that are not significantly worse.

    Nothing is marked where differences were not tested, or where none of them stands after Holm's correction.
    """
    having = [name for name, variant in run.variants.items() if metric in variant.means]
    if len(having) < 2:
        return None, frozenset()
    best = run.best(metric)
    others = {name: run.compared(metric, best, name) for name in having if name != best}
    if not all(others.values()):
        return None, frozenset()
    level = frozenset(name for name, one in others.items() if one and not one.significant)
    return (None, frozenset()) if len(level) == len(others) else (best, level)


def retrieval_table(run: Run, prefix: str, caption: str) -> Table | None:
    """The chosen metrics of retrieval, by document or (``passage_``) by passage."""
    return _metric_table(run, caption, [name for name in _chosen(run, prefix) if run.has(name)], prefix)


def cutoff_tables(run: Run, prefix: str) -> list[Table]:
    """Every metric at every cut-off: a table a metric."""
    tables = []
    for family in CUT_FAMILIES:
        names = [f"{prefix}{family}@{k}" for k in run.summary.cutoffs]
        table = _metric_table(run, family, [name for name in names if run.has(name)], prefix)
        if table:
            tables.append(table)
    return tables


def answer_table(run: Run) -> Table | None:
    """Answers as delivered and as written, surface and lemma forms side by side."""
    sides = (("", "как выдано пользователю"), (FORCED_SUFFIX, "как написано, до порога"))
    groups, names = [], []
    for suffix, title in sides:
        found = [name + suffix for name in ANSWER_METRICS if run.has(name + suffix)]
        if found:
            groups.append((title, len(found)))
            names += found
    return _metric_table(run, "Точность ответов", names, "", FORCED_SUFFIX, tuple(groups))


def citation_table(run: Run) -> Table | None:
    """Citations: whether quotes stand in their chunks, and cite gold documents."""
    return _metric_table(run, "Цитаты", [name for name in CITATION_METRICS if run.has(name)])


def abstention_table(run: Run) -> Table | None:
    """Figures of abstention, a column each."""
    names = [
        name
        for name in _ABSTENTION_FIGURES
        if any(variant.abstention.get(name) is not None for variant in run.variants.values())
    ]
    if not names:
        return None
    best, level = leaders(run, ABSTENTION_METRIC)
    right = run.has(ABSTENTION_METRIC)
    rows = tuple(
        (
            variant,
            (_cell(run, variant, ABSTENTION_METRIC, best, level),) * right
            + tuple(Cell(russian.decimal(values.abstention.get(name))) for name in names),
        )
        for variant, values in run.variants.items()
    )
    columns = tuple(Column(_ABSTENTION_FIGURES[name]) for name in names)
    head = (Column("верных решений", _count_note(run, ABSTENTION_METRIC)),) * right
    return Table("Отказ от ответа", head + columns, rows)


def speed_table(run: Run) -> Table | None:
    """Milliseconds by stage, throughput and tokens."""
    stages = stages_of(run)
    if not stages:
        return None
    tokens = list(dict.fromkeys(name for variant in run.variants.values() for name in variant.tokens))
    groups = [(f"{STAGES.get(stage, stage)}, мс", 2) for stage in stages]
    groups += [("скорость", 1)] + [("токенов на вопрос", len(tokens))] * bool(tokens)
    columns = (
        *(Column(title) for _ in stages for title in ("p50", "p95")),
        Column("вопросов в\u00a0секунду"),
        *(Column({"input_tokens": "на входе", "output_tokens": "на выходе"}.get(name, name)) for name in tokens),
    )
    rows = tuple((name, _speed_cells(run, name, stages, tokens)) for name in run.variants)
    return Table("Задержка по\u00a0этапам", columns, rows, tuple(groups))


def judged_table(run: Run) -> Table | None:
    """Means of a judging model; under each the answers that it judged, and those without a judgement."""
    judged = run.summary.judged
    metrics = dict.fromkeys(metric for values in judged.variants.values() for metric in values)
    if not metrics:
        return None
    rows = tuple(
        (variant, tuple(_judged_cell(values.get(metric)) for metric in metrics))
        for variant, values in judged.variants.items()
    )
    caption = f"Оценка языковой моделью {judged.judge.get('model', '')}".rstrip()
    return Table(caption, tuple(map(Column, metrics)), rows)


def _judged_cell(mean: JudgedMean | None) -> Cell:
    if mean is None:
        return Cell(russian.decimal(None))
    unjudged = sum(mean.unjudged.values())
    return Cell(russian.decimal(mean.mean), f"n\u00a0=\u00a0{mean.judged}, без\u00a0оценки\u00a0{unjudged}")


def other_table(run: Run) -> Table | None:
    """Metrics that no other table shows; each with the number of questions that have it."""
    shown = {f"{prefix}{family}@{k}" for prefix in ("", PASSAGE_PREFIX) for family in CUT_FAMILIES for k in run.summary.cutoffs}  # fmt: skip  # noqa: E501
    shown |= {f"{prefix}r_precision" for prefix in ("", PASSAGE_PREFIX)}
    shown |= {name + suffix for name in ANSWER_METRICS for suffix in ("", FORCED_SUFFIX)}
    shown |= {*CITATION_METRICS, ABSTENTION_METRIC}
    found = dict.fromkeys(name for variant in run.variants.values() for name in variant.means if name not in shown)
    return _metric_table(run, "Прочие метрики", list(found))


def comparison_table(comparisons: Sequence[ComparisonSummary], metric: str) -> Table:
    """Every pair compared by one metric."""
    columns = tuple(
        map(Column, ("Сравниваемый", "разность", "95\u00a0%-интервал", "p\u00a0(Холм)", "лучше", "поровну", "хуже"))
    )
    rows = tuple((one.baseline, _comparison_cells(one)) for one in comparisons)
    return Table(metric, columns, rows, first="Исходный")


def stages_of(run: Run) -> list[str]:
    """Stages that were timed: those known in the order in which they run, then the others, the total last."""
    timed = dict.fromkeys(stage for variant in run.variants.values() for stage in variant.latency)
    known = [stage for stage in STAGES if stage in timed and stage != "total"]
    return known + [stage for stage in timed if stage not in STAGES] + ["total"] * ("total" in timed)


def _chosen(run: Run, prefix: str) -> list[str]:
    cutoffs, rank = run.summary.cutoffs, run.rank_cutoff
    hits = [f"{prefix}hit@{k}" for k in cutoffs]
    ranked = [f"{prefix}{family}@{rank}" for family in ("recall", "mrr", "map", "ndcg")]
    middle = 5 if 5 in cutoffs else cutoffs[-1]
    several = [f"{prefix}all_found@{middle}", f"covered@{rank}"] if run.summary.dataset.multi_document else []
    several = several[:1] if prefix else several  # passages are of one document each
    return [*hits, *ranked, f"{prefix}r_precision", *several]


def _metric_table(
    run: Run,
    caption: str,
    names: Sequence[str],
    prefix: str = "",
    suffix: str = "",
    groups: tuple[tuple[str, int], ...] = (),
) -> Table | None:
    if not names:
        return None
    marks = {name: leaders(run, name) for name in names}
    columns = tuple(Column(name.removeprefix(prefix).removesuffix(suffix), _count_note(run, name)) for name in names)
    rows = tuple(
        (variant, tuple(_cell(run, variant, name, *marks[name]) for name in names)) for variant in run.variants
    )
    return Table(caption, columns, rows, groups)


def _cell(run: Run, variant: str, metric: str, best: str | None, level: frozenset[str]) -> Cell:
    values = run.variants[variant]
    bounds = values.intervals.get(metric)
    note = russian.interval(*bounds) if bounds else ""
    return Cell(russian.decimal(values.means.get(metric)), note, best=variant == best, level=variant in level)


def _count_note(run: Run, metric: str) -> str:
    counts = {values.counts[metric] for values in run.variants.values() if metric in values.counts}
    if not counts:
        return ""
    low, high = min(counts), max(counts)
    return f"n\u00a0=\u00a0{russian.integer(low)}" + (f"–{russian.integer(high)}" if high > low else "")


def _speed_cells(run: Run, variant: str, stages: Sequence[str], tokens: Sequence[str]) -> tuple[Cell, ...]:
    values = run.variants[variant]
    seconds = [values.latency.get(stage, {}).get(name) for stage in stages for name in ("p50", "p95")]
    counts = [values.tokens.get(name) for name in tokens]
    return (
        *(Cell(russian.NOTHING if value is None else russian.milliseconds(value)) for value in seconds),
        Cell(russian.decimal(values.throughput, 1)),
        *(Cell(russian.NOTHING if value is None else russian.integer(value)) for value in counts),
    )


def _comparison_cells(one: ComparisonSummary) -> tuple[Cell, ...]:
    texts = (
        one.candidate,
        russian.signed(one.difference),
        russian.interval(one.low, one.high),
        russian.p_value(one.p_holm),
        *(russian.integer(count) for count in (one.wins, one.ties, one.losses)),
    )
    return tuple(Cell(text, best=one.significant and place == 3) for place, text in enumerate(texts))
