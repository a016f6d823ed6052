#define GINN_MAPS_NAMESPACE maps_avx2
#include "device/cpu/maps.inc.h"
