#include "base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace ginn {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78u;  // reflected

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? kPolynomial : 0);
    table[i] = value;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = make_table();

uint32_t by_table(ByteView bytes, uint32_t crc) {
  for (const uint8_t byte : bytes) crc = (crc >> 8) ^ kTable[(crc ^ byte) & 255];
  return crc;
}

#if defined(__x86_64__)

// Three stretches at once: an instruction takes three cycles, but one can begin in each.
constexpr size_t kStretch = 1024;

// What `kStretch` zero bytes make of a checksum: a linear map of its bits, here by bytes.
struct Zeros {
  uint32_t byte[4][256];
};
constexpr Zeros make_zeros() {
  uint32_t of_bit[32] = {};  // of one zero bit, then of twice as many, again and again
  for (int i = 0; i < 32; ++i) of_bit[i] = i == 0 ? kPolynomial : uint32_t{1} << (i - 1);
  const auto apply = [](const uint32_t* map, uint32_t value) {
    uint32_t out = 0;
    for (int i = 0; i < 32; ++i) out ^= ((value >> i) & 1) != 0 ? map[i] : 0;
    return out;
  };
  for (size_t bits = 1; bits < 8 * kStretch; bits *= 2) {
    uint32_t twice[32] = {};
    for (int i = 0; i < 32; ++i) twice[i] = apply(of_bit, of_bit[i]);
    for (int i = 0; i < 32; ++i) of_bit[i] = twice[i];
  }
  Zeros zeros{};
  for (int b = 0; b < 4; ++b) {
    for (uint32_t value = 0; value < 256; ++value) {
      zeros.byte[b][value] = apply(of_bit, value << (8 * b));
    }
  }
  return zeros;
}
static_assert((kStretch & (kStretch - 1)) == 0);
constexpr Zeros kZeros = make_zeros();

uint32_t after_zeros(uint32_t crc) {
  return kZeros.byte[0][crc & 255] ^ kZeros.byte[1][(crc >> 8) & 255] ^
         kZeros.byte[2][(crc >> 16) & 255] ^ kZeros.byte[3][crc >> 24];
}

__attribute__((target("sse4.2"))) uint32_t by_instruction(ByteView bytes, uint32_t crc) {
  const auto add = [](uint64_t sum, const uint8_t* p) __attribute__((target("sse4.2"))) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    return static_cast<uint64_t>(_mm_crc32_u64(sum, word));
  };
  while (bytes.size() >= 3 * kStretch) {
    uint64_t first = crc;
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < kStretch; i += 8) {
      first = add(first, bytes.data() + i);
      second = add(second, bytes.data() + kStretch + i);
      third = add(third, bytes.data() + 2 * kStretch + i);
    }
    const uint32_t both = after_zeros(static_cast<uint32_t>(first)) ^ static_cast<uint32_t>(second);
    crc = after_zeros(both) ^ static_cast<uint32_t>(third);
    bytes = bytes.subspan(3 * kStretch);
  }
  uint64_t wide = crc;
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) wide = add(wide, bytes.data());
  return by_table(bytes, static_cast<uint32_t>(wide));
}
#endif

}  // namespace

uint32_t crc32c(ByteView bytes, uint32_t crc) {
#if defined(__x86_64__)
  static const bool fast = __builtin_cpu_supports("sse4.2") != 0;
  if (fast) return ~by_instruction(bytes, ~crc);
#endif
  return ~by_table(bytes, ~crc);
}

}  // namespace ginn
