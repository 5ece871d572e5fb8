"""The demo corpus, written for this project, and the index over it that ``rag.ask`` starts with."""

from __future__ import annotations

import hashlib
import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from rag.errors import IndexNotFoundError
from rag.profile import APPLICATION, Profile

if TYPE_CHECKING:
    from rag.index import Index


def demo_corpus() -> Path:
    """Folder of the corpus: Markdown articles with front matter, one folder a topic."""
    return Path(str(resources.files("rag").joinpath("demo", "corpus")))


def demo_index_directory(profile: Profile) -> Path:
    """Per-user cache directory of the demo index; another corpus or other index options have another one."""
    digest = hashlib.sha256(profile.index.model_dump_json().encode())
    for article in sorted(demo_corpus().rglob("*.md")):
        digest.update(article.read_bytes())
    return platformdirs.user_cache_path(APPLICATION) / f"demo-{digest.hexdigest()[:12]}"


def open_demo_index(profile: Profile) -> Index:
    """Open the demo index, building it on first use (a few seconds) and saying on stderr where it lies."""
    from rag.index import build_index, open_index
    from rag.index.progress import progress_bar

    directory = demo_index_directory(profile)
    try:
        return open_index(directory)
    except IndexNotFoundError:
        sys.stderr.write("Building the demo index, once.\n")
        with progress_bar() as progress:
            build_index([demo_corpus()], directory, profile.index, profile=profile.name, progress=progress)
        sys.stderr.write(f"The demo index is in {directory}\n")
        return open_index(directory)
