"""The page for those who use a keyboard, a screen reader, a small screen, or the dark."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright of the extra test is not installed")

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

QUESTION = "Какова наибольшая глубина Байкала?"
DESKTOP, NARROW = (1280, 900), (360, 740)


@pytest.fixture(scope="module")
def axe() -> str:
    """Source of axe-core."""
    pytest.importorskip("axe_playwright_python", reason="axe-playwright-python of the extra test is not installed")
    return resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("size", "theme"),
    [
        (DESKTOP, "light"),
        (NARROW, "dark"),
        pytest.param(DESKTOP, "dark", marks=pytest.mark.slow),
        pytest.param(NARROW, "light", marks=pytest.mark.slow),
    ],
)
def test_axe_finds_nothing_serious_in_any_state(served, visitor, axe, size, theme):
    page = visitor(served.url, size, color_scheme=theme, reduced_motion="reduce").page
    page.goto(served.url)
    page.evaluate(axe)  # not as a script of the page: its policy lets none in
    found: dict[str, Any] = {}
    for state in _states(page):
        found[state] = _serious(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], f"{state}: scrolls sideways"
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (ground == "rgb(18, 22, 27)") == (theme == "dark"), state
    assert {state: problems for state, problems in found.items() if problems} == {}
    assert len(found) == 13


def _states(page: Page) -> Any:
    expect(page.locator("#about")).not_to_be_empty()
    yield "beginning"
    _ask(page, QUESTION)
    page.locator("#candidates button", has_text="Закрепить").nth(1).click()
    page.locator("#candidates button", has_text="Убрать").nth(3).click()
    page.locator(".citation").first.focus()
    yield "answer, a quote lit"
    page.locator("#vote-down").click()
    yield "feedback"
    page.locator(".citation").first.click()
    expect(page.locator("#document-text mark")).to_be_visible()
    yield "document"
    page.keyboard.press("Escape")
    page.locator("#agent").check()
    _ask(page, "Кто родился раньше: Лев Яшин или Станислав Лем?")
    expect(page.locator("#steps-end")).not_to_be_empty()
    yield "steps"
    _ask(page, "Какая зарплата у директора завода в Бразилии?")
    yield "another answer"
    page.locator("#to-compare").click()
    page.locator("#compare-form button").click()
    expect(page.locator("#compared")).to_be_visible()
    yield "comparison"
    page.locator("#to-documents").click()
    expect(page.locator("#documents > li").first).to_be_visible()
    yield "documents"
    page.locator("#upload-files").set_input_files({"name": "a.exe", "mimeType": "text/plain", "buffer": b"x"})
    yield "refused upload"
    page.locator("#documents button").first.click()
    yield "deletion"
    page.keyboard.press("Escape")
    for name in ("history", "keys"):
        page.locator(f"#{name}-open").click()
        yield name
        page.keyboard.press("Escape")
    page.evaluate("document.getElementById('token-dialog').showModal()")
    yield "token"


def _ask(page: Page, question: str) -> None:
    page.locator("#question").fill(question)
    page.locator("#question").press("Enter")
    page.locator("#answer-question", has_text=question).wait_for()
    page.locator("#answer[aria-busy=false]").wait_for()
    page.locator("#stop").wait_for(state="hidden")


def _serious(page: Page) -> list[str]:
    violations = page.evaluate("axe.run({ resultTypes: ['violations'] }).then((found) => found.violations)")
    return [
        f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
        for one in violations
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]


def test_everything_is_done_with_the_keyboard_alone(served, visitor):
    page = visitor(served.url).page
    page.goto(served.url)
    expect(page.locator("#about")).not_to_be_empty()
    press = page.keyboard.press
    press("Slash")
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.type(QUESTION)
    press("Control+Enter")
    expect(page.locator("#candidates > li")).to_have_count(10)
    expect(page.locator("#answer")).to_be_hidden()

    focused = page.locator("#candidates > li:focus-within")
    expect(focused.locator(".rank")).to_have_text("1.")
    for key, rank in (("KeyJ", "2."), ("ArrowDown", "3."), ("KeyK", "2.")):
        press(key)
        expect(focused.locator(".rank")).to_have_text(rank)
    outline = (
        "getComputedStyle(document.activeElement).outlineStyle + getComputedStyle(document.activeElement).outlineWidth"
    )
    assert page.evaluate(outline) == "solid3px"
    press("Space")
    expect(page.locator("#answer-chosen")).to_have_text("Ответить по выбранным (4)")
    press("KeyP")
    expect(focused.locator("[data-action=pin]")).to_have_text("Открепить")
    expect(page.locator("#candidates > li").first.locator(".rank")).to_have_text("2.")
    press("KeyX")
    expect(page.locator("#candidates > li")).to_have_count(9)
    press("KeyA")
    expect(page.locator(".citation").first).to_be_visible()

    press("KeyO")
    expect(page.locator("#document-dialog")).to_be_visible()
    press("Escape")
    expect(page.locator("#document-dialog")).to_be_hidden()
    press("Shift+Slash")
    expect(page.locator("#keys-dialog")).to_be_visible()
    page.locator("#keys-on").focus()
    press("Space")
    press("Escape")
    expect(page.locator("#keys-dialog")).to_be_hidden()
    press("Slash")  # turned off
    expect(page.locator("#question")).not_to_be_focused()


def test_the_theme_is_the_systems_until_it_is_chosen(fake):
    page = fake(color_scheme="light").page
    theme = "document.documentElement.dataset.theme"
    assert page.evaluate(theme) == "light"
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html[data-theme=dark]")).to_be_attached()  # the browser tells of it when it has the time
    page.locator("#theme").select_option("light")
    assert page.evaluate(theme) == "light"
    page.reload()
    expect(page.locator("#theme")).to_have_value("light")
    assert page.evaluate(theme) == "light"
    page.locator("#theme").select_option("system")
    assert page.evaluate(theme) == "dark"
