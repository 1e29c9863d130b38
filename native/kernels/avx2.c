#define SET avx2
#define SET_NAME "AVX2"
#include "set.h"
