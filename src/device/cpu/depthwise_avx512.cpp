#define GINN_DEPTHWISE_NAMESPACE depthwise_avx512
#include "device/cpu/depthwise.inc.h"
