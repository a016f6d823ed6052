#define GINN_MAPS_NAMESPACE maps_portable
#include "device/cpu/maps.inc.h"
