#define MATINEE_LEVEL baseline
#define MATINEE_LANES 4
#define MATINEE_TABLE kBaseline
#define MATINEE_NAME "baseline"
#include "levels/level_table.hpp"
