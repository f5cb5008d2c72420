// A ranking in parts, groups of queries by pieces of the columns, and the best of what the parts found.
//
// A thread keeps what it found for a query in one heap from piece to piece. What is among the best of all columns is
// among the best of any that hold it, and equal scores are in the order of the columns: whichever thread takes which
// piece, the answers are the same.
#pragma once

#include <algorithm>
#include <vector>

#include "aligned_memory.hpp"
#include "levels/level.hpp"

namespace matinee {

class RankingParts {
 public:
  // best and scores are the answers, best first, problem.n a query; where there are fewer: column −1.
  RankingParts(const Level& kernels, const RankingProblem& problem, int64_t n_queries, int n_threads, int32_t* best,
               float* scores)
      : level_(kernels),
        problem_(problem),
        n_queries_(n_queries),
        n_threads_(n_threads),
        n_packs_(padded_columns(problem.n_columns) / kPackWidth),
        n_groups_(round_up(n_queries, kQueryGroup) / kQueryGroup),
        n_pieces_(count_pieces()),
        n_used_(std::min<int64_t>(n_threads, std::max<int64_t>(count(), 1))),
        best_(best),
        scores_(scores),
        query_bytes_(kFilledQueries * rounded_rank(problem.n_factors)),
        rounded_queries_(n_used_ * query_bytes_) {
    // Allocated here, for the parts allocate nothing.
    found_.resize(size_t(n_pieces_ > 1 ? 1 : n_used_));
    for (auto& each : found_) each.reserve(size_t((n_pieces_ > 1 ? n_used_ : 1) * problem.n));
    if (n_pieces_ == 1) return;
    const int64_t n_heaps = n_used_ * n_queries;
    heap_columns_.resize(size_t(n_heaps * problem.n));
    heap_scores_.resize(size_t(n_heaps * problem.n));
    sizes_.resize(size_t(n_heaps), 0);
  }

  int64_t count() const { return n_groups_ * n_pieces_; }

  // A thread must take its parts in ascending order.
  void rank(int64_t part, int thread) {
    const int64_t group = part / n_pieces_, piece = part % n_pieces_, first = group * kQueryGroup;
    const int64_t last = std::min(first + kQueryGroup, n_queries_);
    RankingPart given{};
    given.first_query = first;
    given.last_query = last;
    given.first_pack = n_packs_ * piece / n_pieces_;
    given.last_pack = n_packs_ * (piece + 1) / n_pieces_;
    given.rounded_queries = static_cast<int8_t*>(rounded_queries_.start) + thread * query_bytes_;
    if (n_pieces_ > 1) {
      const int64_t heap = thread * n_queries_ + first;
      given.scores = heap_scores_.data() + heap * problem_.n;
      given.best = heap_columns_.data() + heap * problem_.n;
      given.sizes = sizes_.data() + heap;
      level_.rank(problem_, given);
      return;
    }
    // The only heap of a query lies where its answers will be.
    int64_t sizes[kQueryGroup] = {};
    given.scores = scores_ + first * problem_.n;
    given.best = best_ + first * problem_.n;
    given.sizes = sizes;
    level_.rank(problem_, given);
    for (int64_t q = first; q < last; ++q) {
      collect(scores_ + q * problem_.n, best_ + q * problem_.n, sizes[q - first], found_[size_t(thread)]);
      answer(q, found_[size_t(thread)]);
    }
  }

  // Writes the answers once all parts are ranked.
  void finish() {
    if (n_pieces_ == 1) return;
    for (int64_t q = 0; q < n_queries_; ++q) {
      for (int64_t thread = 0; thread < n_used_; ++thread) {
        const int64_t heap = thread * n_queries_ + q;
        collect(heap_scores_.data() + heap * problem_.n, heap_columns_.data() + heap * problem_.n,
                sizes_[size_t(heap)], found_[0]);
      }
      answer(q, found_[0]);
    }
  }

 private:
  struct Found {
    float score;
    int32_t column;
    bool operator<(const Found& other) const {
      return score > other.score || (score == other.score && column < other.column);
    }
  };

  int64_t count_pieces() const {
    // Some parts a thread, so that none waits long for another; pieces that take longer than a thread to start; and not
    // more heaps than 64 MiB.
    constexpr int64_t parts_a_thread = 4, fewest_packs = 512, most_numbers = int64_t(1) << 23;
    constexpr double fewest_products = 1 << 23;
    if (n_threads_ == 1 || n_groups_ == 0) return 1;
    if (problem_.n > most_numbers / n_threads_ / n_queries_) return 1;
    const double queries = double(n_queries_) / double(n_groups_);
    const double products = queries * double(problem_.n_columns) * double(problem_.n_factors);
    const int64_t wanted = (parts_a_thread * n_threads_ + n_groups_ - 1) / n_groups_;
    const int64_t worthwhile = int64_t(std::min(products / fewest_products, double(n_packs_ / fewest_packs)));
    return std::max<int64_t>(std::min(wanted, worthwhile), 1);
  }

  static void collect(const float* scores, const int32_t* columns, int64_t n, std::vector<Found>& found) {
    for (int64_t i = 0; i < n; ++i) found.push_back({scores[i], columns[i]});
  }

  void answer(int64_t query, std::vector<Found>& found) const {
    const int64_t n = std::min(int64_t(found.size()), problem_.n);
    std::partial_sort(found.begin(), found.begin() + n, found.end());
    for (int64_t place = 0; place < problem_.n; ++place) {
      best_[query * problem_.n + place] = place < n ? found[size_t(place)].column : -1;
      scores_[query * problem_.n + place] = place < n ? found[size_t(place)].score : 0.0f;
    }
    found.clear();
  }

  const Level& level_;
  const RankingProblem& problem_;
  const int64_t n_queries_, n_threads_, n_packs_, n_groups_, n_pieces_, n_used_;
  int32_t* const best_;
  float* const scores_;
  const int64_t query_bytes_;
  AlignedMemory rounded_queries_;
  std::vector<std::vector<Found>> found_;
  std::vector<int32_t> heap_columns_;
  std::vector<float> heap_scores_;
  std::vector<int64_t> sizes_;
};

}  // namespace matinee
