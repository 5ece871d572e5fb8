"""A model as ONNX: traced by torch's exporter, then quantised and fused by ONNX Runtime.

The order matters: quantisation knows the plain operators only, so fusing comes last.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrievers.errors import ModelUnavailableError
from training.export.options import ExportOptions, Quantization

if TYPE_CHECKING:
    import onnx
    import torch

GRAPH = "model.onnx"
# The newest operators that ONNX Runtime 1.20, the oldest one the pipeline runs on, has on every platform.
_OPSET = 20
# A protobuf holds 2 GB; bigger weights stand in a file of their own beside the graph.
_EXTERNAL = 1_800_000_000
_LONGEST = 400  # characters quoted of the exporter's message
_QUANTIZED = ("MatMul", "Gather")  # linear layers and embedding tables: nearly all the weights


@dataclass(frozen=True, slots=True)
class Traceable:
    """What the exporter needs of a model.

    Args:
        module: called with one tensor an input, returns one tensor an output.
        inputs: names, of tensors of shape (batch, tokens), int64.
        outputs: names.
        example: a batch of real texts of different length, so that no size is taken for a constant and masks matter.
    """

    module: torch.nn.Module
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    example: tuple[torch.Tensor, ...]


def write_graph(traceable: Traceable, path: Path) -> None:
    """Trace a model and write it as ONNX, in 32 bit.

    Raises:
        ModelUnavailableError: the exporter cannot follow the model's code.
    """
    import torch

    sizes = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    weights = sum(parameter.numel() * parameter.element_size() for parameter in traceable.module.parameters())
    try:
        with _quiet(), torch.inference_mode():
            torch.onnx.export(
                traceable.module.eval(),
                traceable.example,
                str(path),
                dynamo=True,
                input_names=list(traceable.inputs),
                output_names=list(traceable.outputs),
                dynamic_shapes=dict.fromkeys(traceable.inputs, sizes),
                opset_version=_OPSET,
                external_data=weights > _EXTERNAL,
                verbose=False,
            )
    except Exception as error:  # whatever the traced code, the exporter and onnxscript raise
        # The exporter wraps the reason in instructions to its own developers.
        words = " ".join(str(error.__cause__ or error).split())[:_LONGEST]
        raise ModelUnavailableError(f"the model's code cannot be traced to ONNX: {words}") from error


def convert_graph(source: Path, target: Path, options: ExportOptions) -> None:
    """Quantise and fuse a graph as the options say."""
    match options.quantize:
        case Quantization.NONE:
            _save(_load(source), target)
        case Quantization.INT8:
            _to_int8(source, target, options)
        case Quantization.FP16:
            _to_fp16(source, target)
    if options.optimize:
        _fuse(target)


def _to_int8(source: Path, target: Path, options: ExportOptions) -> None:
    """Weights in 8 bits, activations quantised as they come (dynamic): no calibration data is needed."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with _quiet():
        quantize_dynamic(
            _load(source),
            str(target),
            op_types_to_quantize=list(_QUANTIZED),
            per_channel=not options.per_tensor,
            reduce_range=options.reduce_range,
            weight_type=QuantType.QInt8,
            use_external_data_format=_is_big(source),
        )


def _to_fp16(source: Path, target: Path) -> None:
    """Weights and arithmetic in 16 bits; inputs and outputs keep their types, so callers see no difference."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with _quiet():
        _save(convert_float_to_float16(_load(source), keep_io_types=True), target)


def _fuse(path: Path) -> None:
    """Replace the graph by the one that ONNX Runtime makes of it before it runs it.

    The level "extended" joins operators and leaves the layout of the weights alone, which would differ by processor.
    """
    import onnxruntime

    fused = path.with_name(f"fused-{path.name}")
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(fused)
    options.log_severity_level = 3  # errors: a warning says that the file is for ONNX Runtime alone
    big = _is_big(path)
    weights = path.with_name(f"{path.name}.fused.data")  # the session reads the file of the old name meanwhile
    if big:
        options.add_session_config_entry("session.optimized_model_external_initializers_file_name", weights.name)
    onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    fused.replace(path)
    if big:
        path.with_name(f"{path.name}.data").unlink(missing_ok=True)


def graph_files(folder: Path) -> list[Path]:
    """The graph and, of a big model, the file of its weights."""
    return sorted(folder.glob(f"{GRAPH}*"))


def _load(path: Path) -> onnx.ModelProto:
    """A graph without the exporter's notes: quantisation trips over those on shapes, and others hold paths of files."""
    import onnx

    model = onnx.load(str(path))
    graph = model.graph
    del graph.value_info[:], graph.metadata_props[:], model.metadata_props[:]
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        del part.metadata_props[:]
        part.doc_string = ""
    return model


def _save(model: onnx.ModelProto, path: Path) -> None:
    import onnx

    big = model.ByteSize() > _EXTERNAL
    onnx.save(model, str(path), save_as_external_data=big, location=f"{path.name}.data" if big else None)


def _is_big(path: Path) -> bool:
    return sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*")) > _EXTERNAL


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's notes to its own developers off the terminal."""
    before: Any = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
