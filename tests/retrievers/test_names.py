from __future__ import annotations

import pytest
import razdel
from hypothesis import given
from hypothesis import strategies as st

from retrievers.models import load_morph
from retrievers.names import NameInText, nominatives


def nominative(name: str, *, personal: bool, before: str = "", after: str = "") -> str:
    return nominatives([NameInText(before + name + after, len(before), len(before) + len(name), personal)])[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Витуса Беринга", "Витус Беринг"),
        ("Витусе Беринге", "Витус Беринг"),
        ("А. С. Пушкина", "А. С. Пушкин"),
        ("Дж. Кука", "Дж. Кук"),
        ("Софьи Ковалевской", "Софья Ковалевская"),
        ("Елизаветы Григорьевны Мамонтовой", "Елизавета Григорьевна Мамонтова"),
        ("Дмитрием Ивановичем Менделеевым", "Дмитрий Иванович Менделеев"),
        ("Алексей Михайлович", "Алексей Михайлович"),
        ("Льва Толстого", "Лев Толстой"),
        ("Петре Великом", "Пётр Великий"),
        ("Ильёй Репиным", "Илья Репин"),
        ("Никите Михалкове", "Никита Михалков"),
        ("Любови Орловой", "Любовь Орлова"),
        ("Екатерины II", "Екатерина II"),
        ("Юлия Цезаря", "Юлий Цезарь"),
        ("Марии Кюри", "Мария Кюри"),
        ("Пьера Кюри", "Пьер Кюри"),
        ("Марии Шефнер", "Мария Шефнер"),
        ("Тараса Шевченко", "Тарас Шевченко"),
        ("Акиры Куросавы", "Акира Куросава"),
        ("Николая Андреевича Римского-Корсакова", "Николай Андреевич Римский-Корсаков"),
        ("М. Е. Салтыкова-Щедрина", "М. Е. Салтыков-Щедрин"),
        ("Антуана де Сент-Экзюпери", "Антуан де Сент-Экзюпери"),
        ("Мигеля де Сервантеса", "Мигель де Сервантес"),
        ("Леонардо да Винчи", "Леонардо да Винчи"),
        ("Винсента Ван Гога", "Винсент Ван Гог"),
        ("Гайдном", "Гайдн"),  # not in the dictionary
        ("МАРИНЫ ЦВЕТАЕВОЙ", "МАРИНА ЦВЕТАЕВА"),
        ("Витуса\nБеринга", "Витус Беринг"),
        ("Steve Jobs", "Steve Jobs"),
    ],
)
def test_people(name, expected) -> None:
    assert nominative(name, personal=True) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Петропавловске-Камчатском", "Петропавловск-Камчатский"),
        ("Ростове-на-Дону", "Ростов-на-Дону"),
        ("Нью-Йорке", "Нью-Йорк"),
        ("Ханты-Мансийске", "Ханты-Мансийск"),
        ("Новгорода-Северского", "Новгород-Северский"),
        ("Нижнем Новгороде", "Нижний Новгород"),
        ("Новгорода Великого", "Новгород Великий"),
        ("Великих Луках", "Великие Луки"),
        ("Набережных Челнах", "Набережные Челны"),
        ("Крыму", "Крым"),
        ("Альпах", "Альпы"),
        ("Тбилиси", "Тбилиси"),
        ("Орле", "Орёл"),
        ("Черного моря", "Чёрное море"),
        ("Красной площади", "Красная площадь"),
        ("Северного Ледовитого океана", "Северный Ледовитый океан"),
        ("Курильских островов", "Курильские острова"),
        ("реки Волги", "река Волга"),
        ("города Москвы", "город Москва"),
        ("озера Байкал", "озеро Байкал"),
        ("Мысе Доброй Надежды", "Мыс Доброй Надежды"),
        ("Соединённых Штатов Америки", "Соединённые Штаты Америки"),
        ("США", "США"),
        ("Московского университета", "Московский университет"),
        ("Российской академией наук", "Российская академия наук"),
        ("Министерства обороны Российской Федерации", "Министерство обороны Российской Федерации"),
        ("МГУ имени Ломоносова", "МГУ имени Ломоносова"),
        ("Театра имени Вахтангова", "Театр имени Вахтангова"),
        ("2-й гвардейской дивизии", "2-й гвардейская дивизия"),
        ("компании «Яндекс»", "компания «Яндекс»"),
        ("театра «Современник»", "театр «Современник»"),
        ("«Известия»", "«Известия»"),
        ("«Спартака»", "«Спартак»"),
        ("Московского «Спартака»", "Московский «Спартак»"),
        ("Google", "Google"),
    ],
)
def test_places_and_organisations(name, expected) -> None:
    assert nominative(name, personal=False) == expected


@pytest.mark.parametrize(
    ("before", "name", "after", "expected"),
    [
        ("Стихи ", "Александра Пушкина", " знают все.", "Александр Пушкин"),
        ("На сцене выступила ", "Александра Пушкина", ", солистка театра.", "Александра Пушкина"),
        ("Роман ", "Толстой", " писал семь лет.", "Толстой"),
        ("Здесь жила ", "Валентина Терешкова", ".", "Валентина Терешкова"),
        ("Полёт ", "Валентины Терешковой", " длился трое суток.", "Валентина Терешкова"),
    ],
)
def test_the_sentence_decides_between_readings(before, name, after, expected) -> None:
    assert nominative(name, personal=True, before=before, after=after) == expected


def test_tags_of_a_window_are_those_of_the_sentence(monkeypatch) -> None:
    """The window of three words to either side, which ``nominatives`` tags, loses nothing of the tagger's opinion."""
    from retrievers import names

    text = "В середине прошлого века в этом городе жила и работала Александра Пушкина , сестра известного тогда врача ."
    start = text.index("Александра")
    name = NameInText(text, start, start + len("Александра Пушкина"), personal=True)
    (window,) = names._tags([name])
    tokens = [(token.start, token.text) for token in razdel.tokenize(text)]
    tags = load_morph()([token for _, token in tokens]).tokens
    whole = {at - start: tag.feats for (at, _), tag in zip(tokens, tags, strict=True)}
    inside = {at: feats for at, feats in window.items() if 0 <= at < name.stop - start}
    assert len(window) < len(tokens)
    assert len(inside) == 2
    assert all(whole[at] == feats for at, feats in inside.items())


def test_names_do_not_depend_on_their_neighbours() -> None:
    pairs = [("Александра Пушкина", True), ("Толстой", True), ("Известия", False), ("Лены", False), ("Гайдном", True)]
    names = [NameInText(f"Это о {name} и ещё.", 6, 6 + len(name), personal) for name, personal in pairs]
    assert nominatives(names) == [nominatives([name])[0] for name in names]
    assert nominatives([]) == []


@given(st.text(min_size=1) | st.text("аоыйкмнАИВК «»()-. 1xX'", min_size=1, max_size=30), st.booleans())
def test_any_name_has_a_nominative(name, personal) -> None:
    normal = nominative(name, personal=personal)
    assert normal == " ".join(normal.split())
    assert bool(normal) == bool(name.strip())
