#include "device/maps.h"

#include <numeric>

#include "base/check.h"

namespace ginn::device {

namespace maps_portable {
extern const MapKernels kMaps;
}
namespace maps_avx2 {
extern const MapKernels kMaps;
}
namespace maps_avx512 {
extern const MapKernels kMaps;
}

size_t channel_period(size_t channels) {
  constexpr size_t kLanes = 16;
  constexpr size_t kShortest = 256;  // long enough that a loop's start and end do not count
  const size_t unit = std::lcm(channels, kLanes);
  return unit >= kShortest ? unit : (kShortest + unit - 1) / unit * unit;
}

const MapKernels& map_kernels(Level level) {
  switch (level) {
    case Level::kPortable:
      return maps_portable::kMaps;
    case Level::kAvx2:
    case Level::kAvxVnni:
      return maps_avx2::kMaps;
    case Level::kAvx512Vnni:
    case Level::kAmx:
      return maps_avx512::kMaps;
  }
  check_failed(__FILE__, __LINE__, "level");
}

}  // namespace ginn::device
