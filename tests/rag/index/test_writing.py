from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from rag.documents.rows import SourceDocument
from rag.errors import IndexLockedError, IndexMismatchError, IndexNotFoundError, InputError
from rag.index import (
    EncoderKind,
    EncoderOptions,
    IndexOptions,
    add_documents,
    build_index,
    open_index,
    remove_documents,
    verify_index,
)
from rag.index.locks import writer_lock
from tests.rag.index.samples import BAIKAL, PUSHKIN, SOURCES, VOLGA, HashEmbeddings, found_ids, generations

NO_ENCODER = IndexOptions(encoder=EncoderOptions(kind=EncoderKind.NONE))


def moved(source: SourceDocument) -> SourceDocument:
    """The document with a section set before it: every old chunk keeps its text and loses its number."""
    return dataclasses.replace(source, text="## Введение\n\nНовый первый раздел.\n\n## Далее\n\n" + source.text)


def test_a_new_index_is_sound_and_answers(index_directory: Path, encoder: HashEmbeddings) -> None:
    assert verify_index(index_directory, embeddings=encoder) == []
    with open_index(index_directory, embeddings=encoder) as index:
        assert index.manifest.documents == 3
        for leg in (index.bm25(), index.tfidf(), index.dense()):
            assert leg.invoke("глубина Байкала", k=1)[0].id == "baikal_0"


def test_unchanged_documents_cost_nothing(index_directory: Path, encoder: HashEmbeddings) -> None:
    before = generations(index_directory)
    change = add_documents(SOURCES, index_directory, embeddings=encoder)
    assert (change.added, change.changed, change.unchanged, change.encoded) == (0, 0, 3, 0)
    assert encoder.asked == []
    assert generations(index_directory) == before


def test_adding_encodes_only_what_is_new(index_directory: Path, encoder: HashEmbeddings) -> None:
    new = SourceDocument("ob", "Обь", "Обь — река в Сибири.", {})
    change = add_documents([*SOURCES, new], index_directory, embeddings=encoder)
    assert (change.added, change.unchanged, change.encoded) == (1, 3, 1)
    assert [text for text in encoder.asked if "Обь" in text] == ["Обь\nОбь — река в Сибири."]
    assert verify_index(index_directory, embeddings=encoder) == []


def test_chunks_that_only_moved_are_not_encoded_again(index_directory: Path, encoder: HashEmbeddings) -> None:
    change = add_documents([moved(VOLGA)], index_directory, embeddings=encoder)
    assert change.changed == 1
    # «Волга впадает…» now stands under the heading «Далее», which is part of its search text; the introduction is new.
    assert change.encoded == 2
    tail = dataclasses.replace(BAIKAL, text=BAIKAL.text + "\n\n## Фауна\n\nВ озере живёт нерпа.")
    assert add_documents([tail], index_directory, embeddings=encoder).encoded == 1
    assert verify_index(index_directory, embeddings=encoder) == []


def test_a_changed_document_replaces_its_chunks(index_directory: Path, encoder: HashEmbeddings) -> None:
    shorter = dataclasses.replace(BAIKAL, text="Байкал — озеро.", metadata={})
    add_documents([shorter], index_directory, embeddings=encoder)
    with open_index(index_directory, embeddings=encoder) as index:
        assert index.chunks.chunk_ids() == ["baikal_0", "volga_1_0", "пушкин_0"]
        assert index.bm25().invoke("лёд") == []
        hits = index.dense().invoke("Байкал")
        assert "topic" not in hits[0].metadata
        assert "baikal_1" not in found_ids(hits)
        assert index.dense().invoke("Байкал", filter={"year": 1996}) == []
    assert verify_index(index_directory, embeddings=encoder) == []


def test_a_changed_index_equals_one_built_anew(index_directory: Path, encoder: HashEmbeddings, tmp_path: Path) -> None:
    new = SourceDocument("ob", "Обь", "Обь — река в Сибири.", {})
    remove_documents(["volga_1"], index_directory, embeddings=encoder)
    add_documents([moved(BAIKAL), new], index_directory, embeddings=encoder)
    build_index([moved(BAIKAL), PUSHKIN, new], tmp_path / "fresh", IndexOptions(tfidf=True), embeddings=encoder)
    with (
        open_index(index_directory, embeddings=encoder) as changed,
        open_index(tmp_path / "fresh", embeddings=encoder) as fresh,
    ):
        assert list(changed.chunks) == list(fresh.chunks)
        assert list(changed.chunks.terms()) == list(fresh.chunks.terms())
        for question in ("река в Сибири", "родился в Москве"):
            assert changed.bm25().invoke(question) == fresh.bm25().invoke(question)
            assert changed.tfidf().invoke(question) == fresh.tfidf().invoke(question)
            assert found_ids(changed.dense().invoke(question, k=1)) == found_ids(fresh.dense().invoke(question, k=1))


def test_removal_removes_every_chunk(index_directory: Path, encoder: HashEmbeddings) -> None:
    change = remove_documents(["baikal", "baikal"], index_directory, embeddings=encoder)
    assert change.removed == 1
    assert encoder.asked == []
    with open_index(index_directory, embeddings=encoder) as index:
        assert index.chunks.chunk_ids() == ["volga_1_0", "пушкин_0"]
        assert set(index.vectors().all_ids()) == {"volga_1_0", "пушкин_0"}
    assert verify_index(index_directory, embeddings=encoder) == []


def test_removing_the_unknown_or_everything_is_refused(index_directory: Path, encoder: HashEmbeddings) -> None:
    before = generations(index_directory)
    with pytest.raises(InputError, match="'нет такого'"):
        remove_documents(["baikal", "нет такого"], index_directory, embeddings=encoder)
    with pytest.raises(InputError, match="nothing would be left"):
        remove_documents([source.doc_id for source in SOURCES], index_directory, embeddings=encoder)
    assert generations(index_directory) == before


