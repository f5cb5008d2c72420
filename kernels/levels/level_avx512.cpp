#define MATINEE_LEVEL avx512
#define MATINEE_LANES 16
#define MATINEE_TABLE kAvx512
#define MATINEE_NAME "avx512"
#include "levels/level_table.hpp"
