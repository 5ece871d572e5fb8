"""Build, change, check and export indexes: ``python -m rag.index build PATH… --index DIR``."""

from __future__ import annotations

import argparse
import dataclasses
import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.command import EXIT_BAD_INPUT, available_cores, report, run_command
from rag.index.engine_flags import add_engine_flags, opened_engine
from rag.index.layout import EMBEDDED
from rag.index.manifest import Manifest
from rag.index.progress import progress_bar
from rag.index.writing import IndexChange

EXIT_PROBLEMS = 1
_MOST_WORKERS = 4  # one process reads, encodes and stores for all of them


def build(arguments: argparse.Namespace) -> int:
    """Build an index, or build it anew."""
    from rag.index.writing import build_index
    from rag.profile import load_profile

    profile = load_profile(arguments.profile)
    with opened_engine(arguments.engine, arguments.address, workers=_workers()) as engine, progress_bar() as progress:
        change = build_index(
            arguments.paths,
            arguments.index,
            profile.index,
            profile=profile.name,
            store=arguments.store,
            engine=engine,
            progress=progress,
        )
    _print_change(change)
    if engine.reused.documents or engine.reused.batches:
        reused = f"{engine.reused.documents} documents and {engine.reused.batches} batches of vectors"
        _print(f"an earlier try had prepared: {reused}")
    return 0


def add(arguments: argparse.Namespace) -> int:
    """Add documents, or replace changed ones."""
    from rag.index.writing import add_documents

    with progress_bar() as progress:
        change = add_documents(arguments.paths, arguments.index, workers=_workers(), progress=progress)
    _print_change(change)
    return 0


def remove(arguments: argparse.Namespace) -> int:
    """Remove documents."""
    from rag.index.writing import remove_documents

    with progress_bar() as progress:
        _print_change(remove_documents(arguments.doc_id, arguments.index, progress=progress))
    return 0


def compact(arguments: argparse.Namespace) -> int:
    """Merge segments, without what is deleted."""
    from rag.index.writing import compact_index

    with progress_bar() as progress:
        change = compact_index(arguments.index, progress=progress)
    left = len(change.manifest.segments)
    done = f"{change.merged} segments merged into {left}" if change.merged else "nothing to merge"
    _print(f"{change.directory}: {done}; {_contents(change.manifest)}")
    return 0


def info(arguments: argparse.Namespace) -> int:
    """Say what an index is."""
    from rag.index.layout import read_current

    generation = read_current(arguments.index)
    manifest = generation.manifest
    parts = [generation.path, *(generation.segment(segment.name) for segment in manifest.segments)]
    parts += [generation.encoder] if generation.encoder else []
    size = sum(path.stat().st_size for part in parts for path in part.rglob("*") if path.is_file())
    facts = _facts(arguments.index, generation.manifest, size)
    if arguments.json:
        _print(json.dumps(facts, ensure_ascii=False))
    else:
        width = max(map(len, facts))
        for name, value in facts.items():
            _print(f"{name:<{width}}  {json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value}")
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Check that an index is whole and its parts agree."""
    from rag.index.verify import verify_index

    problems = verify_index(arguments.index)
    if arguments.json:
        rows = [dataclasses.asdict(problem) for problem in problems]
        _print(json.dumps({"index": str(arguments.index), "problems": rows}, ensure_ascii=False))
    else:
        for problem in problems:
            _print(f"{problem.part}: {problem.message}")
        _print(f"{len(problems)} problems found" if problems else "the index is sound")
    return EXIT_PROBLEMS if problems else 0


def repair(arguments: argparse.Namespace) -> int:
    """Make a damaged index whole again."""
    from rag.index.repair import repair_index

    with progress_bar() as progress:
        found = repair_index(arguments.index, drop_damaged=arguments.drop_damaged, progress=progress)
    if arguments.json:
        facts = {"index": str(arguments.index), "done": found.done, "lost": found.lost, "finished": found.finished}
        _print(json.dumps(facts, ensure_ascii=False))
        return 0 if found.finished else EXIT_PROBLEMS
    for line in found.done:
        _print(line)
    for doc_id in found.lost:
        _print(f"lost: {doc_id}")
    if not found.finished:
        _print(
            f"{len(found.lost)} documents cannot be read any more and nothing was changed; "
            "to go on without them, add --drop-damaged, and add them again from their files"
        )
        return EXIT_PROBLEMS
    _print("the index is whole again" if found.done else "nothing had to be repaired")
    return 0


def copy(arguments: argparse.Namespace) -> int:
    """Copy an index to another directory, its vectors to another store if asked; nothing is encoded anew."""
    from rag.index.copying import copy_index

    with progress_bar() as progress:
        done = copy_index(arguments.source, arguments.target, store=arguments.store, progress=progress)
    _print(f"{done.directory}: {_contents(done.manifest)}")
    if done.vectors:
        same = f"largest rounding {done.rounding:.1e}" if done.rounding else "the same in both stores"
        _print(f"{done.vectors} vectors, sha256 {done.vectors_sha256} ({same})")
    return 0


def export(arguments: argparse.Namespace) -> int:
    """Write the documents as JSON Lines."""
    from rag.index.export import export_index

    count = export_index(arguments.index, arguments.out)
    _print(f"{count} documents written to {arguments.out}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the command.

    Returns:
        0; 1 when ``verify`` finds problems or ``repair`` leaves any; 2 for foreseeable mistakes; 130 after Ctrl-C.
    """
    arguments = build_parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command

    def body() -> int:
        try:
            return command(arguments)
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.errno is None:
                raise
            full = "; the index is as it was before" if error.errno == errno.ENOSPC else ""
            report(OSError(f"{error.strerror}{f': {error.filename}' if error.filename else ''}{full}"))
            return EXIT_BAD_INPUT

    return run_command(body)


