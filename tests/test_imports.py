"""What importing the packages costs: no heavy library by itself, and no optional one anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("rag", "retrievers", "generators", "evals", "prompts", "training")
HEAVY = {"torch", "transformers", "sentence_transformers", "sklearn", "chromadb", "onnxruntime", "slovnet"}
# What only the extras bring, by import name.
OPTIONAL = {
    "docs": {"pypdf", "docx", "bs4", "lxml", "pyarrow"},
    "chat": {"langchain", "langchain_openai"},
    "hf": {"torch", "transformers", "sentence_transformers", "sentencepiece", "gguf", "onnxscript"},
    "train": {"torch", "transformers", "sentence_transformers", "accelerate", "datasets", "peft", "matplotlib", "onnx"},
    "eval": {"jinja2", "matplotlib"},
    "judge": {"ragas", "openai", "instructor"},
    "serve": {"fastapi", "uvicorn", "starlette", "python_multipart", "prometheus_client"},
    "mcp": {"mcp", "mcp_types", "uvicorn", "starlette"},
    "rl": {"trl", "verifiers", "datasets", "pyarrow"},
    "scale": {"pymilvus", "milvus_lite", "ray", "pandas"},
    "bench": {"langchain_community", "rank_bm25", "bm25s"},
    "peers": {"langchain_classic", "llama_index", "haystack", "Stemmer"},
}

IMPORT_PACKAGES = f"""
import json, sys
import {", ".join(PACKAGES)}
print(json.dumps(sorted({{name.partition(".")[0] for name in sys.modules}})))
"""

# Optional packages are made missing also where they are installed. Prints every module, and why it did not import.
IMPORT_EVERY_MODULE = f"""
import importlib, json, pkgutil, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(set().union(*OPTIONAL.values()))!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
modules = {{}}

def try_import(name):
    try:
        importlib.import_module(name)
    except Exception as error:
        modules[name] = f"{{type(error).__name__}}: {{error}}"
    else:
        modules[name] = None

for package in {PACKAGES!r}:
    try_import(package)
    path = getattr(sys.modules.get(package), "__path__", [])
    for found in pkgutil.walk_packages(path, f"{{package}}.", onerror=lambda name: None):
        try_import(found.name)
print(json.dumps(modules))
"""


def run_python(code: str) -> object:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_packages_import_nothing_heavy() -> None:
    loaded = run_python(IMPORT_PACKAGES)
    assert set(PACKAGES) <= set(loaded)
    assert not HEAVY & set(loaded)


def test_every_module_imports_without_the_extras() -> None:
    modules = run_python(IMPORT_EVERY_MODULE)
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    assert set(modules) == files  # a folder without __init__.py would be left out of the walk, and of the wheel
    assert {name: reason for name, reason in modules.items() if reason} == {}