def test_building_anew_replaces_the_index(index_directory: Path, encoder: HashEmbeddings) -> None:
    with open_index(index_directory, embeddings=encoder) as index:
        identity = index.manifest.index_id
    build_index([PUSHKIN], index_directory, embeddings=encoder)
    with open_index(index_directory, embeddings=encoder) as index:
        assert index.manifest.index_id == identity
        assert index.chunks.doc_ids() == ["пушкин"]
        assert not index.manifest.options.tfidf
    assert len(generations(index_directory)) == 1


def test_building_over_a_broken_index_mends_it(index_directory: Path, encoder: HashEmbeddings) -> None:
    (index_directory / "CURRENT.json").write_text("{")
    build_index(SOURCES, index_directory, embeddings=encoder)
    assert verify_index(index_directory, embeddings=encoder) == []


def test_nothing_to_index_leaves_nothing(tmp_path: Path, encoder: HashEmbeddings) -> None:
    for sources in ([], [SourceDocument("пусто", "Пусто", " \n", {})]):
        with pytest.raises(InputError, match="nothing to index"):
            build_index(sources, tmp_path / "index", embeddings=encoder)
    assert not (tmp_path / "index").exists()


def test_a_document_id_may_come_once(tmp_path: Path, encoder: HashEmbeddings) -> None:
    with pytest.raises(InputError, match="'baikal' comes twice"):
        build_index([BAIKAL, VOLGA, BAIKAL], tmp_path / "index", embeddings=encoder)


def test_foreign_directories_are_not_built_into(tmp_path: Path, encoder: HashEmbeddings) -> None:
    (tmp_path / "thesis.docx").write_text("важное")
    with pytest.raises(InputError, match=r"neither empty nor an index \(it holds thesis.docx\)"):
        build_index(SOURCES, tmp_path, embeddings=encoder)
    with pytest.raises(InputError, match="is a file"):
        build_index(SOURCES, tmp_path / "thesis.docx", embeddings=encoder)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_adding_needs_an_index(tmp_path: Path, encoder: HashEmbeddings) -> None:
    with pytest.raises(IndexNotFoundError, match="does not exist"):
        add_documents(SOURCES, tmp_path / "absent", embeddings=encoder)
    assert not (tmp_path / "absent").exists()


def test_one_path_alone_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="list of paths"):
        build_index("documents.jsonl", tmp_path / "index")


def test_files_are_read(tmp_path: Path, encoder: HashEmbeddings) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "ob.md").write_text("# Обь\n\nОбь — река в Сибири.\n", encoding="utf-8")
    change = build_index([tmp_path / "docs"], tmp_path / "index", embeddings=encoder)
    assert (change.added, change.manifest.chunks) == (1, 1)


def test_without_an_encoder_there_are_lexical_legs_only(tmp_path: Path) -> None:
    build_index(SOURCES, tmp_path / "index", NO_ENCODER)
    add_documents([SourceDocument("ob", "Обь", "Обь — река.", {})], tmp_path / "index")
    assert verify_index(tmp_path / "index") == []
    with open_index(tmp_path / "index") as index:
        assert index.bm25().invoke("река Обь", k=1)[0].id == "ob_0"
        with pytest.raises(IndexMismatchError, match="without an encoder"):
            index.dense()


def test_another_encoder_is_refused(index_directory: Path) -> None:
    before = generations(index_directory)
    for wrong, message in (
        (HashEmbeddings(fingerprint="other"), "other"),
        (HashEmbeddings(dimension=32), "32"),
        (None, "HashEmbeddings"),
    ):
        with pytest.raises(IndexMismatchError, match=message):
            add_documents([dataclasses.replace(VOLGA, text="Иной текст.")], index_directory, embeddings=wrong)
    assert generations(index_directory) == before


def test_one_writer_at_a_time(index_directory: Path, encoder: HashEmbeddings) -> None:
    with writer_lock(index_directory / ".lock"):
        for write in (
            lambda: add_documents([VOLGA], index_directory, embeddings=encoder),
            lambda: remove_documents(["baikal"], index_directory, embeddings=encoder),
            lambda: build_index(SOURCES, index_directory, embeddings=encoder),
        ):
            with pytest.raises(IndexLockedError, match="being written by process"):
                write()
        assert verify_index(index_directory, embeddings=encoder) == []  # readers are not kept out
    remove_documents(["baikal"], index_directory, embeddings=encoder)


def test_semantic_chunks_are_cut_by_the_encoder_of_the_index(tmp_path: Path, encoder: HashEmbeddings) -> None:
    options = IndexOptions.model_validate(
        {"chunking": {"method": "semantic", "semantic": {"threshold": 0.2, "minimum": 0, "maximum": 400}}}
    )
    text = "Озеро глубоко. Озеро холодно. Пушкин родился в Москве. Пушкин рос в Москве."
    build_index([SourceDocument("mixed", "Разное", text, {})], tmp_path / "index", options, embeddings=encoder)
    with open_index(tmp_path / "index", embeddings=encoder) as index:
        assert [chunk.page_content for chunk in index.chunks] == [
            "Озеро глубоко. Озеро холодно.",
            "Пушкин родился в Москве. Пушкин рос в Москве.",
        ]
    added = SourceDocument("second", "Ещё", "Лёд тонок. Лёд хрупок. Волга длинна.", {})
    assert add_documents([added], tmp_path / "index", embeddings=encoder).manifest.chunks == 4
    assert verify_index(tmp_path / "index", embeddings=encoder) == []
