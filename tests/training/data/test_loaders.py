"""Every format on small files in the shape it is published in."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from evals.datasets.squad import Unit
from rag.documents.rows import SourceDocument
from rag.index.writing import build_index
from rag.profile import load_profile
from retrievers.errors import InputError
from training.data.columns import DUPLICATES, INSTRUCTIONS, PAIRS, SCORED, YES_NO, load_columns
from training.data.found import Skip, SkipReason
from training.data.judged import load_beir, load_trec
from training.data.miracl import load_miracl
from training.data.paraphrases import load_paraphrases
from training.data.questions import load_questions
from training.data.rubq import load_rubq
from training.data.squad import load_squad
from training.data.triples import load_id_triples, load_triples
from training.examples import Example

PASSAGE = " Защита «Пэнтерс» уступила всего 308 очков, заняв шестое место."


def skip(reason: SkipReason) -> Skip:
    return Skip(reason)


@pytest.fixture
def sberquad(tmp_path, write_lines) -> Path:
    """Rows as the hub has them, with what is wrong in some: another case, another place, withheld answers."""
    row = {"title": "SberChallenge", "context": PASSAGE}
    return write_lines(
        tmp_path / "sberquad.jsonl",
        [
            {**row, "id": 1, "question": "Сколько очков? ", "answers": {"text": ["308"], "answer_start": [33]}},
            {**row, "id": 2, "question": "Кто?", "answers": {"text": ["защита пэнтерс"], "answer_start": [1]}},
            {**row, "id": 3, "question": "Какое место?", "answers": {"text": ["Шестое место"], "answer_start": [0]}},
            {**row, "id": 4, "question": "Чья защита?", "answers": {"text": [""], "answer_start": [-1]}},
            {**row, "id": 5, "question": "Кто судил?", "answers": {"text": [], "answer_start": []}},
        ],
    )


def test_sberquad(sberquad) -> None:
    *found, last = load_squad([sberquad])
    assert last == skip(SkipReason.UNANSWERABLE)
    assert [row.question for row in found] == ["Сколько очков?", "Кто?", "Какое место?", "Чья защита?"]
    assert [row.answers for row in found] == [("308",), ("защита пэнтерс",), ("шестое место", "Шестое место"), ()]
    assert [row.answer_start for row in found] == [32, None, 49, None]
    assert {(row.passage, row.title, row.source, row.label) for row in found} == {(PASSAGE.strip(), "", "squad", None)}
    assert len({row.doc_id for row in found}) == 1


def test_questions_without_an_answer_are_pairs_that_do_not_belong(sberquad) -> None:
    *_, last = load_squad([sberquad], keep_unanswerable=True)
    assert (last.label, last.answers) == (0.0, ())


def test_nested_squad_with_articles(tmp_path) -> None:
    path = tmp_path / "xquad.ru.json"
    asked = {"id": "a", "question": "Сколько?", "answers": [{"text": "308", "answer_start": 33}]}
    article = {"title": "Super_Bowl_50", "paragraphs": [{"context": PASSAGE, "qas": [asked]}]}
    path.write_text(json.dumps({"data": [article]}, ensure_ascii=False), "utf-8")
    (row,) = load_squad([path], unit=Unit.ARTICLE)
    assert (row.title, row.doc_id, row.answer_start) == ("Super Bowl 50", "Super_Bowl_50", 32)


@pytest.fixture
def rubq(tmp_path) -> tuple[Path, Path]:
    answer = {"type": "uri", "label": "Чили", "wd_names": {"ru": ["Республика Чили"]}}
    questions = [
        {
            "uid": 4,
            "question_text": "Какой стране принадлежит остров Пасхи?",
            "answer_text": "Чили",
            "answers": [answer],
            "paragraphs_uids": {"with_answer": [10, 99], "all_related": [10, 11, 12, 98]},
        },
        {
            "uid": 5,
            "question_text": "Кто?",
            "answer_text": "",
            "answers": [],
            "paragraphs_uids": {"with_answer": [], "all_related": [11]},
        },
    ]
    paragraphs = [
        {"uid": 10, "ru_wiki_pageid": 1, "text": "Остров принадлежит Чили."},
        {"uid": 11, "ru_wiki_pageid": 1, "text": "На острове стоят статуи."},
        {"uid": 12, "ru_wiki_pageid": 2, "text": "Пасха — праздник."},
    ]
    files = tmp_path / "RuBQ_2.0_dev.json", tmp_path / "RuBQ_2.0_paragraphs.json"
    for path, content in zip(files, (questions, paragraphs), strict=True):
        path.write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    return files


def test_rubq(rubq) -> None:
    questions, paragraphs = rubq
    row, unknown, unanswerable = load_rubq([questions], paragraphs, negatives=5)
    assert row == Example(
        question="Какой стране принадлежит остров Пасхи?",
        passage="Остров принадлежит Чили.",
        answers=("Чили", "Республика Чили"),
        answer_start=19,
        negatives=("На острове стоят статуи.", "Пасха — праздник."),
        doc_id="1",
        source="rubq",
    )
    assert (unknown, unanswerable) == (skip(SkipReason.UNKNOWN_PASSAGE), skip(SkipReason.UNANSWERABLE))
    assert next(load_rubq([questions], paragraphs)).negatives == ()


def test_rubq_as_published(shared_data, tmp_path) -> None:
    paragraphs = tmp_path / "paragraphs.json"
    uids = (10782, 10783, 10784, 10785, 10786)
    texts = [{"uid": uid, "ru_wiki_pageid": 1, "text": f"Абзац {uid}: остров Чили."} for uid in uids]
    paragraphs.write_text(json.dumps(texts, ensure_ascii=False), "utf-8")
    found = list(load_rubq([shared_data / "questions" / "RuBQ_2.0_dev.json.gz"], paragraphs, negatives=9))
    rows = [one for one in found if isinstance(one, Example) and "Пасхи" in one.question]
    assert len(rows) == 3
    assert {row.negatives for row in rows} == {("Абзац 10784: остров Чили.", "Абзац 10786: остров Чили.")}


def test_evaluation_questions_with_their_paragraphs(tmp_path, write_lines) -> None:
    paragraph = "Роман Гарриет Бичер-Стоу вышел в 1852 году."
    base = {"question": "Кто написал роман?", "answers": ["Г. Бичер-Стоу"], "gold_doc_ids": ["7"]}
    rows = [
        {**base, "qid": "1", "paragraph": paragraph, "answer_span": {"text": "Гарриет Бичер-Стоу", "start": 6}},
        {
            **base,
            "qid": "2",
            "paragraph": paragraph,
            "answer_span": {"text": "Бичер-Стоу", "start": 14, "match": "partial"},
        },
        {**base, "qid": "3", "paragraph": paragraph, "answer_span": None},
        {"qid": "4", "question": "Что?", "answerable": False},
        {**base, "qid": "5"},
    ]
    *found, unanswerable, unknown = load_questions([write_lines(tmp_path / "questions.jsonl", rows)])
    assert [row.answers for row in found] == [
        ("Гарриет Бичер-Стоу", "Г. Бичер-Стоу"),
        ("Г. Бичер-Стоу",),
        ("Г. Бичер-Стоу",),
    ]
    assert [row.answer_start for row in found] == [6, None, None]
    assert (unanswerable, unknown) == (skip(SkipReason.UNANSWERABLE), skip(SkipReason.UNKNOWN_PASSAGE))


def test_evaluation_questions_over_short_documents(shared_data) -> None:
    folder = shared_data / "xquad"
    found = list(load_questions([folder / "xquad_dev.jsonl"], corpus=folder / "paragraphs.jsonl"))
    assert len(found) == 538
    assert all(isinstance(row, Example) and row.answer_start is not None and row.title for row in found)


def test_evaluation_questions_over_an_index(tmp_path, write_lines) -> None:
    text = "Глубина озера 1642 метра.\n\n" + "Вода в нём чиста. " * 120
    options = load_profile("offline", {"index": {"encoder": {"kind": "none"}}}).index
    build_index([SourceDocument("baikal", "Байкал", text, {})], tmp_path / "index", options)
    question = {"qid": "1", "question": "Какова глубина?", "answers": ["1642 метра"], "gold_doc_ids": ["baikal"]}
    lost = {"qid": "2", "question": "Чей?", "answers": ["ничей"], "gold_doc_ids": ["baikal"]}
    row, unknown = load_questions(
        [write_lines(tmp_path / "questions.jsonl", [question, lost])], index=tmp_path / "index"
    )
    assert row.passage.startswith("Глубина озера 1642 метра.")
    assert (row.title, row.doc_id, row.answer_start) == ("Байкал", "baikal", 14)
    assert unknown == skip(SkipReason.UNKNOWN_PASSAGE)


def test_triples_of_texts(tmp_path, write_lines) -> None:
    path = write_lines(tmp_path / "triples.tsv", ['где эльбрус\tНа "Кавказе.\tНа Урале.', "кто\t \tОн."])
    row, empty = load_triples([path])
    assert (row.question, row.passage, row.negatives) == ("где эльбрус", 'На "Кавказе.', ("На Урале.",))
    assert empty == skip(SkipReason.EMPTY)


def test_triples_as_rows(tmp_path, write_lines) -> None:
    rows = [
        {"query": "где", "pos": ["там", "тут"], "neg": ["нигде", "везде"], "pos_scores": [1.0]},
        {"anchor": "где", "positive": "там", "negative_10": "десять", "negative_2": "два", "negative_1": None},
        {"query": "где", "pos": []},
    ]
    first, second, numbered, none = load_triples([write_lines(tmp_path / "rows.jsonl", rows)])
    assert (first.passage, second.passage) == ("там", "тут")
    assert first.negatives == second.negatives == ("нигде", "везде")
    assert numbered.negatives == ("два", "десять")
    assert none == skip(SkipReason.UNKNOWN_PASSAGE)


@pytest.fixture
def collection(tmp_path, write_lines) -> dict[str, Path]:
    return {
        "queries": write_lines(tmp_path / "russian_queries.tsv", ["1\tгде эльбрус", "2\tкто открыл нептун"]),
        "collection": write_lines(
            tmp_path / "russian_collection.tsv", ["10\tНа Кавказе.", "11\tНа Урале.", "12\tНептун открыл Галле."]
        ),
    }


def test_triples_of_ids(tmp_path, write_lines, collection) -> None:
    path = write_lines(tmp_path / "triples.tsv", ["1\t10\t11", "2\t12\t11", "1\t10\t12", "3\t10\t11", "1\t77\t11"])
    files = {"queries": collection["queries"], "collection": [collection["collection"]]}
    first, second, query, passage = load_id_triples([path], **files)
    assert (first.question, first.passage, first.doc_id) == ("где эльбрус", "На Кавказе.", "10")
    assert first.negatives == ("На Урале.", "Нептун открыл Галле.")
    assert second.negatives == ("На Урале.",)
    assert (query, passage) == (skip(SkipReason.UNKNOWN_QUESTION), skip(SkipReason.UNKNOWN_PASSAGE))
    (only,) = load_id_triples([path], **files, limit=1)
    assert only.negatives == ("На Урале.",)


def test_trec(tmp_path, write_lines, collection) -> None:
    qrels = write_lines(
        tmp_path / "qrels.txt", ["1 0 10 3", "1 0 11 0", "1 0 12 1", "2 Q0 12 2", "9 0 10 1", "2 0 77 2"]
    )
    files = {"queries": collection["queries"], "collection": [collection["collection"]]}
    found = list(load_trec([qrels], **files, min_score=2))
    first, second = (one for one in found if isinstance(one, Example))
    assert (first.passage, first.negatives) == ("На Кавказе.", ("Нептун открыл Галле.", "На Урале."))
    assert (second.passage, second.negatives) == ("Нептун открыл Галле.", ())
    assert sorted(one.reason for one in found if isinstance(one, Skip)) == sorted(
        [SkipReason.NOT_RELEVANT] * 2 + [SkipReason.UNKNOWN_PASSAGE, SkipReason.UNKNOWN_QUESTION]
    )
    graded = [one for one in load_trec([qrels], **files, graded=True) if isinstance(one, Example)]
    assert [(one.question, one.label) for one in graded] == [
        ("где эльбрус", 3.0),
        ("где эльбрус", 0.0),
        ("где эльбрус", 1.0),
        ("кто открыл нептун", 2.0),
    ]


def test_trec_documents_have_titles(tmp_path, write_lines, collection) -> None:
    qrels = write_lines(tmp_path / "qrels.txt", ["1 0 D10 1", "1 0 D11 0"])
    documents = write_lines(
        tmp_path / "docs.tsv", ["D10\thttp://a\tЭльбрус\tНа Кавказе.", "D11\thttp://b\tУрал\tДлинные горы."]
    )
    row, _ = load_trec([qrels], queries=collection["queries"], collection=[documents])
    assert (row.title, row.passage, row.negatives) == ("Эльбрус", "На Кавказе.", ("Урал\nДлинные горы.",))


def test_beir(tmp_path, write_lines) -> None:
    folder = tmp_path / "scifact"
    write_lines(
        folder / "corpus.jsonl",
        [{"_id": "a", "title": "Эльбрус", "text": "На Кавказе."}, {"_id": "b", "title": "", "text": "На Урале."}],
    )
    write_lines(folder / "queries.jsonl", [{"_id": "1", "text": "Где Эльбрус?"}, {"_id": "2", "text": "Что?"}])
    write_lines(folder / "qrels" / "train.tsv", ["query-id\tcorpus-id\tscore", "1\ta\t1", "1\tb\t0"])
    row, below = load_beir([folder])
    assert (row.question, row.text, row.negatives) == ("Где Эльбрус?", "Эльбрус\nНа Кавказе.", ("На Урале.",))
    assert below == skip(SkipReason.NOT_RELEVANT)
    assert [one.label for one in load_beir([folder], graded=True)] == [1.0, 0.0]


def test_miracl(tmp_path, write_lines) -> None:
    passage = {"docid": "7#3", "title": "Эльбрус", "text": "На Кавказе."}
    other = {"docid": "8#0", "title": "Урал", "text": "Горы."}
    rows = [
        {"query_id": "1", "query": "Где?", "positive_passages": [passage], "negative_passages": [other]},
        {"query_id": "2", "query": "Где?", "positive_passages": [], "negative_passages": [other]},
    ]
    row, none = load_miracl([write_lines(tmp_path / "train.jsonl", rows)])
    assert (row.doc_id, row.title, row.negatives) == ("7", "Эльбрус", ("Урал\nГоры.",))
    assert none == skip(SkipReason.UNANSWERABLE)


def test_quora(tmp_path, write_lines) -> None:
    header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"
    lines = [
        header,
        '0\t1\t2\t"Как ""это"" работает?"\tКак оно работает?\t1',
        "1\t3\t4\tГде?\tКогда?\t0",
        "2\t5\t6\tКто?\t\t0",
    ]
    first, second, empty = load_columns([write_lines(tmp_path / "q.tsv", lines)], DUPLICATES, source="duplicates")
    assert (first.question, first.passage, first.label) == ('Как "это" работает?', "Как оно работает?", 1.0)
    assert second.label == 0.0
    assert empty == skip(SkipReason.EMPTY)


def test_scored_pairs(tmp_path, write_lines) -> None:
    path = write_lines(tmp_path / "sts.csv", ["sentence1,sentence2,score", "Кошка спит.,Кот дремлет.,4.2"])
    (row,) = load_columns([path], SCORED, source="sts", label_scale=5)
    assert row.label == pytest.approx(0.84)
    klue = tmp_path / "klue-sts.json"
    labels = {"label": 3.7, "real-label": 3.714, "binary-label": 1}
    klue.write_text(json.dumps([{"sentence1": "а", "sentence2": "б", "labels": labels}]), "utf-8")
    assert [row.label for row in load_columns([klue], SCORED, source="sts")] == [3.7]
    (bare,) = load_columns(
        [write_lines(tmp_path / "glue.tsv", ["sentence1\tsentence2\tscore", 'Он сказал "да\tДа\t1,5'])],
        SCORED,
        source="sts",
        unquoted=True,
    )
    assert (bare.question, bare.label) == ('Он сказал "да', 1.5)


def test_instructions(tmp_path, write_lines) -> None:
    rows = [
        {"instruction": "Переведи на русский", "input": "lake", "output": "озеро"},
        {"question": "Что такое Байкал?", "answer": "Озеро."},
    ]
    first, second = load_columns([write_lines(tmp_path / "alpaca.jsonl", rows)], INSTRUCTIONS, source="instructions")
    assert (first.question, first.passage) == ("Переведи на русский\nlake", "озеро")
    assert (second.question, second.passage) == ("Что такое Байкал?", "Озеро.")


def test_danetqa(tmp_path, write_lines, shared_data) -> None:
    rows = [{"question": "Вднх — это выставка?", "passage": "Да, ВДНХ — выставка.", "label": True, "idx": 0}]
    (row,) = load_columns([write_lines(tmp_path / "train.jsonl", rows)], YES_NO, source="yes-no")
    assert (row.answers, row.answer_start, row.label) == (("да",), None, None)
    found = list(load_columns([shared_data / "questions" / "danetqa.jsonl.zst"], YES_NO, source="yes-no"))
    assert len(found) == 2691
    assert {row.answers for row in found if isinstance(row, Example)} == {("да",), ("нет",), ()}


def test_a_table_of_ones_own(tmp_path, write_lines) -> None:
    lines = ["вопрос;ответ;текст;файл", "Где?;На Кавказе;Эльбрус стоит на Кавказе.;горы.md", ";;Без вопроса.;x"]
    columns = PAIRS.__class__(question=("вопрос",), passage=("текст",), answers=("ответ",), doc_id=("файл",))
    row, empty = load_columns([write_lines(tmp_path / "t.csv", lines)], columns, source="faq")
    assert (row.answers, row.answer_start, row.doc_id) == (("на Кавказе", "На Кавказе"), 14, "горы.md")
    assert empty == skip(SkipReason.EMPTY)


def test_paraphrases(tmp_path, write_lines, shared_data) -> None:
    rows = [{"group": ["раз", "один", "раз "]}, {"group": ["одна"]}, {"paraphrases": ["а", "б", "в"]}]
    first, alone, *rest = load_paraphrases([write_lines(tmp_path / "groups.jsonl", rows)])
    assert (first.question, first.passage) == ("раз", "один")
    assert alone == skip(SkipReason.ALONE)
    assert [(row.question, row.passage) for row in rest] == [("а", "б"), ("б", "в")]
    lines = write_lines(tmp_path / "groups.txt", ["", "раз", "один", "", "", "а", "б"])
    assert [(row.question, row.passage) for row in load_paraphrases([lines])] == [("раз", "один"), ("а", "б")]
    real = load_paraphrases([shared_data / "text" / "paraphrase_groups.jsonl.zst"])
    assert sum(isinstance(row, Example) for row in itertools.islice(real, 1000)) > 900


@pytest.mark.parametrize(
    ("load", "lines", "message"),
    [
        (load_triples, ["а\tб"], r"wrong\.tsv:1: expected three columns"),
        (lambda paths: load_columns(paths, SCORED, source="s"), ["a\tb", "1\t2"], "no column 'sentence1' or"),
        (
            lambda paths: load_columns(paths, SCORED, source="s"),
            ["sentence1\tsentence2\tscore", "а\tб\tмного"],
            r"wrong\.tsv:2: field score: expected a number, found 'много'",
        ),
        (lambda paths: load_columns(paths, SCORED, source="s", label_scale=0), [], "--label-scale"),
        (
            lambda paths: load_columns(paths, DUPLICATES, source="s", unquoted=True),
            ["question1\tquestion2", "а"],
            "expected 2 cells",
        ),
    ],
)
def test_mistakes_are_named_by_line_and_field(tmp_path, write_lines, load, lines, message) -> None:
    with pytest.raises(InputError, match=message):
        list(load([write_lines(tmp_path / "wrong.tsv", lines)]))


@pytest.mark.parametrize(
    ("load", "row", "message"),
    [
        (load_triples, {"pos": ["а"]}, "field query"),
        (load_triples, {"query": "а", "pos": [1]}, "field pos: expected a list of texts"),
        (load_miracl, {"query": "а", "positive_passages": "б"}, "field positive_passages"),
        (load_paraphrases, {"group": "а"}, "field group: expected a list of texts"),
        (load_questions, {"qid": "1"}, "field question"),
        (lambda paths: load_columns(paths, PAIRS, source="s"), {"question": "а"}, "field passage: expected text"),
        (lambda paths: load_columns(paths, PAIRS, source="s"), {"question": [], "passage": "б"}, "field question"),
        (
            lambda paths: load_columns(paths, PAIRS, source="s"),
            {"question": "а", "passage": "б", "answers": [{}]},
            "field answers",
        ),
    ],
)
def test_mistakes_in_rows(tmp_path, write_lines, load, row, message) -> None:
    with pytest.raises(InputError, match=message):
        list(load([write_lines(tmp_path / "wrong.jsonl", [row])]))
