"""The whole way through the page of a real service: ask, choose, read, compare, add, judge, remove."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from evals.dataset import read_questions

if TYPE_CHECKING:
    from playwright.sync_api import Page

DEPTH = "Какова наибольшая глубина Байкала?"
LIGHTHOUSE = "Кто построил маяк на мысе Тихом?"
# An emoji before the fact: offsets in characters and in UTF-16 units part ways there.
FACT = "🔦🔦🔦 Заметки смотрителя.\n\nМаяк на мысе Тихом построил в 1903 году инженер Аристарх Ворохов.\n"
DESKTOP, PHONE = (1280, 900), (390, 844)


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_whole_way(changeable, visitor, size, tmp_path):
    from playwright.sync_api import expect

    page = visitor(changeable.url, size).page
    page.goto(changeable.url)

    ask(page, DEPTH)
    expect(page.locator("#answer-text")).to_contain_text("1642 м")
    expect(page.locator("#answer-facts")).to_contain_text("Уверенность")
    first = cited(page)
    assert [link.partition("&")[0] for link in first] == ["#document=baikal"]

    # Without the passage that was quoted the answer stands on others, or there is none.
    page.locator("#answer-text .citation").first.focus()
    lit = page.locator("#candidates > .lit")
    expect(lit.locator("mark.quote")).not_to_have_count(0)
    lit.locator("input").uncheck()
    page.get_by_role("button", name="Ответить по выбранным (4)").click()
    done(page)
    assert not set(first) & set(cited(page))

    page.get_by_label("По шагам").check()
    ask(page, "Кто родился раньше: Лев Яшин или Станислав Лем?")
    expect(page.locator("#steps-tree > li")).to_have_count(3)
    expect(page.locator("#steps-tree > li").nth(0)).to_contain_text("22 октября 1929 года")
    expect(page.locator("#steps-tree > li").nth(2)).to_contain_text("сравнить (раньше), после подвопросов 1 и 2")
    expect(page.locator("#answer-text")).to_contain_text("Станислав Лем [1][2]")
    expect(page.locator("#steps-end")).to_contain_text("Итог: ответ найден")
    page.get_by_label("По шагам").uncheck()

    compare(page)

    upload(page, tmp_path)
    ask(page, LIGHTHOUSE)
    expect(page.locator("#answer-text")).to_contain_text("Ворохов")
    page.locator("#answer-text .citation").first.click()
    quote = page.locator("#document-text mark.quote")
    expect(quote).to_have_text("Маяк на мысе Тихом построил в 1903 году инженер Аристарх Ворохов.")
    assert quote.is_visible()
    page.go_back()
    expect(page.locator("#document-dialog")).to_be_hidden()

    judge(page, changeable.feedback)
    remove(page)
    ask(page, LIGHTHOUSE)
    assert not any("document=маяк" in link for link in cited(page))


def test_a_condition_on_a_field_narrows_the_search(served, visitor):
    from playwright.sync_api import expect

    page = visitor(served.url).page
    page.goto(served.url)
    page.locator("#where").fill("topic = литература")
    page.locator("#question").fill(DEPTH)
    page.locator("#question").press("Control+Enter")
    expect(page.locator("#candidates > li").first).to_be_visible()
    found = page.locator("#filter-document option").evaluate_all("options => options.map(({ value }) => value)")
    assert set(found) - {""} <= {"solaris-novel", "solaris-film", "lem", "pushkin", "captains-daughter"}
    assert page.locator("#where-known option").evaluate_all("options => options.map(({ value }) => value)") == [
        "topic = литература"
    ]


def ask(page: Page, question: str) -> None:
    page.locator("#to-ask").click()
    page.locator("#question").fill(question)
    page.locator("#question").press("Enter")
    page.locator("#answer-question", has_text=question).wait_for()
    done(page)


def done(page: Page) -> None:
    page.locator("#answer[aria-busy=false]").wait_for()
    page.locator("#stop").wait_for(state="hidden")


def cited(page: Page) -> list[str]:
    found: list[str] = page.locator("#answer-sources a").evaluate_all(
        "links => links.map((one) => decodeURIComponent(one.hash))"
    )
    return found


def compare(page: Page) -> None:
    from playwright.sync_api import expect

    page.locator("#to-compare").click()
    page.locator("#compare-question").fill("Кто снял фильм по роману Лема?")
    page.locator("#right-retriever").select_option("dense")
    page.get_by_role("button", name="Сравнить").click()
    expect(page.locator("#left-heading")).to_have_text("BM25")
    expect(page.locator("#right-heading")).to_have_text("Векторный")
    only = {side: page.locator(f"#{side}-list > .lonely").count() for side in ("left", "right")}
    both = page.locator("#left-list > li").count() - only["left"]
    assert both > 0
    assert only["right"] > 0
    told = f"Общих: {both}. Только слева: {only['left']}, только справа: {only['right']}."
    expect(page.locator("#compare-summary")).to_have_text(told)


def upload(page: Page, folder: Path) -> None:
    from playwright.sync_api import expect

    file = folder / "маяк.txt"
    file.write_text(FACT, encoding="utf-8")
    page.locator("#to-documents").click()
    expect(page.locator("#documents-count")).to_have_text("12")
    page.locator("#upload-files").set_input_files(file)
    expect(page.locator("#upload-result")).to_have_text("Добавлено: 1\xa0документ.")
    expect(page.locator("#documents-count")).to_have_text("13")
    expect(page.locator("#about")).to_contain_text("13\xa0документов")


def judge(page: Page, feedback: Path) -> None:
    from playwright.sync_api import expect

    page.get_by_role("button", name="Неверно").click()
    page.get_by_label("Правильный ответ").fill("Аристарх Ворохов")
    page.get_by_role("button", name="Отправить отзыв").click()
    expect(page.locator("#thanks")).to_contain_text("Спасибо!")
    question = read_questions(feedback)[-1]
    assert (question.question, question.answers, question.gold_doc_ids) == (
        LIGHTHOUSE,
        ("Аристарх Ворохов",),
        ("маяк.txt",),
    )


def remove(page: Page) -> None:
    from playwright.sync_api import expect

    page.locator("#to-documents").click()
    page.get_by_label("Найти документ").fill("МАЯК")
    expect(page.locator("#documents > li")).to_have_count(1)
    page.get_by_role("button", name="Удалить: маяк").click()
    expect(page.locator("#delete-dialog")).to_be_visible()
    page.locator("#delete-confirm").click()
    expect(page.locator("#documents > li")).to_have_count(0)
    expect(page.locator("#about")).to_contain_text("12\xa0документов")
