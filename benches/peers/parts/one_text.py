"""The plain Python factors of a file of responses, in a process of its own."""

import json
import os
import sys

from parts.one_fit import median
from parts.plain_factors import measure_all

with open(os.path.join(sys.argv[1], "responses.json"), encoding="utf-8") as file:
    responses = json.load(file)
print(json.dumps({"values": measure_all(responses), "ms": median(lambda: measure_all(responses), budget=0)}))
