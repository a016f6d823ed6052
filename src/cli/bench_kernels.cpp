#include <algorithm>

#include "base/text.h"
#include "cli/bench_measure.h"
#include "crypto/merkle.h"
#include "device/convolution.h"
#include "device/maps.h"

namespace ginn::cli {
namespace {

constexpr const char* kGroup = "primitives";

// Bell-shaped as activations and gradients are. Repeats after a prime number of elements: making
// random numbers takes longer than the contraction.
device::Buffer<int16_t> bell(uint64_t stream, int32_t most, size_t count) {
  constexpr size_t kPeriod = 65521;
  device::Buffer<int16_t> data(count);
  fill_bell(stream, most, {data.data(), std::min(count, kPeriod)});
  for (size_t i = kPeriod; i < count; ++i) data[i] = data[i - kPeriod];
  return data;
}

double seconds_each(const Bench& bench) { return bench.options().seconds / 8; }

struct Shape {
  const char* name;
  uint32_t n, size, c, k, kernel, stride, padding;
};
// Of the built-in networks. A linear layer of n images is one image of width n.
constexpr Shape kShapes[] = {{"first 3x3, 32x32x3 to 16", 32, 32, 3, 16, 3, 1, 1},
                             {"first 7x7/2, 224x224x3 to 64", 4, 224, 3, 64, 7, 2, 3},
                             {"3x3, 28x28, 16 to 16", 32, 28, 16, 16, 3, 1, 1},
                             {"3x3/2, 28x28, 16 to 32", 32, 28, 16, 32, 3, 2, 1},
                             {"3x3, 14x14, 32 to 32", 32, 14, 32, 32, 3, 1, 1},
                             {"3x3, 7x7, 64 to 64", 32, 7, 64, 64, 3, 1, 1},
                             {"3x3, 56x56, 64 to 64", 4, 56, 64, 64, 3, 1, 1},
                             {"3x3, 14x14, 512 to 512", 4, 14, 512, 512, 3, 1, 1},
                             {"1x1, 56x56, 64 to 256", 4, 56, 64, 256, 1, 1, 0},
                             {"1x1, 14x14, 1024 to 256", 4, 14, 1024, 256, 1, 1, 0},
                             {"1x1/2, 28x28, 16 to 32", 32, 28, 16, 32, 1, 2, 0},
                             {"linear, 784 to 512", 32, 0, 784, 512, 1, 1, 0},
                             {"linear, 64 to 10", 32, 0, 64, 10, 1, 1, 0},
                             {"linear, 2048 to 1000", 32, 0, 2048, 1000, 1, 1, 0}};

constexpr uint32_t kColours = 3;  // a first layer's input, whose gradient nothing reads

device::ConvShape conv_shape(const Shape& s, OperandFormat operands) {
  if (s.size == 0) return {1, 1, s.n, s.c, s.k, 1, 1, 1, 0, 1, operands};
  return {s.n, s.size, s.size, s.c, s.k, s.kernel, s.kernel, s.stride, s.padding, 1, operands};
}

Status bench_contractions(Bench& bench) {
  for (const Shape& s : kShapes) {
    const device::ConvShape shape = conv_shape(s, bench.operands());
    GINN_ASSIGN(const ContractionSeconds time,
                time_contractions(bench.level(), shape, s.c > kColours, seconds_each(bench)));
    const auto add = [&](const char* what, double seconds) {
      const double gmacs = static_cast<double>(shape.macs()) / seconds * 1e-9;
      bench.add({kGroup,
                 concat(s.name, ", ", what),
                 gmacs,
                 "GMAC/s",
                 {{"share_of_peak", bench.share_of_peak(gmacs)}}});
    };
    add("fprop", time.fprop);
    if (time.dgrad) add("dgrad", *time.dgrad);
    add("wgrad", time.wgrad);
  }
  return ok_status();
}

// Operands of the maps.
struct Maps {
  Maps(size_t count, size_t period)
      : q(count),
        g(count),
        out(count),
        w(count),
        v(count),
        a(period),
        b(period),
        first(period),
        second(period),
        sum(count),
        low(period),
        high(period) {
    fill_bell(1, 8191, {q.data(), count});
    fill_bell(2, 8191, {g.data(), count});
    fill_floats(3, 4, {w.data(), count});
    fill_floats(4, 4, {a.data(), period});
    fill_floats(5, 4, {b.data(), period});
  }
  device::Buffer<int16_t> q, g, out;
  device::Buffer<float> w, v, a, b;
  device::Buffer<int64_t> first, second, sum;
  device::Buffer<int32_t> low, high;
  uint64_t norm = 0;  // keeps the call alive
};

Status bench_maps(Bench& bench) {
  const device::MapKernels& maps = device::map_kernels(bench.level());
  constexpr size_t kChannels = 16;
  constexpr size_t kCount = size_t{32} * 28 * 28 * kChannels;
  const size_t count = kCount;
  const size_t period = device::channel_period(kChannels);
  Maps m(count, period);
  const auto add = [&](const char* name, size_t bytes, const auto& body) -> Status {
    const auto call = [&]() -> Status {
      body();
      return ok_status();
    };
    GINN_ASSIGN(const double time, median_seconds(ClockKind::kThread, seconds_each(bench), call));
    const double total = static_cast<double>(count * bytes);
    bench.add({kGroup, concat("map, ", name), total / time * 1e-9, "GB/s", {}});
    return ok_status();
  };
  const device::AffineTerm terms[] = {{m.q.data(), m.a.data(), m.b.data()},
                                      {m.g.data(), m.a.data(), m.b.data()}};
  const int16_t* const gradients[] = {m.q.data(), m.g.data()};
  const float scale[] = {0.5f, 0.3f};
  const device::ChannelSums sums{m.first.data(), m.second.data(), m.low.data(), m.high.data()};
  const device::SgdConstants sgd{0.0f, 0.9f, 0.0f, 0.0f, false, false, 4.0};  // weights stay put
  GINN_TRY(
      add("quantise", 6, [&] { maps.quantise(m.w.data(), count, 8191.0f, 8191, m.out.data()); }));
  GINN_TRY(add("channel sums", 2, [&] { maps.channel_sums(m.q.data(), count, period, sums); }));
  GINN_TRY(add("activate, one term", 4, [&] {
    maps.activate(terms, 1, true, count, period, kDfp14Max, m.out.data());
  }));
  GINN_TRY(add("activate, two terms", 6, [&] {
    maps.activate(terms, 2, true, count, period, kDfp14Max, m.out.data());
  }));
  GINN_TRY(add("normalise backward", 6, [&] {
    maps.normalise_backward(m.g.data(),
                            m.q.data(),
                            m.a.data(),
                            m.a.data(),
                            m.b.data(),
                            count,
                            period,
                            kDfp14Max,
                            m.out.data());
  }));
  GINN_TRY(add("join", 6, [&] { maps.join(gradients, scale, 2, count, m.out.data()); }));
  GINN_TRY(add("norm", 2, [&] { m.norm += maps.norm2(m.q.data(), count); }));
  GINN_TRY(add("accumulate", 18, [&] { maps.accumulate(m.q.data(), count, 0, m.sum.data()); }));
  return add("optimiser", 24, [&] { maps.sgd(m.sum.data(), count, sgd, m.w.data(), m.v.data()); });
}

// Record by record, as data sets are hashed.
Status bench_hash(Bench& bench) {
  constexpr size_t kRecordBytes = 2 + 28 * 28;
  constexpr size_t kRecords = 1024;
  const Bytes records(kRecordBytes * kRecords, 7);
  uint8_t used = 0;  // keeps the call alive
  const auto call = [&]() -> Status {
    for (size_t r = 0; r < kRecords; ++r) {
      used ^= crypto::merkle_leaf(ByteView(records).subspan(r * kRecordBytes, kRecordBytes))[0];
    }
    return ok_status();
  };
  GINN_ASSIGN(const double time, median_seconds(ClockKind::kThread, seconds_each(bench), call));
  const double rate = static_cast<double>(records.size()) / time * 1e-9;
  bench.add({kGroup, "SHA-256 of 786-byte records", rate, "GB/s", {}});
  return ok_status();
}

}  // namespace

Result<ContractionSeconds> time_contractions(device::Level level,
                                             const device::ConvShape& shape,
                                             bool with_dgrad,
                                             double seconds) {
  const int32_t most = operand_max(shape.operands);
  const auto x = bell(1, most, shape.input_count());
  const auto w = bell(2, most, shape.weight_count());
  const auto dy = bell(3, most, shape.output_count());
  device::PackedWeights packed;
  packed.pack(level, shape, w.data(), with_dgrad);
  const device::Convolution convolution(level, shape);
  device::Scratch scratch;
  const auto time = [&](const auto& body) {
    return median_seconds(ClockKind::kThread, seconds, [&]() -> Status {
      scratch.reset();
      body();
      return ok_status();
    });
  };
  ContractionSeconds result;
  {
    device::Buffer<int16_t> y(shape.output_count());
    GINN_ASSIGN(result.fprop,
                time([&] { convolution.fprop(x.data(), packed, y.data(), scratch); }));
  }
  if (with_dgrad) {
    device::Buffer<int16_t> dx(shape.input_count());
    GINN_ASSIGN(result.dgrad,
                time([&] { convolution.dgrad(dy.data(), packed, dx.data(), scratch); }));
  }
  device::Buffer<int64_t> dw(shape.weight_count());
  GINN_ASSIGN(result.wgrad,
              time([&] { convolution.wgrad(x.data(), dy.data(), dw.data(), scratch); }));
  return result;
}

Status bench_primitives(Bench& bench) {
  if (const auto peak = bench.int16_peak()) {
    bench.add({kGroup, "int16 peak, registers only", *peak, "GMAC/s", {}});
  }
  bench.add({kGroup, "memory copy, read and written", bench.memory_copy(), "GB/s", {}});
  GINN_TRY(bench_contractions(bench));
  GINN_TRY(bench_maps(bench));
  return bench_hash(bench);
}

}  // namespace ginn::cli
