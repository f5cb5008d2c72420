"""cmfrec's ``CMF_implicit``, for the translation of its parameters."""

from importlib.metadata import version

import numpy as np
from cmfrec import CMF_implicit
from cmfrec_als import matrix
from job import answer, read


def translation(job: dict) -> dict:
    """Factors of a short exact fit; the users' are solved last, against the items' that are written."""
    model = CMF_implicit(
        k=job["rank"],
        use_cg=False,
        niter=job["n_iterations"],
        nthreads=job["threads"],
        precompute_for_predictions=False,
        **job["native"],
    ).fit(matrix(read(job["data"])))
    np.savez(job["factors"], users=model.A_, items=model.B_)
    return {}


if __name__ == "__main__":
    answer(version("cmfrec"), translation=translation)
