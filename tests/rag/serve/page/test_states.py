"""What the page does when the server refuses, is slow, or is not there; nothing of it needs a server."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright of the extra test is not installed")

from playwright.sync_api import expect

QUESTION = "Какова глубина озера?"
CANDIDATES: list[dict[str, Any]] = [
    {
        "chunk_id": f"lake_{n}",
        "doc_id": "lake",
        "title": f"Озеро {n}",
        "text": f"😀 Глубина озера {n} м.",
        "start": 100 * n,
        "scores": {"bm25": 5.0 - n, "cross_encoder": -1.0 - n},
        "matches": [[2, 9]],
        "span": {"start": 16, "end": 19, "text": f"{n} м", "confidence": 0.5},
        "metadata": {"headings": "Вода"},
    }
    for n in range(1, 6)
]
FOUND = {
    "question": QUESTION, "generation": "g1", "retriever": "hybrid", "rerank": True, "candidates": CANDIDATES,
    "timings": {"retrieve": 0.01, "total": 0.02},
}  # fmt: skip


def result(**changes: Any) -> dict[str, Any]:
    citation = {
        "n": 1, "chunk_id": "lake_2", "doc_id": "lake", "title": "Озеро 2", "quote": "Глубина озера 2 м.", "start": 202,
        "end": 220, "answer_start": 14, "answer_end": 17, "chunk_start": 2, "chunk_end": 20, "score": -3.0,
    }  # fmt: skip
    contexts = [
        {key: one[key] for key in ("chunk_id", "doc_id", "title", "text", "start", "scores")} for one in CANDIDATES[:3]
    ]
    return {
        "id": "1", "question": QUESTION, "answer": "2 м", "abstained": False, "confidence": 0.55,
        "citations": [citation], "contexts": contexts, "timings": {"generate": 0.5, "total": 0.5}, "generation": "g1",
        "cached": False, "trace": None,
    } | changes  # fmt: skip


def asked(visit: Any, *, reading: bool = True) -> Any:
    page = visit.page
    page.locator("#question").fill(QUESTION)
    page.locator("#question").press("Enter" if reading else "Control+Enter")
    return page


def test_the_quote_is_lit_behind_an_emoji(fake, api):
    page = asked(
        fake({"/api/search": FOUND, "/api/answer": api.events(("token", {"text": "2 м"}), ("done", result()))})
    )
    page.locator(".citation").hover()
    lit = page.locator("#candidates > .lit")
    assert "".join(lit.locator("mark.quote").all_inner_texts()) == "Глубина озера 2 м."
    assert lit.locator("mark.span").inner_text() == "2 м"
    assert lit.locator("mark.match").inner_text() == "Глубина"
    expect(page.locator("#answer-facts")).to_contain_text("средняя, 55\xa0%")


def test_what_was_chosen_is_what_is_sent_and_in_that_order(fake, api):
    sent: list[dict[str, Any]] = []

    def answer(route: Any) -> None:
        sent.append(route.request.post_data_json)
        api.events(("done", result()))(route)

    page = asked(fake({"/api/search": FOUND, "/api/answer": answer}), reading=False)
    page.locator("#candidates > li").nth(4).get_by_role("button", name="Закрепить").click()
    page.locator("#candidates > li").nth(1).get_by_role("button", name="Убрать").click()
    page.locator("#sort").select_option("score:bm25")
    for nth in (2, 3):
        page.locator("#candidates > li input").nth(nth).uncheck()
    page.locator("#answer-chosen").click()
    expect(page.locator("#answer-text")).to_contain_text("2 м")
    searched = {"question": QUESTION, "retriever": "hybrid", "rerank": True, "filter": None}
    assert sent == [searched | {"chunk_ids": ["lake_5", "lake_2"], "stream": True}]


def test_more_than_can_be_read_is_not_sent(fake):
    page = asked(fake({"/api/search": FOUND}), reading=False)
    expect(page.locator("#too-many")).to_have_text("Выбрано 5, а прочитать за раз можно не больше 3.")
    expect(page.locator("#answer-chosen")).to_be_disabled()
    page.locator("#choose-none").click()
    expect(page.locator("#answer-chosen")).to_be_disabled()
    page.locator("#candidates input").first.check()
    expect(page.locator("#answer-chosen")).to_be_enabled()


def test_what_was_put_aside_comes_back(fake):
    page = asked(fake({"/api/search": FOUND}), reading=False)
    page.locator("#candidates > li").nth(1).get_by_role("button", name="Убрать").click()
    expect(page.locator("#candidates > li")).to_have_count(4)
    expect(page.locator("#candidates > li").nth(1).locator("input")).to_be_focused()
    page.get_by_role("button", name="Вернуть убранные (1)").click()
    expect(page.locator("#candidates > li")).to_have_count(5)


def test_no_answer_is_said_plainly_and_a_cached_one_is_named(fake, api):
    silent = result(
        answer="В документах нет ответа на этот вопрос", abstained=True, citations=[], confidence=0.1, cached=True
    )
    page = asked(fake({"/api/search": FOUND, "/api/answer": api.events(("done", silent))}))
    expect(page.locator("#answer-text")).to_have_text("В документах нет ответа на этот вопрос")
    expect(page.locator("#answer-facts")).to_contain_text("из кэша")
    expect(page.locator("#answer-facts")).not_to_contain_text("Уверенность")


def test_nothing_found_reads_nothing(fake):
    page = asked(fake({"/api/search": FOUND | {"candidates": []}}))
    expect(page.locator("#found-nothing")).to_have_text("Ничего не нашлось.")
    expect(page.locator("#answer")).to_be_hidden()


REFUSALS = [
    ("busy", 429, {"retry-after": "3"}, "Сервер занят. Повторите через 3\xa0секунды.", True),
    ("unusable_question", 422, {}, "По такому вопросу нечего искать", False),
    ("internal", 500, {}, "На сервере произошла ошибка.", True),
    ("brand_new", 418, {}, "Произошла ошибка.", True),
]


def test_refusals_are_told_in_russian_with_their_number(fake, api):
    answers = iter([api.refused(code, status, **headers) for code, status, headers, *_ in REFUSALS])
    visit = fake({"/api/search": lambda route: next(answers)(route)})
    visit.expect_failures(*(status for _, status, *_ in REFUSALS))
    for *_, told, repeatable in REFUSALS:
        with visit.page.expect_response("**/api/search"):
            asked(visit)
        expect(visit.page.locator("#ask-error")).to_contain_text(told)
        expect(visit.page.locator("#ask-error")).to_contain_text("Номер ошибки: 0badf00d.")
        expect(visit.page.locator("#stop")).to_be_hidden()
        # What would fail in the same way again is not offered again.
        again = visit.page.locator("#ask-error").get_by_role("button", name="Повторить")
        expect(again).to_have_count(int(repeatable))


def test_chunks_that_are_gone_lead_to_a_new_search(fake, api):
    searches = []

    def search(route: Any) -> None:
        searches.append(route.request.post_data_json)
        route.fulfill(json=FOUND)

    visit = fake({"/api/search": search, "/api/answer": api.refused("chunks_gone", 409)})
    visit.expect_failures(409)
    page = asked(visit)
    expect(page.locator("#ask-error")).to_contain_text("Индекс обновился")
    page.get_by_role("button", name="Повторить").click()
    expect(page.locator("#ask-error")).to_be_hidden()
    assert len(searches) == 2


def test_a_stream_that_ends_early_is_an_error(fake, api):
    begun = ("token", {"text": "2"})
    told = ("error", {"error": {"id": "1", "code": "broken", "message": ""}})
    answers = iter([api.events(begun), api.events(begun, told)])
    page = asked(fake({"/api/search": FOUND, "/api/answer": lambda route: next(answers)(route)}))
    expect(page.locator("#ask-error")).to_contain_text("Связь оборвалась")
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
    page.get_by_role("button", name="Повторить").click()
    expect(page.locator("#ask-error")).to_contain_text("Номер ошибки: 1.")
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")


def test_no_server_at_all(fake):
    visit = fake({"/api/search": lambda route: route.abort()})
    visit.expected.append("net::ERR_FAILED")
    expect(asked(visit).locator("#ask-error")).to_contain_text("Нет связи с сервером.")


def test_the_token_is_asked_for_once_and_again_when_wrong(fake, api):
    shown: list[str | None] = []

    def info(route: Any) -> None:
        shown.append(route.request.headers.get("authorization"))
        api.refused("unauthorized", 401)(route) if shown[-1] != "Bearer right" else route.fulfill(json=api.info)

    visit = fake({"/api/info": info})
    visit.expect_failures(401)
    page = visit.page
    # «неверный»: a key typed in the Russian layout cannot stand in a header, and is not sent at all.
    for token in ("wrong", "неверный", "right"):
        page.locator("#token").fill(token)
        page.locator("#token").press("Enter")
        if token != "right":
            expect(page.locator("#token-wrong")).to_be_visible()
    expect(page.locator("#about")).to_contain_text("2\xa0документа")
    assert shown == [None, "Bearer wrong", "Bearer right"]
    assert page.evaluate("[sessionStorage.length, localStorage.length]") == [1, 0]


def test_a_server_for_reading_alone_says_so(fake, api):
    documents = {
        "generation": "g1",
        "total": 1,
        "documents": [{"doc_id": "lake", "title": "", "characters": 21, "chunks": 1}],
    }
    answers = {"/api/search": FOUND, "/api/answer": api.events(("done", result()))}
    page = fake({"/api/info": api.info | {"writable": False}, "/api/documents": documents, **answers}).page
    page.locator("#to-documents").click()
    expect(page.locator("#documents")).to_contain_text("lake · 21\xa0знак · 1\xa0фрагмент")
    expect(page.locator("#read-only")).to_be_visible()
    expect(page.locator("#upload")).to_be_hidden()
    expect(page.get_by_role("button", name="Удалить")).to_have_count(0)
    page.locator("#to-ask").click()
    asked(SimpleNamespace(page=page))
    expect(page.locator("#answer-text")).to_contain_text("2 м")
    expect(page.locator("#feedback")).to_be_hidden()


def test_files_that_cannot_be_taken_are_not_sent(fake):
    documents = {"generation": "g1", "total": 0, "documents": []}
    page = fake({"/api/documents": documents}).page
    page.locator("#to-documents").click()
    files = page.locator("#upload-files")
    files.set_input_files({"name": "счёт.exe", "mimeType": "text/plain", "buffer": b"x"})
    expect(page.locator("#upload-error")).to_have_text(
        "Файлы такого вида не принимаются: счёт.exe. Подойдут .txt, .md."
    )
    files.set_input_files({"name": "ТОЛСТЫЙ.TXT", "mimeType": "text/plain", "buffer": b"x" * (2**20 + 1)})
    expect(page.locator("#upload-error")).to_contain_text("Слишком много за один раз")
    # Both spellings of «й» are one name.
    twice = [{"name": name, "mimeType": "text/plain", "buffer": b"x"} for name in ("край.txt", "краи\u0306.txt")]
    files.set_input_files(twice)
    expect(page.locator("#upload-error")).to_contain_text("Два файла называются одинаково")


def test_a_dropped_file_is_sent_and_its_indexing_followed(fake, api):
    update = {"generation": "g2", "added": 1, "changed": 0, "unchanged": 0}
    update["documents"] = [{"doc_id": "a.txt", "title": "a", "characters": 4, "chunks": 1}]
    sent: list[bytes] = []

    def documents(route: Any) -> None:
        if route.request.method == "GET":
            route.fulfill(json={"generation": "g1", "total": 0, "documents": []})
            return
        sent.append(route.request.post_data_buffer)
        api.events(("progress", {"stage": "chunking", "done": 1, "total": None}), ("done", update))(route)

    page = fake({"/api/documents": documents}).page
    page.locator("#to-documents").click()
    dropped = page.evaluate_handle(
        "() => { const all = new DataTransfer(); all.items.add(new File(['факт'], 'a.txt')); return all; }"
    )
    page.locator("#upload").dispatch_event("drop", {"dataTransfer": dropped})
    expect(page.locator("#upload-result")).to_have_text("Добавлено: 1\xa0документ.")
    expect(page.locator("#upload-documents")).to_contain_text("a")
    assert "факт".encode() in sent[0]
    assert b'filename="a.txt"' in sent[0]


def test_one_unreadable_file_keeps_all_out(fake, api):
    def documents(route: Any) -> None:
        if route.request.method == "GET":
            route.fulfill(json={"generation": "g1", "total": 0, "documents": []})
        else:
            api.refused("unreadable_document", 422)(route)

    visit = fake({"/api/documents": documents})
    visit.expect_failures(422)
    page = visit.page
    page.locator("#to-documents").click()
    files = [{"name": name, "mimeType": "text/plain", "buffer": b"x"} for name in ("a.txt", "b.txt")]
    page.locator("#upload-files").set_input_files(files)
    expect(page.locator("#upload-error")).to_contain_text("what to do")
    expect(page.locator("#upload-error")).to_contain_text("Ни один из этих файлов не добавлен.")
    expect(page.locator("#upload-files")).to_be_focused()


def test_an_upload_is_called_off(fake):
    def documents(route: Any) -> None:
        if route.request.method == "GET":
            route.fulfill(json={"generation": "g1", "total": 0, "documents": []})
        # What is sent is never answered.

    visit = fake({"/api/documents": documents})
    page = visit.page
    page.locator("#to-documents").click()
    file = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"x"}
    page.locator("#upload-files").set_input_files(file)
    with page.expect_event("requestfailed") as left:
        page.get_by_role("button", name="Отменить").click()
    assert left.value.url.endswith("/api/documents")
    expect(page.locator("#upload-result")).to_have_text("Отменено.")
    expect(page.locator("#upload-progress")).to_be_hidden()
    expect(page.locator("#upload-files")).to_be_focused()


def test_a_condition_is_sent_and_a_wrong_one_is_not(fake, api):
    sent: list[Any] = []

    def search(route: Any) -> None:
        sent.append(route.request.post_data_json["filter"])
        route.fulfill(json=FOUND)

    page = fake({"/api/search": search, "/api/answer": api.events(("done", result()))}).page
    page.locator("#question").fill(QUESTION)
    for text in ("topic", "topic = природа"):
        page.locator("#where").fill(text)
        page.locator("#question").press("Enter")
        if text == "topic":
            expect(page.locator("#ask-error")).to_contain_text("Условие пишется так")
            expect(page.locator("#where")).to_be_focused()
    expect(page.locator("#answer-text")).to_contain_text("2 м")
    expect(page.locator("#ask-error")).to_be_hidden()
    assert sent == [{"topic": {"$eq": "природа"}}]


def test_numbers_out_of_bounds_are_brought_back(fake):
    sent: list[int] = []

    def search(route: Any) -> None:
        sent.append(route.request.post_data_json["k"])
        route.fulfill(json=FOUND)

    page = fake({"/api/search": search}).page
    for count, taken in (("5000", "100"), ("-3", "1"), ("", "10")):
        page.locator("#count").fill(count)
        with page.expect_response("**/api/search"):
            asked(SimpleNamespace(page=page), reading=False)
        expect(page.locator("#count")).to_have_value(taken)
    assert sent == [100, 1, 10]


def test_candidates_say_what_they_were_found_for(fake):
    page = asked(fake({"/api/search": FOUND}), reading=False)
    page.locator("#question").fill("  ")
    page.locator("#question").press("Enter")
    expect(page.locator("#ask-error")).to_have_text("Напишите вопрос.")
    expect(page.locator("#found-question")).to_have_text(QUESTION)
    expect(page.locator("#found-count")).to_have_text("5")


def test_a_quote_is_lit_where_it_stands_in_a_widened_passage(fake, api):
    # Read with its neighbour, which stands before it: the quote's place in the passage itself is another one.
    wide = {key: CANDIDATES[1][key] for key in ("chunk_id", "doc_id", "title", "scores")}
    wide |= {"text": "Перед озером лес.\n" + CANDIDATES[1]["text"], "start": 200 - 18}
    page = fake({"/api/answer": api.events(("done", result(contexts=[wide])))}).page
    page.locator("#agent").check()
    page.locator("#question").fill(QUESTION)
    page.locator("#question").press("Enter")
    page.locator(".citation").hover()
    expect(page.locator("#candidates > .lit mark.quote")).to_have_text("Глубина озера 2 м.")


def test_history_is_kept_asked_again_and_cleared(fake, api):
    visit = fake({"/api/search": FOUND, "/api/answer": api.events(("done", result()))})
    page = asked(visit)
    page.locator("#question").fill("<b>Второй</b> вопрос?")
    page.locator("#question").press("Enter")
    page.reload()
    page.locator("#history-open").click()
    texts = page.locator("#history button").all_inner_texts()
    assert [text.splitlines()[0] for text in texts] == ["<b>Второй</b> вопрос?", QUESTION]
    page.locator("#history button").nth(1).click()
    expect(page.locator("#question")).to_have_value(QUESTION)
    expect(page.locator("#answer-text")).to_contain_text("2 м")
    page.locator("#history-open").click()
    page.locator("#history-clear").click()
    expect(page.locator("#history-nothing")).to_be_visible()
    assert page.evaluate("localStorage.length") == 0


def test_history_of_another_shape_is_no_trouble(fake):
    page = fake().page
    page.evaluate("localStorage.setItem('russian-rag.questions', '{\"a\": [1, null')")
    page.locator("#history-open").click()
    expect(page.locator("#history-nothing")).to_be_visible()
