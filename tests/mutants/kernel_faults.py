"""Faults of the kernels, each as a text that is in a file once, and what takes its place."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class KernelFault:
    """A fault of one file below ``kernels``."""

    file: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"kernels/{self.file}: {self.before}  →  {self.after}"


KERNEL_FAULTS = (
    # A column that is excluded for a query is shown where it is the first of a pack.
    KernelFault(
        "ranking.hpp",
        "*state.excluded < first_column + kPackWidth;",
        "*state.excluded < first_column + kPackWidth - 1;",
    ),
    # Of equal scores, a later column displaces an earlier one.
    KernelFault("ranking.hpp", "columns[a] > columns[b]);", "columns[a] < columns[b]);"),
    # The bias of a query is that of its place, and not of its row.
    KernelFault("ranking.hpp", "problem.query_biases[row] : 0.0f", "problem.query_biases[query] : 0.0f"),
    # Ranks beyond whole registers lose their last factors.
    KernelFault("prediction.hpp", "for (; f < n; ++f) rest += a[f] * b[f];", ""),
    # A column that is unknown takes the bias of the first.
    KernelFault("prediction.hpp", "if (column >= 0 && problem.column_biases)", "if (problem.column_biases)"),
    # The last entry of a row of an odd number is left out.
    KernelFault("sparse.hpp", "if (j < end) add(j, 0);", ""),
    # Equal pairs change their order.
    KernelFault(
        "sorting.hpp",
        "for (int64_t i = 0; i < n; ++i) by_column[starts[columns[i]]++] = i;",
        "for (int64_t i = n; i-- > 0;) by_column[starts[columns[i]]++] = i;",
    ),
    # A code that is one too large is taken.
    KernelFault("sorting.hpp", "codes[i] >= n_codes)", "codes[i] > n_codes)"),
    # The last panel of the Gram matrix is as long as the others.
    KernelFault(
        "gram.hpp",
        "first + kGramRows < n_rows ? kGramRows : n_rows - first",
        "kGramRows < n_rows ? kGramRows : n_rows",
    ),
    # The last part of a sum over threads is left out.
    KernelFault("gram_parts.hpp", "n_rows * (part + 1) / n_parts", "n_rows * (part + 1) / (n_parts + 1)"),
    # Nine rounds of Philox.
    KernelFault("rows/normal_draws.hpp", "round < 10", "round < 9"),
    # What a rating's two rows say of each other stays in its target.
    KernelFault(
        "rows/gather.hpp",
        "return dot(first, second_row(problem, rating), problem.n_factors) + bias;",
        "return bias;",
    ),
    # A second row may be beyond those that there are.
    KernelFault("bindings/row_threads.hpp", "!problem_.second || lie_within", "true || lie_within"),
    # Conjugate gradients forget the direction before.
    KernelFault("rows/conjugate_gradient.hpp", "float(next_size / size)", "0.0f"),
    # What a thread throws is lost.
    KernelFault("threads.hpp", "errors[thread] = std::current_exception();", ""),
    # Ctrl-C is never asked for.
    KernelFault("threads.hpp", "if (interrupted()) stop = true;", ""),
    # An excluded column may be beyond the factors.
    KernelFault("bindings/ranking.cpp", "before <= column && column < n_columns", "before <= column"),
    # An indptr may descend.
    KernelFault("bindings/arrays.hpp", "ascends &= indptr.data()[row] <= indptr.data()[row + 1];", ""),
)
