// The kernels of a level over the Policy that stands before: included inside the level's namespace.
#include "device/cpu/streams_ymm.inc.h"
#include "device/cpu/tile.inc.h"

constexpr Kernels kVectorKernels = {Policy::kLanes,
                                    multiply<Policy>,
                                    accumulate<Policy>,
                                    pixel_norms,
                                    pixel_norms_wide,
                                    window_bounds,
                                    interleave,
                                    interleave_blocks<Policy::kLanes>,
                                    channel_norms};
