"""faiss' indexes of inner products: flat, and a graph (HNSW) searched until .99 of the best are found."""

import faiss  # type: ignore[import-not-found]
import numpy as np
from catalogue_job import Search, best_of_scan, recall, search_speed
from job import answer

WANTED_RECALL = 0.99

# Batches of so many queries go to BLAS. By faiss' own bound a batch of 256 does not, and takes up to twenty
# times as long.
BLAS_FROM = 20


def flat(items: np.ndarray, job: dict) -> Search:
    faiss.cvar.distance_compute_blas_threshold = BLAS_FROM
    index = faiss.IndexFlatIP(items.shape[1])
    index.add(items)
    return lambda queries: index.search(queries, job["n"])[1]


def hnsw(items: np.ndarray, job: dict) -> Search:
    index = faiss.IndexHNSWFlat(items.shape[1], 32, faiss.METRIC_INNER_PRODUCT)
    index.add(items)
    queries = np.load(f"{job['folder']}/queries.npy")
    expected = best_of_scan(items, queries, job["n"])
    # The least effort that finds what is wanted.
    for effort in (16, 32, 64, 96, 128, 192, 256, 384, 512, 1024, 2048, 4096):
        index.hnsw.efSearch = effort
        if recall(index.search(queries, job["n"])[1], expected) >= WANTED_RECALL:
            break
    return lambda queries: index.search(queries, job["n"])[1]


def search(job: dict) -> dict:
    faiss.omp_set_num_threads(job["threads"])
    build = {"flat": flat, "hnsw": hnsw}[job["index"]]
    return search_speed(job, lambda items: build(items, job))


if __name__ == "__main__":
    answer(faiss.__version__, search=search)
