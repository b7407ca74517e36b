"""Counts beside the bandwidth of the memory, and Kendall's τ_b beside scipy."""

import os

import numpy as np


def tau14(bench):
    ours = bench.ours("tau14")
    rate = ours["bytes"] / ours["ms"] / 1e6
    share = rate / bench.machine["gigabytes_per_second"]
    print(f"== τ14 counts, 14 factors over 10,000,000 pairs, one thread: {ours['ms']:.0f} ms, {rate:.1f} GB/s, "
          f"{100 * share:.0f} % of the bandwidth")
    found = bench.ours("alignment")
    print(f"   all τ14 of two agents and their alignments, 12,000 pairs of 100 prompts, {found['replicates']:,} "
          f"replicates: {found['ms']:.1f} ms CPU")


def kendall(bench):
    count = 100_000 if bench.quick else 1_000_000
    print(f"== Kendall's τ_b of {count:,} values, one thread; CPU ms")
    rng = np.random.default_rng(1)
    a = rng.standard_normal(count)
    b = 0.5 * a + rng.standard_normal(count)
    for name, (a, b) in {"continuous": (a, b), "eleven levels": (levels(a), levels(b))}.items():
        directory = os.path.join(bench.room, name.replace(" ", "-"))
        os.makedirs(directory, exist_ok=True)
        a.tofile(os.path.join(directory, "a.f64"))
        b.tofile(os.path.join(directory, "b.f64"))
        ours = bench.ours("kendall", directory)
        scipy = bench.python("parts.one_kendall", directory)
        print(f"  {name}: this crate {ours['ms']:.1f}, scipy {scipy['ms']:.1f}, {scipy['ms'] / ours['ms']:.1f}x; "
              f"τ differ by {abs(ours['tau'] - scipy['tau']):.0e}")


def levels(values):
    return np.clip(np.round(2 * values), -5, 5) + 0.0
