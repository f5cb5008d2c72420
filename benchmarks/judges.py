"""Whether ranx and RecTools say of a list what Matinee says of it, to 1e-9.

They need an environment of their own:

    python3 -m venv .venv-judges
    .venv-judges/bin/pip install --requirement benchmarks/judges.txt
    .venv/bin/python benchmarks/judges.py .venv-judges/bin/python
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

import matinee

K = 10
TOLERANCE = 1e-9
JUDGE = Path(__file__).parent / "contenders" / "judge.py"


def main() -> None:
    ratings = matinee.load_dataset("demo")
    train, test = matinee.split(ratings, by="user", test_size=0.2)
    model = matinee.ItemRidge().fit(train)
    # RecTools takes the novelty over everybody with a list, Matinee over the people of the test.
    lists = model.recommend_all(test.users[test.by_user.counts > 0], n=K)
    found = matinee.evaluate(lists, test, k=K, train=train)
    # The others divide average precision by all relevant items, not by the most that a list can hold.
    each = matinee.evaluate(lists, test, k=K, train=train, per_user=True)
    n_relevant = each["n_ratings"].to_numpy()
    theirs_of_map = float(np.mean(each["map"].to_numpy() * np.minimum(n_relevant, K) / n_relevant))
    ours = {**found.to_dict(), "map": theirs_of_map}

    with tempfile.TemporaryDirectory() as folder:
        frames = {"train": train.to_frame(), "test": test.to_frame(), "lists": lists}
        for name, frame in frames.items():
            frame.select(pl.exclude("timestamp")).write_parquet(Path(folder) / f"{name}.parquet")
        command = [sys.argv[1], str(JUDGE), folder, str(K)]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    greatest = 0.0
    for judge, figures in json.loads(answer.splitlines()[-1]).items():
        for name, value in figures.items():
            gap = abs(value - ours[name])
            greatest = max(greatest, gap)
            print(f"{judge:<10}{name:<12}{value:.12f}  Matinee {ours[name]:.12f}  differs by {gap:.1e}")
    if greatest > TOLERANCE:
        sys.exit(f"a figure differs by {greatest:.1e}; expected at most {TOLERANCE:.0e}")


if __name__ == "__main__":
    main()
