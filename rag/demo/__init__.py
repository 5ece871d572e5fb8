"""The demo corpus, written for this project, and the index over it that ``rag.ask`` starts with."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import platformdirs

from rag.errors import IndexNotFoundError
from rag.index.options import EncoderKind
from rag.profile import DEFAULT_PROFILE, Profile, load_profile
from retrievers.named_models import APPLICATION

if TYPE_CHECKING:
    from rag.index import Index


def demo_corpus() -> Path:
    """Folder of the corpus: Markdown articles with front matter, one folder a topic."""
    return Path(str(resources.files("rag").joinpath("demo", "corpus")))


def demo_index_directory(profile: Profile) -> Path:
    """Per-user cache directory of the demo index; another corpus or other index options have another one."""
    return platformdirs.user_cache_path(APPLICATION) / f"demo-{_digest(profile)}"


def served_demo_directory(profile: Profile) -> Path:
    """Another such directory for a service, whose users may add documents to it and remove them."""
    return platformdirs.user_cache_path(APPLICATION) / f"served-demo-{_digest(profile)}"


def _digest(profile: Profile) -> str:
    digest = hashlib.sha256(profile.index.model_dump_json().encode())
    if profile.index.encoder.kind is EncoderKind.STATIC:
        from retrievers.encoders.static import weights_path

        digest.update(weights_path().read_bytes())  # an update of the toolkit may bring other vectors
    for article in sorted(demo_corpus().rglob("*.md")):
        digest.update(article.read_bytes())
    return digest.hexdigest()[:12]


def open_named_or_demo(
    directory: Path | None, profile_name: str | None, overrides: Mapping[str, Any]
) -> tuple[Index, Profile]:
    """The index that a command was given, else the demo index, and the profile to work on it with.

    Args:
        directory: of the index; None for the demo index.
        profile_name: as given; None for the one the index was built for, on the demo index the default one.
        overrides: nested profile options of the command's flags.
    """
    from rag.index import open_index

    if directory is None:
        profile = load_profile(profile_name or DEFAULT_PROFILE, overrides)
        return open_demo_index(profile), profile
    index = open_index(directory)
    return index, load_profile(profile_name or index.manifest.profile, overrides)


def open_demo_index(profile: Profile, directory: Path | None = None) -> Index:
    """Open the demo index, building it on first use (a few seconds) and saying on stderr where it lies.

    Args:
        profile: to build it for.
        directory: of the index, by default that of :func:`demo_index_directory`.
    """
    from rag.index import build_index, open_index
    from rag.index.progress import progress_bar

    directory = directory or demo_index_directory(profile)
    try:
        return open_index(directory)
    except IndexNotFoundError:
        sys.stderr.write("Building the demo index, once.\n")
        with progress_bar() as progress:
            build_index([demo_corpus()], directory, profile.index, profile=profile.name, progress=progress)
        sys.stderr.write(f"The demo index is in {directory}\n")
        return open_index(directory)
