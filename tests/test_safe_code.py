"""What the packages never do, told from their syntax: run data as code, unpickle, load weights of no known version."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("rag", "retrievers", "generators", "evals", "prompts", "training", "benchmarks")
PICKLING = {"pickle", "cPickle", "_pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "pickletools"}
RUNNING = {"eval", "exec", "compile", "__import__"}
SHELLS = {"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"}
YAML = {
    "yaml.load",
    "yaml.load_all",
    "yaml.full_load",
    "yaml.unsafe_load",
    "yaml.full_load_all",
    "yaml.unsafe_load_all",
}
DOWNLOADS = {"snapshot_download", "hf_hub_download", "load_dataset"}
# What reads a model from a folder or a hub; a tokeniser or a configuration has no weights.
LOADERS = {"from_pretrained", "SentenceTransformer", "CrossEncoder", "SparseEncoder", "pipeline"}
WITHOUT_WEIGHTS = ("Tokenizer", "Config", "Processor")


def mistakes(source: str) -> list[str]:
    """What is wrong with a module, each with its line."""
    tree = ast.parse(source)
    return [f"line {node.lineno}: {what}" for scope in _scopes(tree) for node, what in _of_scope(*scope)]


def _scopes(tree: ast.Module) -> Iterator[tuple[list[ast.AST], dict[str, dict[str, ast.expr]]]]:
    """Nodes of the module and of every function, each with the dicts of options that are put together there."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        scope = waiting.pop()
        nodes: list[ast.AST] = []
        level = list(ast.iter_child_nodes(scope))
        while level:
            node = level.pop()
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                waiting.append(node)
            else:
                nodes.append(node)
                level.extend(ast.iter_child_nodes(node))
        yield nodes, _options(nodes)


def _options(nodes: list[ast.AST]) -> dict[str, dict[str, ast.expr]]:
    found: dict[str, dict[str, ast.expr]] = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
            if isinstance(target, ast.Name) and isinstance(node.value, ast.Dict):
                found.setdefault(target.id, {}).update(_entries(node.value))
            elif (
                isinstance(target, ast.Subscript)
                and isinstance(target.value, ast.Name)
                and isinstance(target.slice, ast.Constant)
            ):
                found.setdefault(target.value.id, {})[str(target.slice.value)] = node.value
    return found


def _entries(node: ast.expr) -> dict[str, ast.expr]:
    if not isinstance(node, ast.Dict):
        return {}
    return {
        str(key.value): value
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant)
    }


