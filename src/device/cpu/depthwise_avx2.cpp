#define GINN_DEPTHWISE_NAMESPACE depthwise_avx2
#include "device/cpu/depthwise.inc.h"
