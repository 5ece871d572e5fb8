"""The page's plots: which there are, and what each says in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from evals.failures import Failure
from evals.report import plots, russian
from evals.report.calibration import reliability_bins, risk_curve
from evals.report.failing import TITLES
from evals.report.loading import ComparisonSummary, Run
from evals.report.tables import STAGES, stages_of
from evals.scoring import PASSAGE_PREFIX


@dataclass(frozen=True, slots=True)
class Plot:
    """A plot on the page.

    Args:
        svg: the drawing.
        label: what it shows, in words, for those who do not see it.
        caption: under it.
    """

    svg: str
    label: str
    caption: str


@dataclass(frozen=True, slots=True)
class Duel:
    """All variants against the best one by one metric."""

    metric: str
    best: str
    plots: tuple[Plot, ...]


def curves(run: Run) -> Iterator[Plot]:
    """Hit and recall over the cut-offs, by document and by passage."""
    if len(run.summary.cutoffs) < 2:
        return
    for prefix, unit in (("", "по\u00a0документам"), (PASSAGE_PREFIX, "по\u00a0отрывкам")):
        hits, recalls = (_by_cutoff(run, f"{prefix}{family}") for family in ("hit", "recall"))
        if hits and hits == recalls:
            yield _curve(run, hits, prefix, "hit", f"hit@k {unit}; recall@k такой\u00a0же: эталон у\u00a0вопроса один")
            continue
        for family, values in (("hit", hits), ("recall", recalls)):
            if values:
                yield _curve(run, values, prefix, family, f"{family}@k {unit}")


def _by_cutoff(run: Run, metric: str) -> dict[str, list[float]]:
    """Means at all cut-offs of the variants that have them."""
    keys = [f"{metric}@{k}" for k in run.summary.cutoffs]
    return {
        name: [variant.means[key] for key in keys]
        for name, variant in run.variants.items()
        if all(key in variant.means for key in keys)
    }


def _curve(run: Run, values: dict[str, list[float]], prefix: str, family: str, caption: str) -> Plot:
    cutoffs = run.summary.cutoffs
    label = "; ".join(f"{name}: {', '.join(map(russian.decimal, column))}" for name, column in values.items())
    return Plot(
        plots.cutoff_curves(values, cutoffs, family, f"curve-{prefix}{family}"),
        f"{caption} при k = {', '.join(map(str, cutoffs))}. {label}",
        caption,
    )


def duels(run: Run) -> Iterator[Duel]:
    """By each headline of search, passages and answers: the others against the best."""
    tested = dict.fromkeys(one.metric for one in run.summary.comparisons)
    for metrics in (
        (f"ndcg@{run.rank_cutoff}", "hit@5", "hit@1"),
        (f"{PASSAGE_PREFIX}ndcg@{run.rank_cutoff}", f"{PASSAGE_PREFIX}hit@5"),
        ("f1_lemma", "em_lemma"),
    ):
        metric = next((name for name in metrics if name in tested), None)
        if metric is not None:
            best = run.best(metric)
            pairs = [one for name in run.variants if name != best and (one := run.compared(metric, best, name))]
            yield Duel(metric, best, (_outcomes(pairs, metric, best), _intervals(pairs, metric, best)))


def _outcomes(pairs: Sequence[ComparisonSummary], metric: str, best: str) -> Plot:
    rows = {one.candidate: (one.wins, one.ties, one.losses) for one in pairs}
    label = "; ".join(f"{name}: лучше {win}, поровну {tie}, хуже {loss}" for name, (win, tie, loss) in rows.items())
    return Plot(
        plots.outcome_plot(rows, f"outcomes-{metric}"),
        f"Вопросы, на которых вариант лучше, равен или хуже {best} по {metric}. {label}",
        f"Вопросы: лучше / поровну / хуже, чем {best}",
    )


def _intervals(pairs: Sequence[ComparisonSummary], metric: str, best: str) -> Plot:
    rows = [
        plots.Interval(
            one.candidate, one.difference, one.low, one.high, f"p\u00a0{_p_text(one.p_holm)}", one.significant
        )
        for one in pairs
    ]
    label = "; ".join(
        f"{one.candidate}: {russian.signed(one.difference)} {russian.interval(one.low, one.high)},"
        f" p {_p_text(one.p_holm)}"
        for one in pairs
    )
    return Plot(
        plots.interval_plot(rows, f"intervals-{metric}", f"разность {metric} с\u00a0{best}"),
        f"Разность {metric} с {best}, 95 %-интервал и p с поправкой Холма. {label}",
        "Разность, 95\u00a0%-интервал, p\u00a0(Холм); пустой кружок — незначимо",
    )


def _p_text(value: float) -> str:
    text = russian.p_value(value)
    return text if text.startswith("<") else f"=\u00a0{text}"


def latency(run: Run) -> Iterator[Plot]:
    """How long each stage took: a plot a stage."""
    for stage in stages_of(run):
        seconds = {
            name: column
            for name, records in run.records.items()
            if (column := [record.timings[stage] for record in records if stage in record.timings])
        }
        if seconds:
            title = STAGES.get(stage, stage)
            medians = (
                f"{name} — {russian.milliseconds(run.variants[name].latency[stage]['p50'])} мс"
                for name in seconds
                if stage in run.variants[name].latency
            )
            yield Plot(
                plots.latency_plot(seconds, stage),
                f"Распределение времени: {title}. Медианы: {', '.join(medians)}",
                f"Время: {title}. Черта — медиана",
            )


def abstention(run: Run) -> Iterator[Plot]:
    """Risk over coverage of all variants, and the calibration of the best one."""
    found = {name: risk_curve(records, run.summary.threshold) for name, records in run.records.items()}
    drawn = {name: curve for name, curve in found.items() if curve}
    if not drawn:
        return
    points = "; ".join(
        f"{name}: покрытие {russian.decimal(curve.mark[0])}, риск {russian.decimal(curve.mark[1])}"
        for name, curve in drawn.items()
        if curve.mark
    )
    yield Plot(
        plots.risk_plot(drawn),
        f"Риск в зависимости от покрытия. При пороге: {points or russian.NOTHING}",
        "Риск и\u00a0покрытие: отвечаем на\u00a0самые уверенные вопросы первыми."
        + (" Знак на\u00a0линии — точка порога" if points else ""),
    )
    best = run.best(run.headline)
    bins = reliability_bins(run.records[best])
    yield Plot(
        plots.reliability_plot(
            [one.confidence for one in bins], [one.accuracy for one in bins], [one.count for one in bins]
        ),
        f"Калибровка уверенности, {best}. "
        + "; ".join(
            f"уверенность {russian.decimal(one.confidence, 2)}: верно {russian.decimal(one.accuracy, 2)}"
            f" ({russian.counted(one.count, russian.QUESTIONS)})"
            for one in bins
        ),
        f"Калибровка, {best}: на\u00a0пунктире уверенность равна доле верных ответов; у\u00a0точек — число вопросов",
    )


def failures(run: Run, counts: Mapping[str, Mapping[Failure, int]]) -> Plot | None:
    """Failures by kind, None where nothing failed."""
    kinds = list(next(iter(counts.values())))
    if not kinds:
        return None
    label = "; ".join(f"{name}: {sum(column.values())}" for name, column in counts.items())
    rows = {name: list(column.values()) for name, column in counts.items()}
    return Plot(
        plots.failure_plot(rows, [TITLES[kind] for kind in kinds], run.summary.dataset.questions),
        f"Ошибки по видам. Всего: {label}",
        "Ошибки по\u00a0видам; конец оси\u00a0— все вопросы",
    )
