"""Refits to resampled clusters, and the submodels of Shapley shares."""



def compare(bench):
    rows, factors, replicates = 10_000, 14, 1000
    print(f"== {replicates:,} cluster-bootstrap refits, {rows:,} x {factors}, one thread; CPU ms")
    directory = bench.data(rows, factors)
    ours = bench.ours("bootstrap", directory)
    print(f"  this crate {ours['ms']:.0f}; no coefficient farther than {ours['farthest_from_refit']:.0e} from a full refit")
    for solver in ("lbfgs", "newton-cholesky"):
        found = bench.python("parts.one_bootstrap", solver, directory, str(replicates))
        print(f"  scikit-learn {solver} in a loop {found['ms']:.0f} (default tolerance), {found['ms'] / ours['ms']:.0f}x")


def importance(bench):
    directory = bench.data(10_000, 14)
    for threads in (1, 2):
        ours = bench.ours("importance", directory, threads=threads)
        print(
            f"== all {ours['submodels']:,} submodels, 10,000 x 14, {threads} threads: "
            f"{ours['elapsed_ms'] / 1e3:.2f} s elapsed, {ours['ms'] / 1e3:.2f} s CPU"
        )
