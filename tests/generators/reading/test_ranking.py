from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generators.reading.ranking import Forest, Weights
from retrievers.errors import InputError

NAMES = ("alpha", "beta")


def stump(feature: int, threshold: float, low: float, high: float) -> Forest:
    return Forest(
        feature=np.array([feature, -1, -1], np.int32),
        threshold=np.array([threshold, 0.0, 0.0], np.float32),
        left=np.array([1, -1, -1], np.int32),
        right=np.array([2, -1, -1], np.int32),
        value=np.array([0.0, low, high], np.float32),
        roots=np.array([0], np.int32),
    )


def join(*forests: Forest) -> Forest:
    starts = np.cumsum([0, *(len(one.feature) for one in forests)])[:-1]
    return Forest(
        feature=np.concatenate([one.feature for one in forests]),
        threshold=np.concatenate([one.threshold for one in forests]),
        left=np.concatenate([one.left + at for one, at in zip(forests, starts, strict=True)]).astype(np.int32),
        right=np.concatenate([one.right + at for one, at in zip(forests, starts, strict=True)]).astype(np.int32),
        value=np.concatenate([one.value for one in forests]),
        roots=starts.astype(np.int32),
    )


def weights(forest: Forest) -> Weights:
    return Weights(NAMES, forest, np.array([1.0, 0.0]))


def load(path: Path) -> Weights:
    return Weights.load(path, expected=NAMES, signals=1)


def test_scores_add_one_leaf_a_tree() -> None:
    forest = join(stump(0, 0.5, -1.0, 1.0), stump(1, 10.0, 0.25, 0.5))
    rows = np.array([[0.5, 10.0], [0.6, 11.0], [0.0, 99.0]], np.float32)
    assert forest.scores(rows).tolist() == [-0.75, 1.5, -0.5]


def test_no_rows_have_no_scores() -> None:
    assert stump(0, 0.0, 0.0, 1.0).scores(np.zeros((0, 2), np.float32)).shape == (0,)


def test_scores_equal_the_trees_of_scikit_learn() -> None:
    tree_module = pytest.importorskip("sklearn.tree")
    from training.offline_reader import _forest

    generator = np.random.default_rng(3)
    rows = generator.normal(size=(300, 5)).astype(np.float32)
    trees = [
        tree_module.DecisionTreeRegressor(max_leaf_nodes=7, random_state=i).fit(rows, rows @ generator.normal(size=5))
        for i in range(4)
    ]
    forest = _forest([(tree.tree_, tree.tree_.value[:, 0, 0]) for tree in trees])
    np.testing.assert_allclose(forest.scores(rows), sum(tree.predict(rows) for tree in trees), rtol=1e-5, atol=1e-5)


def test_saved_weights_come_back(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    weights(stump(1, 2.0, -3.0, 4.0)).save(path)
    again = load(path)
    assert again.features == NAMES
    assert again.forest.value.tolist() == [0.0, -3.0, 4.0]
    assert again.calibration.tolist() == [1.0, 0.0]


def test_missing_file_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"do not exist.*training\.offline_reader"):
        load(tmp_path / "none.npz")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_foreign_bytes_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match="no weights file"):
        load(path)


def test_pickled_objects_are_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    with path.open("wb") as stream:
        np.savez(stream, features=np.array([{"a": 1}], dtype=object))
    with pytest.raises(InputError, match="no weights file"):
        load(path)


def test_weights_for_other_features_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    weights(stump(0, 0.0, 0.0, 1.0)).save(path)
    with pytest.raises(InputError, match="other features"):
        Weights.load(path, expected=("gamma",), signals=1)
    with pytest.raises(InputError, match="other features"):
        Weights.load(path, expected=NAMES, signals=2)


def test_trees_that_would_never_end_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    circle = stump(0, 0.0, 0.0, 1.0)
    circle.left[0] = 0
    weights(circle).save(path)
    with pytest.raises(InputError, match="broken trees"):
        load(path)
