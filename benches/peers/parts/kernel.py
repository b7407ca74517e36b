"""Which kernels numpy's BLAS chose."""

import json

import numpy as np  # noqa: F401  loads the BLAS
from threadpoolctl import threadpool_info

print(json.dumps({"kernel": ", ".join(sorted({str(info.get("architecture")) for info in threadpool_info()}))}))
