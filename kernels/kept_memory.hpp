// Large memory that is kept when it is given back: to touch fresh memory for the first time takes longer than to sort into it.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace matinee {

struct Block {
  void* memory;
  size_t n_bytes;
};

// Blocks of whole large pages, as numpy asks for them too. A block that is given back waits for somebody who needs about its
// size; those that wait have kMost bytes together at most, and the oldest goes first. Less than a page is not kept.
class KeptMemory {
 public:
  static constexpr size_t kPage = size_t(1) << 21, kMost = size_t(1) << 26;

  KeptMemory() { waiting_.reserve(kMost / kPage + 1); }

  // Its memory is null if there is none.
  Block take(size_t n_bytes) {
    if (n_bytes < kPage) return {std::malloc(n_bytes > 0 ? n_bytes : 1), n_bytes};
    const size_t n_whole = (n_bytes + kPage - 1) / kPage * kPage;
    Block found = taken_from_waiting(n_whole);
    if (found.memory) return found;
    found = {std::aligned_alloc(kPage, n_whole), n_whole};
#ifdef __linux__
    if (found.memory) madvise(found.memory, n_whole, MADV_HUGEPAGE);
#endif
    return found;
  }

  void give_back(const Block& block) {
    if (block.n_bytes < kPage) return std::free(block.memory);
    std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back(block);
    n_waiting_ += block.n_bytes;
    size_t n_freed = 0;
    for (; n_waiting_ > kMost; ++n_freed) {
      n_waiting_ -= waiting_[n_freed].n_bytes;
      std::free(waiting_[n_freed].memory);
    }
    waiting_.erase(waiting_.begin(), waiting_.begin() + n_freed);
  }

 private:
  // The smallest that is large enough, and less than twice as large as needed.
  Block taken_from_waiting(size_t n_bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    size_t best = waiting_.size(), n_best = 2 * n_bytes;
    for (size_t place = 0; place < waiting_.size(); ++place)
      if (waiting_[place].n_bytes >= n_bytes && waiting_[place].n_bytes < n_best) {
        best = place;
        n_best = waiting_[place].n_bytes;
      }
    if (best == waiting_.size()) return {nullptr, 0};
    const Block found = waiting_[best];
    waiting_.erase(waiting_.begin() + best);
    n_waiting_ -= found.n_bytes;
    return found;
  }

  std::mutex mutex_;
  std::vector<Block> waiting_;
  size_t n_waiting_ = 0;
};

// Never destroyed, as arrays may outlive everything else.
inline KeptMemory& kept_memory() {
  static KeptMemory* kept = new KeptMemory;
  return *kept;
}

}  // namespace matinee
