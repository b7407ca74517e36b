"""Runs every program on the same generated data, in one run, and prints ratios. Started by `benches/peers/run`."""

import argparse
import json
import os
import platform
import subprocess
import sys

import numpy as np

import parts.counts
import parts.fit
import parts.resampling
import parts.scale
import parts.text

PARTS = {
    "fit": parts.fit.compare,
    "bootstrap": parts.resampling.compare,
    "importance": parts.resampling.importance,
    "counts": parts.counts.tau14,
    "kendall": parts.counts.kendall,
    "text": parts.text.compare,
    "scale": parts.scale.compare,
}


class Bench:
    """Where things are, and how to start a program with so many threads."""

    def __init__(self, ours, room, quick, cells):
        self.binary, self.room, self.quick, self.cells = ours, room, quick, cells
        self.machine = {}

    def ours(self, *arguments, threads=1, timeout=600):
        """The figures of one command of the Rust side."""
        return self.start([self.binary, *arguments], threads, timeout)

    def python(self, *arguments, threads=1, timeout=600):
        """The figures of one program in a Python process of its own."""
        return self.start([sys.executable, "-m", *arguments], threads, timeout)

    def start(self, command, threads, timeout):
        names = ["RAYON", "OPENBLAS", "OMP", "MKL"]
        limits = {f"{name}_NUM_THREADS": str(threads) for name in names}
        here = os.path.dirname(os.path.abspath(__file__))
        try:
            done = subprocess.run(
                command, env={**os.environ, **limits}, cwd=here, capture_output=True, text=True, timeout=timeout
            )
        except subprocess.TimeoutExpired:
            return None
        if done.returncode != 0:
            sys.exit(f"{command} failed:\n{done.stderr}")
        return json.loads(done.stdout.splitlines()[-1])

    def data(self, rows, factors):
        """A directory with rows of correlated normal factors, planted coefficients and 200 clusters."""
        directory = os.path.join(self.room, f"{rows}x{factors}")
        if os.path.exists(os.path.join(directory, "clusters.u32")):
            return directory
        os.makedirs(directory, exist_ok=True)
        rng = np.random.default_rng(rows + factors)
        x = rng.standard_normal((rows, factors))
        for j in range(1, factors):
            x[:, j] = 0.3 * x[:, j - 1] + np.sqrt(0.91) * x[:, j]
        beta = np.where(np.arange(factors) % 3 == 2, -0.7, 1.0)
        eta = x @ beta
        eta *= 1.5 / eta.std()
        x.tofile(os.path.join(directory, "x.f64"))
        (rng.random(rows) < 1 / (1 + np.exp(-eta))).astype(float).tofile(os.path.join(directory, "y.f64"))
        rng.integers(0, 200, rows).astype(np.uint32).tofile(os.path.join(directory, "clusters.u32"))
        return directory


def describe(bench):
    """The machine and the kernels in use."""
    bench.machine = bench.ours("machine")
    kernel = bench.python("parts.kernel")
    print(f"processor: {platform.processor() or platform.machine()}, {os.cpu_count()} cores visible")
    print(
        f"one thread reads {bench.machine['gigabytes_per_second']:.1f} GB/s and does "
        f"{bench.machine['giga_multiply_adds_per_second']:.1f} G multiply-adds/s in vectors of {bench.machine['lanes']}"
    )
    print(f"OpenBLAS kernels of numpy: {kernel['kernel']}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--ours", required=True)
    parser.add_argument("--room", required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS)
    parser.add_argument("--cells", nargs="+", help="only these of the joint fits, as 1000x14")
    arguments = parser.parse_args()
    os.makedirs(arguments.room, exist_ok=True)
    bench = Bench(arguments.ours, arguments.room, arguments.quick, arguments.cells)
    describe(bench)
    for name in arguments.only or PARTS:
        print(flush=True)
        PARTS[name](bench)


if __name__ == "__main__":
    main()
