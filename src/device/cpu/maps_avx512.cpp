#define GINN_MAPS_NAMESPACE maps_avx512
#include "device/cpu/maps.inc.h"
