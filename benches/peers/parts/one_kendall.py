"""scipy's Kendall τ_b, in a process of its own."""

import json
import os
import sys

import numpy as np
from scipy.stats import kendalltau

from parts.one_fit import median

a, b = (np.fromfile(os.path.join(sys.argv[1], name)) for name in ("a.f64", "b.f64"))
print(json.dumps({"ms": median(lambda: kendalltau(a, b)), "tau": kendalltau(a, b).statistic}))
