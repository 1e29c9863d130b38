#define SET neon
#define SET_NAME "NEON"
#include "set.h"
