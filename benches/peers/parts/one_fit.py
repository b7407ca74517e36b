"""The other programs: one of them on one data set, in a process of its own."""

import json
import os
import statistics
import sys
import time
import warnings

import numpy as np

warnings.filterwarnings("ignore")


def sklearn(solver):
    def fit(x, y, tolerance):
        from sklearn.linear_model import LogisticRegression

        model = LogisticRegression(C=np.inf, fit_intercept=False, solver=solver, tol=tolerance, max_iter=10_000)
        return model.fit(x, y).coef_[0]

    return fit


def glum(x, y, tolerance):
    from glum import GeneralizedLinearRegressor

    model = GeneralizedLinearRegressor(
        family="binomial", alpha=0, fit_intercept=False, gradient_tol=tolerance, max_iter=100
    )
    return model.fit(x, y).coef_


def statsmodels(x, y, tolerance):
    import statsmodels.api as sm

    return sm.Logit(y, x).fit(method="newton", tol=tolerance, disp=0).params


def numpy_newton(x, y, tolerance):
    """What a user writes by hand: Newton steps until the largest one is below the tolerance."""
    beta = np.zeros(x.shape[1])
    for _ in range(50):
        p = 1.0 / (1.0 + np.exp(-(x @ beta)))
        information = x.T @ (x * (p * (1.0 - p))[:, None])
        step = np.linalg.solve(information, x.T @ (y - p))
        beta += step
        if np.abs(step).max() < tolerance:
            break
    np.linalg.inv(information)
    return beta


# The others give coefficients only.
CONTESTANTS = {
    "scikit-learn lbfgs": sklearn("lbfgs"),
    "scikit-learn newton-cholesky": sklearn("newton-cholesky"),
    "scikit-learn newton-cg": sklearn("newton-cg"),
    "glum": glum,
    "statsmodels Logit (covariance)": statsmodels,
    "numpy by hand (covariance)": numpy_newton,
}

ACCURACY = 1e-8

# Seconds.
LONG = 8.0

# The loosest that comes near enough is the one that is timed.
TOLERANCES = [1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-12]


def load(directory):
    y = np.fromfile(os.path.join(directory, "y.f64"))
    return np.fromfile(os.path.join(directory, "x.f64")).reshape(len(y), -1), y


def reference(directory, x, y):
    """The maximum in long double: steps by double-precision information, scores in long double."""
    file = os.path.join(directory, "reference.npy")
    if os.path.exists(file):
        return np.load(file)
    wide, beta = x.astype(np.longdouble), np.zeros(x.shape[1], dtype=np.longdouble)
    for _ in range(30):
        p = 1 / (1 + np.exp(-(wide @ beta)))
        weight = (p * (1 - p)).astype(float)
        step = np.linalg.solve(x.T @ (x * weight[:, None]), (wide.T @ (y - p)).astype(float))
        beta = beta + step
        if np.abs(step).max() < 1e-15:
            break
    np.save(file, beta)
    return beta


def status(field):
    with open("/proc/self/status") as lines:
        return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def peak(call):
    """How much more memory a call needs at its peak than there was before; Linux only."""
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return None
    before = status("VmRSS:")
    call()
    return max(0, status("VmHWM:") - before)


def median(call, calls=5, budget=1.5):
    """The median processor time of a call in milliseconds, over all threads; a long call is measured once."""
    before = time.process_time()
    call()
    once = time.process_time() - before
    if once > LONG:
        return 1e3 * once
    repeats = max(1, int(0.02 / max(once, 1e-6)))
    start, times = time.perf_counter(), []
    while len(times) < calls or (time.perf_counter() - start < budget and len(times) < 25):
        before = time.process_time()
        for _ in range(repeats):
            call()
        times.append((time.process_time() - before) / repeats)
    return 1e3 * statistics.median(times)


def main():
    name, directory = sys.argv[1:]
    fit = CONTESTANTS[name]
    x, y = load(directory)
    exact = reference(directory, x, y)
    best = None
    for tolerance in TOLERANCES:
        error = float(np.abs(fit(x, y, tolerance) - exact).max())
        if best is None or error < best[0]:
            best = (error, tolerance)
        if error <= ACCURACY:
            break
    error, tolerance = best
    figures = {
        "error": error,
        "tolerance": tolerance,
        "peak_bytes": peak(lambda: fit(x, y, tolerance)),
        "ms": median(lambda: fit(x, y, tolerance)),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
