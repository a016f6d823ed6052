#include <immintrin.h>

#include "device/cpu/kernels.h"

namespace ginn::device::cpu::amx {
namespace {

#define GINN_INLINE inline __attribute__((always_inline))
#define GINN_INLINE_LAMBDA __attribute__((always_inline))

#include "device/cpu/amx_digits.inc.h"
#include "device/cpu/amx_tiles.inc.h"
#include "device/cpu/streams_ymm.inc.h"

// The tile registers of this thread. In assembly, because the intrinsics of loads do not say that
// they read memory, and take no template argument for the register's number.
class Tiles {
 public:
  GINN_INLINE Tiles() {
    struct alignas(64) {
      uint8_t palette = 1;  // eight tiles of up to 16 lines of 64 bytes
      uint8_t start_row = 0;
      uint8_t reserved[14] = {};
      uint16_t line_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t lines[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } config;
    static_assert(sizeof config == 64);
    asm volatile("ldtilecfg %0" : : "m"(config));
  }
  GINN_INLINE ~Tiles() { asm volatile("tilerelease"); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  template <int kTile>
  GINN_INLINE void zero() {
    asm volatile("tilezero %%tmm%c0" : : "i"(kTile));
  }
  template <int kTile>
  GINN_INLINE void load(const Plane* plane) {
    asm volatile("tileloadd (%0,%1,1), %%tmm%c2"
                 :
                 : "r"(plane), "r"(int64_t{64}), "i"(kTile)
                 : "memory");
  }
  template <int kTile>
  GINN_INLINE void store(int32_t* sums) {
    asm volatile("tilestored %%tmm%c2, (%0,%1,1)"
                 :
                 : "r"(sums), "r"(int64_t{64}), "i"(kTile)
                 : "memory");
  }
  template <int kSum, int kA, int kB>
  GINN_INLINE void dot() {
    asm volatile("tdpbssd %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(kSum), "i"(kA), "i"(kB));
  }
};

}  // namespace

extern const Kernels kKernels;
const Kernels kKernels = {kVectorLanes,
                          multiply_by_digits<Tiles>,
                          accumulate_by_digits<Tiles>,
                          pixel_norms,
                          pixel_norms_wide,
                          window_bounds,
                          interleave,
                          interleave_blocks<kVectorLanes>,
                          channel_norms};

}  // namespace ginn::device::cpu::amx
