"""`byol-keras export`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from ..export.mobile import QUANTIZATIONS
from .main import COMMANDS
from .parsing import UsageError, listed, parse, parser_of, require, require_positive

__all__ = ["ExportOptions", "run"]

_FORMATS = ("savedmodel", "litert", "onnx")


@dataclass(frozen=True)
class ExportOptions:
    """What `export` can be told."""

    run: str | None = field(default=None, metadata={"help": "folder of the run whose encoder to export"})
    format: str = field(default="savedmodel", metadata={"help": "of savedmodel, litert and onnx, with commas"})
    output: str | None = field(default=None, metadata={"help": "folder to write to. Default: export/ in the run's"})
    quantization: str = field(
        default="float32", metadata={"help": "of LiteRT: of float32, float16, dynamic and int8, with commas"}
    )
    integer: bool = field(default=False, metadata={"help": "LiteRT of int8 takes uint8 pixels and gives int8 vectors"})
    batch_size: int | None = field(default=None, metadata={"help": "fixed, of LiteRT and ONNX. Default: any"})
    dim: int | None = field(default=None, metadata={"help": "smaller vectors: so many principal components"})
    whiten: bool = field(default=False, metadata={"help": "components of --dim have unit variance"})
    normalize: bool = field(default=False, metadata={"help": "vectors have length one"})
    warmup: bool = field(default=False, metadata={"help": "SavedModel holds requests that a server begins with"})
    verify: bool = field(default=False, metadata={"help": "run every file in its own runtime and compare"})
    openvino: bool = field(default=False, metadata={"help": "--verify reads SavedModel and ONNX with OpenVINO too"})
    network: str = field(default="online", metadata={"help": "online, or target: its slow average"})
    data: str | None = field(
        default=None,
        metadata={"help": "examples for int8, --dim, --warmup and --verify. Default: what the run was made with"},
    )
    data_dir: str | None = field(default=None, metadata={"help": "where tensorflow-datasets keeps its datasets"})

    @property
    def formats(self) -> list[str]:
        """The formats to write."""
        return listed(self.format, _FORMATS, "format")

    @property
    def quantizations(self) -> list[str]:
        """The LiteRT files to write."""
        return listed(self.quantization, QUANTIZATIONS, "quantization")


def run(arguments: Sequence[str]) -> int:
    """Writes a run's encoder in other formats, and shows how well they keep what it knows."""
    options = ExportOptions(**parse(parser_of("export", COMMANDS["export"], ExportOptions), arguments))
    require(options, "run")
    _check(options)
    from rich.console import Console

    from ..export.tables import dims_table, verification_table
    from ..training.exporting import export_run
    from ..training.loading import Run
    from ..training.progress import say

    console, found = Console(), export_run(Run(options.run), options)
    for path in found.artefacts:
        say(console, f"written: {path}")
    if found.dims:
        console.print(dims_table(found.dims))
    if found.verification is None:
        return 0
    console.print(verification_table(found.verification))
    for check in found.verification.checks:
        for sentence in check.broken:
            say(console, f"{os.path.basename(check.artefact)}: {sentence}", style="red")
    return 0 if found.verification.ok else 1


def _check(options: ExportOptions) -> None:
    """Refuses at once what would fail, or do nothing, minutes later."""
    formats, quantizations = options.formats, options.quantizations
    if options.integer and not ("litert" in formats and "int8" in quantizations):
        raise UsageError("`--integer` needs `--format litert --quantization int8`")
    if options.quantization != "float32" and "litert" not in formats:
        raise UsageError("`--quantization` needs `--format litert`")
    if options.whiten and options.dim is None:
        raise UsageError("`--whiten` needs `--dim`: how many components?")
    if options.openvino and not options.verify:
        raise UsageError("`--openvino` needs `--verify`")
    if options.warmup and "savedmodel" not in formats:
        raise UsageError("`--warmup` needs `--format savedmodel`")
    if options.batch_size is not None and formats == ["savedmodel"]:
        raise UsageError("`--batch-size` needs `--format litert` or `onnx`: a SavedModel takes any")
    takes_examples = options.verify or options.dim is not None or options.warmup or "int8" in quantizations
    for name, value in (("--data", options.data), ("--data-dir", options.data_dir)):
        if value is not None and not takes_examples:
            raise UsageError(f"`{name}` needs `--verify`, `--dim`, `--warmup` or int8: nothing else asks for examples")
    require_positive(dim=options.dim, batch_size=options.batch_size)
