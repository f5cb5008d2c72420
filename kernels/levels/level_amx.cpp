#define MATINEE_LEVEL amx
#define MATINEE_LANES 16
#define MATINEE_ROUNDED_TILES
#define MATINEE_TABLE kAmx
#define MATINEE_NAME "amx"
#include "levels/level_table.hpp"
