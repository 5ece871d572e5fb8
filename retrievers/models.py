"""Word vectors and taggers that come inside natasha's wheel, without importing natasha.

natasha imports pymorphy2, which needs ``pkg_resources``, gone from new environments; its data files are read where the
package lies and handed to navec and slovnet directly. A loader reads its file once a process, on first use.
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from retrievers.errors import ModelUnavailableError

if TYPE_CHECKING:
    from navec import Navec
    from slovnet import NER, Morph, Syntax

Tagger = Literal["ner", "morph", "syntax"]

_NAVEC_FILE = "emb/navec_news_v1_1B_250K_300d_100q.tar"
_SLOVNET_FILES: dict[Tagger, str] = {
    "ner": "model/slovnet_ner_news_v1.tar",
    "morph": "model/slovnet_morph_news_v1.tar",
    "syntax": "model/slovnet_syntax_news_v1.tar",
}
_REMEDY = 'bring it with: pip install --force-reinstall --no-deps "natasha>=1.6,<2"'


def _data_file(name: str) -> Path:
    try:
        spec = importlib.util.find_spec("natasha")
    except (ImportError, ValueError):  # a broken or half-removed installation
        spec = None
    folders = (spec.submodule_search_locations if spec else None) or []
    for folder in folders:
        path = Path(folder, "data", name)
        if path.is_file():
            return path
    where = f"not in {', '.join(folders)}" if folders else "natasha is not installed"
    raise ModelUnavailableError(f"model file {name} is missing ({where}); {_REMEDY}")


def navec_path() -> Path:
    """File of the navec word vectors (250 000 words, 300 dimensions, quantised; 27 MB).

    Raises:
        ModelUnavailableError: natasha or the file inside it is missing.
    """
    return _data_file(_NAVEC_FILE)


def slovnet_path(tagger: Tagger) -> Path:
    """File of a slovnet tagger (2.5 MB each).

    Raises:
        ModelUnavailableError: natasha or the file inside it is missing.
    """
    return _data_file(_SLOVNET_FILES[tagger])


def _read(load: Callable[[str], Any], path: Path) -> Any:
    try:
        return load(str(path))
    except Exception as error:
        raise ModelUnavailableError(f"model file {path} cannot be read ({error}); {_REMEDY}") from error


@functools.cache
def load_navec() -> Navec:
    """The process-wide navec vectors (about .3 s on first use)."""
    from retrievers.navec_files import read_navec

    return _read(read_navec, navec_path())


@functools.cache
def load_ner() -> NER:
    """The process-wide slovnet recogniser of names, on navec: PER, LOC, ORG. An empty text makes it raise."""
    return _tagger("ner")


@functools.cache
def load_morph() -> Morph:
    """The process-wide slovnet morphology tagger: words to parts of speech and features (Universal Dependencies)."""
    return _tagger("morph")


@functools.cache
def load_syntax() -> Syntax:
    """The process-wide slovnet dependency parser: words to heads and relations (Universal Dependencies)."""
    return _tagger("syntax")


def _tagger(tagger: Tagger) -> Any:
    from retrievers.navec_files import read_tagger

    navec = load_navec()
    return _read(lambda path: read_tagger(path, tagger, navec), slovnet_path(tagger))