def _of_scope(nodes: list[ast.AST], options: dict[str, dict[str, ast.expr]]) -> Iterator[tuple[ast.AST, str]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            names = []
        yield from ((node, f"imports {name}") for name in names if name.partition(".")[0] in PICKLING)
        if isinstance(node, ast.Dict):
            for key, value in _entries(node).items():
                if key == "trust_remote_code" and not _is(value, False):
                    yield node, "trusts code that comes with a model"
        if isinstance(node, ast.Call):
            yield from ((node, what) for what in _of_call(node, options))


def _of_call(call: ast.Call, options: dict[str, dict[str, ast.expr]]) -> Iterator[str]:
    name = ast.unparse(call.func)
    last = name.rpartition(".")[2]
    given = _given(call, options)
    if name in RUNNING or name in {f"builtins.{one}" for one in RUNNING}:
        yield f"runs data as code: {name}"
    if name in {"np.load", "numpy.load"} and not _is(given.get("allow_pickle"), False):
        yield "np.load without allow_pickle=False"
    if name == "torch.load" and not _is(given.get("weights_only"), True):
        yield "torch.load without weights_only=True"
    if name in YAML or last == "read_pickle":
        yield f"{name} makes any object"
    if name in SHELLS or ("shell" in given and not _is(given["shell"], False)):
        yield "hands a line to a shell"
    if "trust_remote_code" in given and not _is(given["trust_remote_code"], False):
        yield "trusts code that comes with a model"
    if last in DOWNLOADS and "revision" not in given:
        yield f"{last} names no revision"
    if last in LOADERS and (call.args or "model_name_or_path" in given):
        yield from _of_loading(name, given)


def _of_loading(name: str, given: dict[str, ast.expr]) -> Iterator[str]:
    """A model names its revision, or comes from a folder that was chosen by one; its weights are no pickles."""
    if "revision" not in given and not _is(given.get("local_files_only"), True):
        yield f"{name} names neither a revision nor local_files_only=True"
    if name.rpartition(".")[0].endswith(WITHOUT_WEIGHTS):
        return
    nested = _entries(given["model_kwargs"]) if "model_kwargs" in given else {}
    if not _is((given | nested).get("use_safetensors"), True):
        yield f"{name} loads weights without use_safetensors=True"


def _given(call: ast.Call, options: dict[str, dict[str, ast.expr]]) -> dict[str, ast.expr]:
    """Keywords of a call, with those of the dicts that are unpacked into it."""
    given: dict[str, ast.expr] = {}
    for keyword in call.keywords:
        if keyword.arg is not None:
            given[keyword.arg] = keyword.value
        elif isinstance(keyword.value, ast.Name):
            given |= options.get(keyword.value.id, {})
    return given


def _is(node: ast.expr | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


MODULES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def test_no_module_runs_data_or_loads_what_it_should_not():
    assert len(MODULES) > 300
    found = {
        str(path.relative_to(ROOT)): wrong for path in MODULES if (wrong := mistakes(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "snippet",
    [
        "import pickle",
        "from dill import loads",
        "def f():\n    import joblib.numpy_pickle",
        "eval('1')",
        "builtins.exec(text)",
        "compile(text, 'x', 'exec')",
        "np.load(path)",
        "numpy.load(path, allow_pickle=True)",
        "np.load(path, allow_pickle=flag)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "yaml.load(text, Loader=yaml.SafeLoader)",
        "pandas.read_pickle(path)",
        "subprocess.run(line, shell=True)",
        "subprocess.run(line, shell=flag)",
        "os.system(line)",
        "AutoConfig.from_pretrained(name, revision=r, trust_remote_code=True)",
        "options = {'trust_remote_code': True}",
        "snapshot_download(name)",
        "hub.hf_hub_download(name, file)",
        "AutoTokenizer.from_pretrained(name)",
        "AutoTokenizer.from_pretrained(name, local_files_only=flag)",
        "AutoModel.from_pretrained(name, revision=r)",
        "AutoModel.from_pretrained(name, use_safetensors=True)",
        "AutoModel.from_pretrained(name, local_files_only=True, use_safetensors=False)",
        "SentenceTransformer(name, revision=r, model_kwargs={'dtype': d})",
        "def f():\n    options = {'local_files_only': True}\n    return A.from_pretrained(name, **options)",
        "def f():\n    def g():\n        o = {'use_safetensors': True}\n    A.from_pretrained(n, revision=r, **o)",
    ],
)
def test_what_would_be_found(snippet: str):
    assert mistakes(snippet)


@pytest.mark.parametrize(
    "snippet",
    [
        "re.compile(text)",
        "model.eval()",
        "graph.compile()",
        "json.load(file)",
        "np.load(path, allow_pickle=False)",
        "torch.load(path, weights_only=True)",
        "yaml.safe_load(text)",
        "subprocess.run([program], shell=False)",
        "snapshot_download(name, revision=None)",
        "AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)",
        "AutoModel.from_pretrained(name, revision=r, use_safetensors=True)",
        "CrossEncoder(folder, local_files_only=True, model_kwargs={'use_safetensors': True, **others})",
        "SentenceTransformer(modules=[module])",
        "def f():\n    o = {'local_files_only': True}\n    o['use_safetensors'] = True\n    A.from_pretrained(n, **o)",
    ],
)
def test_what_is_fine(snippet: str):
    assert mistakes(snippet) == []
