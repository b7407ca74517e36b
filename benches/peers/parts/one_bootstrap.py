"""scikit-learn's refits to resampled clusters, in a process of its own."""

import json
import os
import sys
import time
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression

from parts.one_fit import load

warnings.filterwarnings("ignore")


def main():
    solver, directory, replicates = sys.argv[1], sys.argv[2], int(sys.argv[3])
    x, y = load(directory)
    clusters = np.fromfile(os.path.join(directory, "clusters.u32"), dtype=np.uint32)
    rows_of = [np.flatnonzero(clusters == cluster) for cluster in np.unique(clusters)]
    rng = np.random.default_rng(1)
    model = LogisticRegression(C=np.inf, fit_intercept=False, solver=solver)
    before = time.process_time()
    for _ in range(replicates):
        rows = np.concatenate([rows_of[cluster] for cluster in rng.integers(0, len(rows_of), len(rows_of))])
        model.fit(x[rows], y[rows])
    print(json.dumps({"ms": 1e3 * (time.process_time() - before)}))


main()
