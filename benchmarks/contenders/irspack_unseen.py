"""irspack's ``IALSRecommender`` with features of items, as a scorer of all films, seen and unseen.

Called with the file that ``unseen.py`` wrote, and the file for the scores.
"""

import sys
from contextlib import redirect_stdout

import numpy as np
from irspack import IALSRecommender
from scipy.sparse import csr_matrix

given = np.load(sys.argv[1])
seen, features = given["seen"], given["features"]
warm = seen.any(axis=0)
recommender = IALSRecommender(
    csr_matrix(seen[:, warm], dtype=np.float32),
    n_components=128,
    alpha0=0.3,
    reg=0.012,
    nu=1.0,
    solver_type="CHOLESKY",
    loss_type="ORIGINAL",
    train_epochs=12,
    random_seed=int(given["seed"]),
    n_threads=2,
    item_features=csr_matrix(features[warm], dtype=np.float32),
    lambda_item_feature=float(given["penalty"]),
)
with redirect_stdout(sys.stderr):  # its progress bar has no place in the answer
    recommender.learn()
scores = np.empty(seen.shape, dtype=np.float32)
users = recommender.get_user_embedding()
scores[:, warm] = users @ recommender.get_item_embedding().T
guessed = recommender.compute_item_embedding_from_features(csr_matrix(features[~warm], dtype=np.float32))
scores[:, ~warm] = users @ guessed.T
np.save(sys.argv[2], scores)
