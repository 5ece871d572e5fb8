from __future__ import annotations

import pytest

from retrievers.errors import InputError
from training.finetune.workspace import Workspace


def leave_checkpoint(workspace: Workspace, configuration: dict) -> None:
    """A run that is interrupted after its first checkpoint and while it writes the model."""
    with workspace.open(configuration, fresh=False) as folder:
        (folder / "checkpoint-1").mkdir()
        workspace.model.mkdir()
        (workspace.model / "config.json").write_text("{}")


def test_the_model_appears_whole_and_leaves_nothing_beside_it(tmp_path) -> None:
    workspace = Workspace(tmp_path / "models" / "mine")
    with workspace.open({"seed": 1}, fresh=False):
        workspace.model.mkdir()
        (workspace.model / "config.json").write_text("{}")
        (workspace.model / "config.json").chmod(0o600)
        assert not workspace.out.exists()
        workspace.publish()
    assert [path.name for path in workspace.out.iterdir()] == ["config.json"]
    assert (workspace.out / "config.json").stat().st_mode & 0o777 == 0o644
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["mine"]


def test_the_same_run_goes_on_and_another_does_not(tmp_path) -> None:
    workspace = Workspace(tmp_path / "mine")
    leave_checkpoint(workspace, {"options": {"seed": 1}, "data": ("a",)})
    assert not workspace.out.exists()
    with workspace.open({"options": {"seed": 1}, "data": ["a"]}, fresh=False) as folder:
        assert (folder / "checkpoint-1").is_dir()
        assert not workspace.model.exists()  # half-written
    with (
        pytest.raises(InputError, match=r"an interrupted run with another options: .*--fresh"),
        workspace.open({"options": {"seed": 2}, "data": ["a"]}, fresh=False),
    ):
        pass
    with workspace.open({"options": {"seed": 2}, "data": ["a"]}, fresh=True) as folder:
        assert not (folder / "checkpoint-1").exists()


def test_a_run_that_fails_before_its_first_checkpoint_leaves_nothing(tmp_path) -> None:
    workspace = Workspace(tmp_path / "mine")
    with pytest.raises(InputError, match="no such layer"), workspace.open({"seed": 1}, fresh=False):
        raise InputError("no such layer")
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_is_kept_out(tmp_path) -> None:
    workspace = Workspace(tmp_path / "mine")
    with (
        workspace.open({}, fresh=False),
        pytest.raises(InputError, match="another process is at work"),
        workspace.open({}, fresh=True),
    ):
        pass


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_there_is_not_overwritten(tmp_path, kind: str) -> None:
    out = tmp_path / "mine"
    if kind == "file":
        out.write_text("mine")
    else:
        out.mkdir()
        (out / "model.safetensors").write_text("mine")
    with pytest.raises(InputError, match="exists already"), Workspace(out).open({}, fresh=True):
        pass
    assert not Workspace(out).folder.exists()


def test_an_empty_folder_is_taken(tmp_path) -> None:
    workspace = Workspace(tmp_path / "mine")
    workspace.out.mkdir()
    with workspace.open({}, fresh=False):
        workspace.model.mkdir()
        workspace.publish()
    assert workspace.out.is_dir()
