#define SET avx512
#define SET_NAME "AVX-512"
#include "set.h"
