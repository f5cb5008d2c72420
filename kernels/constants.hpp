// The numbers that two files must agree on. Each can be changed here, and here alone: whatever depends on one is
// computed from it, or a static_assert beside the code that relies on it says why it cannot be.
#pragma once

#include <cstdint>

namespace matinee {

// Bytes. A row of factors that starts a line is read from as few of them as possible, and a register of AVX-512,
// the widest there is, is as long as one.
constexpr int64_t kCacheLine = 64;

// Factors are handled sixteen at a time at every level: one register of AVX-512, two of AVX2, four of SSE and NEON.
// A whole number of registers leaves no remainder to handle in the inner loops.
constexpr int64_t kBlock = 16;
static_assert(kBlock * int64_t(sizeof(float)) % kCacheLine == 0,
              "aligned rows of whole blocks are used in place, so a block must be whole cache lines");

// Rows of factors that the Gram matrix turns into doubles at a time: 256 KiB at 512 factors, which the second-level
// cache holds.
constexpr int64_t kGramRows = 64;

// Columns of a pack of the ranking: two registers of AVX-512, so that a query needs one broadcast for two products.
constexpr int64_t kPackWidth = 32;

// Queries that share a pack while it is in the first-level cache; threads take as many at a time.
constexpr int64_t kQueryGroup = 64;

// Factors rounded to bytes go from −127 to 127, and are kept with 128 added: instructions multiply bytes without a sign
// by bytes with one.
constexpr int32_t kMostByte = 127, kByteZero = 128;

// Vectors up to this length have products that no order of summing makes infinite; scores of longer ones are not
// bounded.
constexpr float kLargestBounded = 0x1p62f;

// Not shared between levels: a function that the linker could merge would carry one level's instructions to a machine
// that lacks them.
static inline constexpr int64_t round_up(int64_t n, int64_t step) { return (n + step - 1) / step * step; }

// The factors of a row with the zeros that fill its last block.
static inline constexpr int64_t padded_rank(int64_t n_factors) { return round_up(n_factors, kBlock); }

// The factors of a column rounded to bytes, with the zeros that fill the last four: products of four are summed up at
// once.
static inline constexpr int64_t rounded_rank(int64_t n_factors) { return round_up(n_factors, 4); }

// The queries of a group with those that fill its last register, or tile.
constexpr int64_t kFilledQueries = round_up(kQueryGroup, kBlock);

// The columns of a ranking with those that fill its last pack.
static inline constexpr int64_t padded_columns(int64_t n_columns) { return round_up(n_columns, kPackWidth); }

}  // namespace matinee
