from __future__ import annotations

import base64
import hashlib
import re
import sys
from html.parser import HTMLParser

import pytest

from evals.report import write_report
from evals.report.__main__ import main
from retrievers.errors import InputError, MissingExtraError

for _package in ("jinja2", "matplotlib"):
    pytest.importorskip(_package, reason=f"{_package} of the extra eval is not installed")

VOID = {"meta", "br", "input", "link", "hr", "img"}
ATTACK = '</script><script>alert("1")</script><img src=x onerror=alert(1)>'


class Page(HTMLParser):
    """Checks that every element is closed in order; collects what a browser would act on."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.elements.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data) -> None:
        (self.scripts if self.open[-1:] == ["script"] else self.texts).append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def headings(self) -> list[str]:
        return [attrs["id"] or "" for tag, attrs in self.elements if tag == "section" and "id" in attrs]


def page_of(directory) -> Page:
    return Page(write_report(directory).read_text("utf-8"))


@pytest.fixture(scope="module")
def text(make_run) -> str:
    return write_report(make_run()).read_text("utf-8")


@pytest.fixture(scope="module")
def page(text) -> Page:
    return Page(text)


def test_the_page_holds_every_section(page) -> None:
    assert page.headings() == ["search", "answers", "comparisons", "speed", "abstention", "failures"]
    for expected in (
        "Оценка: lakes",
        "24 вопроса, 2 варианта поиска с ответами",
        "4 вопроса без ответа в документах",
        "1 документ из эталонных нет в индексе",
        "4 документа, 43 642 отрывка",
        "Поиск по документам",
        "Поиск по отрывкам",
        "как выдано пользователю",
        "как написано, до порога",
        "citation_gold",
        "вопросов в секунду",
        "Напрасный отказ от ответа",
        "Ответ там, где ответа нет",
    ):
        assert expected in page.text


def test_plots_are_described_in_words(page) -> None:
    plots = [attrs for tag, attrs in page.elements if attrs.get("role") == "img"]
    assert len(plots) == sum(tag == "svg" for tag, _ in page.elements) >= 9
    assert all(len(plot["aria-label"] or "") > 20 for plot in plots)
    assert len(page.ids) == len(set(page.ids))


def test_the_page_contacts_nothing(page, text) -> None:
    assert "http:" not in text
    assert "https:" not in text
    assert "@import" not in text
    for _, attributes in page.elements:
        for name in ("src", "href", "xlink:href", "action", "data"):
            assert (attributes.get(name) or "#").startswith("#")
    assert all(target.startswith("#") for target in re.findall(r"url\(([^)]*)\)", text))


def test_the_policy_allows_only_the_pages_own_script(page) -> None:
    policy = next(attrs["content"] for tag, attrs in page.elements if attrs.get("http-equiv"))
    digest = base64.b64encode(hashlib.sha256("".join(page.scripts).encode()).digest()).decode()
    assert policy is not None
    assert policy.startswith("default-src 'none';")
    assert f"script-src 'sha256-{digest}'" in policy
    assert not any(name.startswith("on") for _, attrs in page.elements for name in attrs)


def test_what_documents_and_questions_hold_is_text(make_run) -> None:
    def attack(record):
        answer = record.answer.model_copy(update={"text": ATTACK})
        return record.model_copy(update={"question": ATTACK, "answer": answer, "qid": record.qid + "<b>"})

    page = page_of(make_run(change=attack, text=ATTACK, variants={"<i>$x$</i>": True, "b&<": False}))
    assert sum(tag == "script" for tag, _ in page.elements) == 1
    assert not any(tag in {"img", "b", "i"} and attrs for tag, attrs in page.elements)
    assert 'alert("1")' in page.text
    assert "<i>$x$</i>" in page.text


def test_the_command_writes_equal_pages_for_equal_runs_and_says_where(make_run, text, capsys) -> None:
    directory = make_run()
    assert main([str(directory)]) == 0
    assert capsys.readouterr().out == f"{directory / 'report.html'}\n"
    assert directory.joinpath("report.html").read_text("utf-8") == text


def test_a_run_of_retrieval_alone(make_run) -> None:
    page = page_of(make_run(answers=False))
    assert page.headings() == ["search", "comparisons", "speed", "failures"]
    assert "с ответами" not in page.text
    assert "уверенность" not in page.text


def test_one_variant_has_nothing_to_be_compared_with(make_run) -> None:
    page = page_of(make_run(variants={"bm25": False}))
    assert page.headings() == ["search", "answers", "speed", "abstention", "failures"]
    assert "24 вопроса, 1 вариант поиска" in page.text


def test_a_run_without_failures(make_run) -> None:
    def right(record):
        answer = record.answer.model_copy(update={"text": "1642 м", "abstained": not record.answerable})
        return record.model_copy(update={"answer": answer, "metrics": record.metrics | {"em_lemma": 1.0}})

    page = page_of(make_run(change=right))
    assert "Ни одной ошибки." in page.text
    assert page.scripts == []


def test_questions_without_gold_documents(make_run) -> None:
    def without(record):
        kept = {name: value for name, value in record.metrics.items() if "@" not in name and "r_prec" not in name}
        return record.model_copy(update={"gold_doc_ids": (), "relevant_chunk_ids": (), "metrics": kept})

    assert "Эталонные документы неизвестны" in page_of(make_run(change=without)).text


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("summary.json", "{", r"summary\.json cannot be read"),
        ("summary.json", "{}", r"summary\.json: field dataset"),
        ("questions.jsonl", "{}\n", r"questions\.jsonl:1: field qid"),
        ("questions.jsonl", '{"qid": "1", "variant": "other", "question": "Кто?"}\n', r"field variants: expected"),
        ("passages.jsonl", '{"chunk_id": "a"}\n', r"passages\.jsonl:1: field doc_id"),
    ],
)
def test_a_broken_run_is_named(make_run, name, text, expected, capsys) -> None:
    directory = make_run()
    directory.joinpath(name).write_text(text, "utf-8")
    with pytest.raises(InputError, match=expected):
        write_report(directory)
    assert main([str(directory)]) == 2
    assert name in capsys.readouterr().err
    assert not directory.joinpath("report.html").exists()


def test_a_directory_without_a_run(tmp_path, capsys) -> None:
    assert main([str(tmp_path)]) == 2
    assert "holds no finished run" in capsys.readouterr().err


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_missing_packages_are_named_by_their_extra(make_run, package, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"\[eval\]"):
        write_report(make_run())
