#define MATINEE_LEVEL avx512_bf16
#define MATINEE_LANES 16
#define MATINEE_ROUNDED_DOTS
#define MATINEE_TABLE kAvx512Bf16
#define MATINEE_NAME "avx512_bf16"
#include "levels/level_table.hpp"
