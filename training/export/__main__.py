"""Export a model to ONNX and say what that changed: ``python -m training.export MODEL --to onnx --out DIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rag.command import run_command
from rag.index.progress import progress_bar
from retrievers.errors import InputError
from training.export.options import ExportOptions
from training.finetune.options import add_option_flags, options_from
from training.folders import new_folder, require_free

if TYPE_CHECKING:
    from training.export.parity import Parity

EXIT_WORSE = 1


class _NotAsGoodError(Exception):
    """The export is worse than allowed; leaves the folder that is being written."""


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        prog="python -m training.export",
        description="Export a bi-encoder, a cross-encoder or a span reader to ONNX, which the pipeline runs without "
        "torch, and compare the export with the model on real texts.",
        epilog="Exit code: 0; 1 when the export is further from the model than --tolerance or --max-drop allow and "
        "nothing is written; 2 for bad input.",
    )
    parser.add_argument("model", metavar="MODEL", help="folder, name (training.models) or hub name of the model")
    parser.add_argument("--to", choices=["onnx"], default="onnx", help="format (default: %(default)s)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the export")
    parser.add_argument("--force", action="store_true", help="replace a folder that is there")
    parser.add_argument(
        "--eval", nargs="+", type=Path, default=[], metavar="FILE",
        help="measure quality before and after: rows of training.data, or questions about the index --corpus",
    )  # fmt: skip
    parser.add_argument(
        "--corpus", type=Path, metavar="PATH",
        help="with --eval: the index that questions are about, or passages ranked beside those of the rows",
    )  # fmt: skip
    parser.add_argument(
        "--texts", nargs="+", type=Path, default=[], metavar="PATH",
        help="without --eval: documents to compare on, as rag.index takes them; their passages are asked for by title "
        "and headings (default: the demo corpus)",
    )  # fmt: skip
    add_option_flags(parser, ExportOptions)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and export; see ``--help``."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    from training.export.exporting import export_model
    from training.export.material import read_task
    from training.export.report import print_parity
    from training.export.source import open_source

    options = options_from(arguments, ExportOptions)
    if arguments.corpus is not None and not arguments.eval:
        raise InputError("--corpus goes with --eval; documents to compare on are --texts")
    if arguments.eval and arguments.texts:
        raise InputError("--texts is for comparing without --eval; give one of them")
    out = arguments.out.absolute()
    require_free(out, flag="--out", replace=arguments.force)
    source = open_source(arguments.model, options.task)
    if source.folder.resolve().is_relative_to(out.resolve()):
        raise InputError(f"--out {arguments.out} holds the model that is to be exported; choose another folder")
    task = read_task(arguments.eval, arguments.corpus, arguments.texts, options.limit)
    try:
        with new_folder(out) as folder:
            with progress_bar() as progress:
                parity = export_model(
                    source, folder, task, options, name=out.name, judged=bool(arguments.eval), progress=progress
                )
            print_parity(parity, out.name)
            _require_good(parity)
    except _NotAsGoodError:
        sys.stderr.write(f"nothing was written to {arguments.out}; a larger --tolerance or --max-drop accepts it\n")
        return EXIT_WORSE
    sys.stdout.write(f"written to {arguments.out}\n")
    return 0


def _require_good(parity: Parity) -> None:
    if parity.failures:
        raise _NotAsGoodError


if __name__ == "__main__":
    sys.exit(main())
