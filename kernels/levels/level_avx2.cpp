#define MATINEE_LEVEL avx2
#define MATINEE_LANES 8
#define MATINEE_TABLE kAvx2
#define MATINEE_NAME "avx2"
#include "levels/level_table.hpp"
