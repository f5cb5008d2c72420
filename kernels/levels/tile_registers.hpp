// The registers of AMX, which hold tiles: set up for as long as this lives. Only levels that have them include it.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace matinee {
namespace MATINEE_LEVEL {

// The instruction's own layout: registers of 16 rows of 64 bytes each, unless told otherwise.
struct TileShapes {
  static constexpr uint8_t kRows = 16, kRowBytes = 64;
  uint8_t palette = 1, start = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {kRowBytes, kRowBytes, kRowBytes, kRowBytes, kRowBytes, kRowBytes, kRowBytes, kRowBytes};
  uint8_t rows[16] = {kRows, kRows, kRows, kRows, kRows, kRows, kRows, kRows};
};
static_assert(sizeof(TileShapes) == 64, "the instruction reads 64 bytes");

class TileRegisters {
 public:
  explicit TileRegisters(const TileShapes& shapes = {}) {
    __asm__ volatile("" : : "m"(shapes) : "memory");
    _tile_loadconfig(&shapes);
  }
  ~TileRegisters() { _tile_release(); }
  TileRegisters(const TileRegisters&) = delete;
  TileRegisters& operator=(const TileRegisters&) = delete;
};

}  // namespace MATINEE_LEVEL
}  // namespace matinee
