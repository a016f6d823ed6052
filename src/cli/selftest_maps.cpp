#include <bit>

#include "arithmetic/elementary.h"
#include "arithmetic/format.h"
#include "cli/selftest_battery.h"
#include "cli/synthetic.h"
#include "device/maps.h"
#include "device/scratch.h"
#include "nn/batch_norm.h"

namespace ginn::cli {
namespace {

using device::Buffer;
using device::MapKernels;

// Around every vector width, and one that spans several blocks.
constexpr size_t kCounts[] = {1, 7, 15, 16, 17, 31, 33, 255, 257, 5003};
constexpr size_t kChannels[] = {1, 3, 10, 16, 33};
constexpr size_t kRows[] = {1, 5, 97};

class Hash {
 public:
  template <typename T>
  void add(const T* values, size_t count) {
    hash_.update({reinterpret_cast<const uint8_t*>(values), count * sizeof(T)});
  }
  template <typename T>
  void add(const Buffer<T>& values) {
    add(values.data(), values.size());
  }
  template <typename T>
  void value(T value) {
    add(&value, 1);
  }
  crypto::Digest finish() { return hash_.finish(); }

 private:
  crypto::Sha256 hash_;
};

Buffer<int16_t> integers(uint64_t stream, size_t count, int32_t limit) {
  Buffer<int16_t> q(count);
  fill_uniform(stream, limit, {q.data(), count});
  return q;
}

Buffer<float> floats(uint64_t stream, size_t count, int spread, float scale = 1.0f) {
  Buffer<float> x(count);
  fill_floats(stream, spread, {x.data(), count});
  for (size_t i = 0; i < count; ++i) x[i] *= scale;
  return x;
}

// Per-channel constants, repeated to the period.
Buffer<float> constants(uint64_t stream, size_t channels, float scale) {
  const Buffer<float> values = floats(stream, channels, 3, scale);
  Buffer<float> out(device::channel_period(channels));
  for (size_t i = 0; i < out.size(); ++i) out[i] = values[i % channels];
  return out;
}

using FlatBody = void (*)(const MapKernels& maps, size_t count, Hash& hash);
using ChannelBody = void (*)(const MapKernels& maps, size_t rows, size_t channels, Hash& hash);

SelftestCase flat_case(const char* name, FlatBody body) {
  return {name, [body](device::Level level) {
            Hash hash;
            for (const size_t count : kCounts) body(device::map_kernels(level), count, hash);
            return Result<crypto::Digest>(hash.finish());
          }};
}

SelftestCase channel_case(const char* name, ChannelBody body) {
  return {name, [body](device::Level level) {
            Hash hash;
            for (const size_t channels : kChannels) {
              for (const size_t rows : kRows)
                body(device::map_kernels(level), rows, channels, hash);
            }
            return Result<crypto::Digest>(hash.finish());
          }};
}

void hash_statistics(const nn::ChannelStatistics& statistics, bool gradients, Hash& hash) {
  for (size_t c = 0; c < statistics.channels(); ++c) {
    hash.value(statistics.first(c));
    hash.value(statistics.second(c));
    hash.value(statistics.high(c));
    if (!gradients) hash.value(statistics.low(c));
  }
}

// A window's maximum over two taps, and the way back.
void run_windows(const MapKernels& maps, size_t n, Hash& hash) {
  const Buffer<int16_t> taps[] = {integers(41, n, 3), integers(42, n, 3)};  // many ties
  Buffer<int16_t> largest = integers(43, n, 3);
  for (const auto& tap : taps) maps.max_into(tap.data(), n, largest.data());
  Buffer<int16_t> rest = integers(44, n, kDfp16Max);
  Buffer<int32_t> sums(n);
  for (const auto& tap : taps) {
    maps.route_max(tap.data(), largest.data(), n, rest.data(), sums.data());
  }
  for (int i = 0; i < 5; ++i) maps.add_into(rest.data(), n, sums.data());
  Buffer<int16_t> out(n);
  maps.narrow(sums.data(), n, 3, out.data());  // |sum| <= 6 * 32767 < 32767 * 2^3
  hash.add(largest);
  hash.add(rest);
  hash.add(sums);
  hash.add(out);
}

void run_join(const MapKernels& maps, size_t count, Hash& hash) {
  Buffer<int16_t> d[4];
  const int16_t* inputs[4];
  for (size_t i = 0; i < 4; ++i) {
    d[i] = integers(41 + i, count, kDfp16Max);
    inputs[i] = d[i].data();
  }
  const float scale[] = {0.5f, 0.3f, 1.0f, 0.0625f};
  for (int terms = 2; terms <= 4; ++terms) {
    Buffer<int16_t> out(count);
    maps.join(inputs, scale, terms, count, out.data());
    hash.add(out);
  }
}

void run_activate(const MapKernels& maps, size_t rows, size_t channels, Hash& hash) {
  const size_t count = rows * channels;
  const Buffer<int16_t> q1 = integers(51, count, kDfp16Max);
  const Buffer<int16_t> q2 = integers(52, count, kDfp14Max);
  const Buffer<float> a1 = constants(53, channels, 0.7f), b1 = constants(54, channels, 4000.0f);
  const Buffer<float> a2 = constants(55, channels, 1.0f), b2 = constants(56, channels, 1000.0f);
  const device::AffineTerm terms[] = {{q1.data(), a1.data(), b1.data()},
                                      {q2.data(), a2.data(), b2.data()}};
  for (int used = 1; used <= 2; ++used) {
    for (const bool relu : {false, true}) {
      Buffer<int16_t> out(count);
      hash.value(maps.activate(terms, used, relu, count, a1.size(), kDfp14Max, out.data()));
      hash.add(out);
    }
  }
}

void run_relu6(const MapKernels& maps, size_t rows, size_t channels, Hash& hash) {
  const size_t count = rows * channels;
  const Buffer<int16_t> q1 = integers(57, count, kDfp16Max);
  const Buffer<int16_t> q2 = integers(58, count, kDfp14Max);
  const Buffer<float> a1 = constants(59, channels, 0.7f), b1 = constants(60, channels, 4000.0f);
  const device::AffineTerm terms[] = {{q1.data(), a1.data(), b1.data()},
                                      {q2.data(), a1.data(), b1.data()}};
  for (int used = 1; used <= 2; ++used) {
    Buffer<int16_t> out(count), g = integers(59, count, kDfp16Max);
    hash.value(maps.activate_capped(terms, used, 6144.0f, count, a1.size(), kDfp14Max, out.data()));
    maps.mask({out.data(), 6144}, count, g.data());
    hash.add(out);
    hash.add(g);
  }
}

void run_normalise_backward(const MapKernels& maps, size_t rows, size_t channels, Hash& hash) {
  const size_t count = rows * channels;
  const Buffer<int16_t> g = integers(61, count, kDfp14Max), q = integers(62, count, kDfp16Max);
  const Buffer<float> c1 = constants(63, channels, 1.0f), c2 = constants(64, channels, 0.1f);
  const Buffer<float> c0 = constants(65, channels, 100.0f);
  Buffer<int16_t> dy(count);
  maps.normalise_backward(
      g.data(), q.data(), c1.data(), c2.data(), c0.data(), count, c1.size(), kDfp14Max, dy.data());
  hash.add(dy);
}

Buffer<int64_t> sums(uint64_t stream, size_t count) {
  const Buffer<int16_t> high = integers(stream, count, kDfp16Max);
  const Buffer<int16_t> low = integers(stream + 1, count, kDfp16Max);
  Buffer<int64_t> out(count);
  for (size_t i = 0; i < count; ++i) out[i] = int64_t{high[i]} * (int64_t{1} << 33) + low[i];
  return out;
}

void run_sgd(const MapKernels& maps, size_t count, Hash& hash) {
  const Buffer<int64_t> sum = sums(71, count);
  for (const bool decoupled : {false, true}) {
    for (const bool nesterov : {false, true}) {
      device::SgdConstants c{0.1f, 0.9f, 5e-4f, 0.1f * 5e-4f, decoupled, nesterov, 3.0};
      Buffer<float> w = floats(73, count, 8), v = floats(74, count, 12);
      hash.value(maps.sgd(sum.data(), count, c, w.data(), v.data()));
      hash.add(w);
      hash.add(v);
    }
  }
}

void run_truncate(const MapKernels& maps, size_t count, Hash& hash) {
  const Buffer<float> x = floats(81, count, 10);
  Buffer<int16_t> out(count);
  maps.truncate(x.data(), count, 0.37f, 32767.0f, out.data());
  hash.add(out);
}

void run_accumulate(const MapKernels& maps, size_t count, Hash& hash) {
  Buffer<int64_t> sum = sums(83, count);
  const Buffer<int16_t> q = integers(85, count, kDfp16Max);
  for (const int shift : {0, 13, 25}) maps.accumulate(q.data(), count, shift, sum.data());
  hash.add(sum);
}

void run_shift_round(const MapKernels& maps, size_t count, Hash& hash) {
  const Buffer<int16_t> x = integers(86, count, kDfp16Max);
  Buffer<int16_t> out(count);
  for (int shift = 0; shift <= 15; ++shift) {
    maps.shift_round(x.data(), count, shift, out.data());
    hash.add(out);
  }
}

// Arguments of every size and sign; a NaN counts as one value.
SelftestCase function_case(const char* name, float (*function)(float)) {
  return {name, [function](device::Level) {
            Hash hash;
            for (uint64_t bits = 0; bits < (uint64_t{1} << 32); bits += 65521) {
              const float y = function(std::bit_cast<float>(static_cast<uint32_t>(bits)));
              hash.value(y != y ? 0x7fc00000u : std::bit_cast<uint32_t>(y));
            }
            return Result<crypto::Digest>(hash.finish());
          }};
}

}  // namespace

std::vector<SelftestCase> map_cases() {
  return {
      flat_case("map/maxabs_f32",
                [](const MapKernels& maps, size_t n, Hash& hash) {
                  hash.value(maps.maxabs_f32(floats(21, n, 20).data(), n));
                }),
      flat_case("map/maxabs_i16",
                [](const MapKernels& maps, size_t n, Hash& hash) {
                  hash.value(maps.maxabs_i16(integers(22, n, kDfp16Max).data(), n));
                }),
      flat_case("map/quantise",
                [](const MapKernels& maps, size_t n, Hash& hash) {
                  Buffer<int16_t> out(n);
                  // Scaled beyond the limit, so that clamping is met too.
                  maps.quantise(floats(23, n, 6).data(), n, 9000.0f, kDfp14Max, out.data());
                  hash.add(out);
                }),
      channel_case("map/channel_sums",
                   [](const MapKernels& maps, size_t rows, size_t channels, Hash& hash) {
                     nn::ChannelStatistics statistics(channels);
                     const size_t n = rows * channels;
                     statistics.begin_values();
                     statistics.add_values(maps, integers(31, n, kDfp16Max).data(), n);
                     statistics.end_values();
                     hash_statistics(statistics, false, hash);
                   }),
      channel_case("map/gradient_sums",
                   [](const MapKernels& maps, size_t rows, size_t channels, Hash& hash) {
                     nn::ChannelStatistics statistics(channels);
                     const size_t n = rows * channels;
                     const Buffer<int16_t> q = integers(33, n, kDfp16Max);
                     Buffer<int16_t> g = integers(32, n, kDfp14Max);
                     statistics.of_gradients(maps, {}, g.data(), q.data(), n);
                     hash_statistics(statistics, true, hash);
                   }),
      channel_case("map/activate", run_activate),
      channel_case("map/relu6", run_relu6),
      flat_case("map/mask",
                [](const MapKernels& maps, size_t n, Hash& hash) {
                  Buffer<int16_t> g = integers(35, n, kDfp14Max);
                  maps.mask({integers(34, n, 2).data(), device::kNoCap}, n, g.data());
                  hash.add(g);
                }),
      flat_case("map/join", run_join),
      channel_case("map/normalise_backward", run_normalise_backward),
      flat_case("map/shift_round", run_shift_round),
      flat_case("map/windows", run_windows),
      flat_case("map/scale_sums",
                [](const MapKernels& maps, size_t n, Hash& hash) {
                  Buffer<float> out(n);
                  maps.scale_sums(sums(87, n).data(), n, pow2(-30), 12.0, out.data());
                  hash.add(out);
                }),
      flat_case("map/ceil_norm2",
                [](const MapKernels& maps, size_t n, Hash& hash) {
                  hash.value(maps.ceil_norm2(floats(82, n, 10).data(), n, 32767.0f));
                }),
      flat_case("map/truncate", run_truncate),
      flat_case("map/norm2",
                [](const MapKernels& maps, size_t n, Hash& hash) {
                  hash.value(maps.norm2(integers(89, n, kDfp16Max).data(), n));
                }),
      flat_case("map/accumulate", run_accumulate),
      function_case("function/sigmoid", sigmoid_f32),
      function_case("function/tanh", tanh_f32),
      function_case("function/erf", erf_f32),
      flat_case("map/sgd", run_sgd),
  };
}

}  // namespace ginn::cli