def build_parser() -> argparse.ArgumentParser:
    """Parser of the command's flags."""
    parser = argparse.ArgumentParser(prog="python -m rag.index", description="Build, change, check and export indexes.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(function.__name__, help=function.__doc__, description=function.__doc__)
        added.add_argument("--index", type=Path, required=True, metavar="DIR", help="index directory")
        added.set_defaults(command=function)
        return added

    inputs = "files (.jsonl, .jsonl.gz, .csv, .parquet, .txt, .md, .html, .pdf, .docx) and folders of documents"
    for function in (build, add):
        command(function).add_argument("paths", nargs="+", type=Path, metavar="PATH", help=inputs)
    copying = commands.add_parser(copy.__name__, help=copy.__doc__, description=copy.__doc__)
    copying.add_argument("source", type=Path, metavar="FROM", help="index directory")
    copying.add_argument("target", type=Path, metavar="TO", help="directory of the copy, new or empty")
    copying.set_defaults(command=copy)
    building = commands.choices["build"]
    for storing in (building, copying):
        storing.add_argument(
            "--store",
            metavar="URL",
            help="where the vectors go: chroma:PATH, chroma+http://HOST:PORT, milvus:FILE.db, milvus+http://HOST:PORT "
            "(default: inside the index)",
        )
    building.add_argument(
        "--profile", default="offline", metavar="NAME", help="profile to build for (default: offline)"
    )
    add_engine_flags(building)
    command(remove).add_argument("--doc-id", nargs="+", required=True, metavar="ID", help="documents to remove")
    command(compact)
    mending = command(repair)
    mending.add_argument("--drop-damaged", action="store_true", help="go on without documents that cannot be read")
    mending.add_argument("--json", action="store_true", help="print one JSON object")
    for function in (info, verify):
        command(function).add_argument("--json", action="store_true", help="print one JSON object")
    command(export).add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="JSON Lines file (.jsonl[.gz])"
    )
    return parser


def _facts(directory: Path, manifest: Manifest, size: int) -> dict[str, Any]:
    encoder, store = manifest.encoder, manifest.store
    return {
        "index": str(directory),
        "documents": manifest.documents,
        "chunks": manifest.chunks,
        "profile": manifest.profile,
        "encoder": encoder.name if encoder else None,
        "dimension": encoder.dimension if encoder else None,
        "store": None if store is None else EMBEDDED if store.location == EMBEDDED else store.location,
        "generation": manifest.generation,
        "segments": len(manifest.segments),
        "deleted": sum(segment.chunks for segment in manifest.segments) - manifest.chunks,
        "created": manifest.created,
        "created_by": manifest.created_by,
        "format": manifest.format,
        "bytes": size,
        "options": manifest.options.model_dump(mode="json"),
    }


def _print_change(change: IndexChange) -> None:
    counts = {
        "added": change.added,
        "changed": change.changed,
        "unchanged": change.unchanged,
        "removed": change.removed,
    }
    done = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing changed"
    _print(f"{change.directory}: {done}; {_contents(change.manifest)}")


def _contents(manifest: Manifest) -> str:
    return f"documents: {manifest.documents}, chunks: {manifest.chunks}"


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _workers() -> int:
    return min(available_cores(), _MOST_WORKERS)


if __name__ == "__main__":
    sys.exit(main())
