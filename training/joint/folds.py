"""Names of the files that hold networks which did not see a fold of the questions."""

FOLDS = "folds.json"  # question to the number of its fold


def fold_graph(number: int) -> str:
    """File of the network that did not see a fold."""
    return f"fold-{number}.onnx"
