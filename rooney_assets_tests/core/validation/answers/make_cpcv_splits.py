"""Writes cpcv_splits.json: combinatorial purged splits and paths by the `skfolio` package.

Run with any Python that has skfolio 1.12 (it is no dependency of Rooney):
    python make_cpcv_splits.py > cpcv_splits.json
skfolio purges by numbers of rows, so only cases where every label lasts equally long can be
compared: row i spans [i, i + length], and `length` rows are purged on both sides of a block.
Its folds are of equal size where the number of rows can be divided by that of the folds.
"""

import json
import sys

import numpy as np
from skfolio.model_selection import CombinatorialPurgedCV

# (folds, test folds, rows, length of a label, embargo)
CASES = [(6, 2, 60, 0, 0), (6, 2, 60, 2, 0), (5, 2, 50, 1, 3), (4, 3, 40, 2, 1), (7, 3, 84, 2, 1)]

answers = []
for n_folds, n_test_folds, n_rows, length, embargo in CASES:
    cv = CombinatorialPurgedCV(
        n_folds=n_folds, n_test_folds=n_test_folds, purged_size=length, embargo_size=embargo
    )
    splits = [
        {"train": train.tolist(), "test": sorted(np.concatenate(tests).tolist())}
        for train, tests in cv.split(np.zeros((n_rows, 1)))
    ]
    answers.append(
        {
            "n_folds": n_folds,
            "n_test_folds": n_test_folds,
            "n_rows": n_rows,
            "length": length,
            "embargo": embargo,
            "n_paths": cv.n_test_paths,
            "path_ids": cv.get_path_ids().tolist(),
            "splits": splits,
        }
    )
json.dump(answers, sys.stdout, separators=(",", ":"))
sys.stdout.write("\n")
