#include <fmt/format.h>

#include "cli/bench_measure.h"
#include "cli/synthetic.h"
#include "device/convolution.h"
#include "device/maps.h"

namespace ginn::cli {
namespace {

// One convolution's three contractions.
Status bench_convolution(const std::string& name,
                         const device::ConvShape& shape,
                         device::Level level,
                         double seconds,
                         std::vector<Measured>& out) {
  device::Buffer<int16_t> x(shape.input_count()), y(shape.output_count()), dx(shape.input_count()),
      w(shape.weight_count());
  device::Buffer<int64_t> dw(shape.weight_count());
  fill_bell(1, 8191, {x.data(), x.size()});
  fill_bell(2, 8191, {w.data(), w.size()});
  device::Buffer<int16_t> dy(shape.output_count());
  fill_bell(3, 8191, {dy.data(), dy.size()});
  device::PackedWeights packed;
  packed.pack(level, shape, w.data(), true);
  const device::Convolution convolution(level, shape);
  device::Scratch scratch;
  const double gmacs = static_cast<double>(shape.macs()) * 1e-9;
  const auto add = [&](const char* what, const auto& body) -> Status {
    GINN_ASSIGN(const double time, median(seconds, [&]() -> Status {
                  scratch.reset();
                  body();
                  return ok_status();
                }));
    out.push_back({fmt::format("{} {}", name, what), gmacs / time, "GMAC/s"});
    return ok_status();
  };
  GINN_TRY(add("fprop", [&] { convolution.fprop(x.data(), packed, y.data(), scratch); }));
  GINN_TRY(add("dgrad", [&] { convolution.dgrad(dy.data(), packed, dx.data(), scratch); }));
  return add("wgrad", [&] { convolution.wgrad(x.data(), dy.data(), dw.data(), scratch); });
}

Status bench_contractions(const BenchOptions& options,
                          device::Level level,
                          std::vector<Measured>& out) {
  const double seconds = options.seconds / 8;
  const uint32_t n = options.microbatch;
  const auto conv = [&](uint32_t h, uint32_t c, uint32_t k, uint32_t stride) {
    device::ConvShape shape;
    shape.n = n;
    shape.h = shape.w = h;
    shape.c = c;
    shape.k = k;
    shape.kernel_h = shape.kernel_w = 3;
    shape.padding = 1;
    shape.stride = stride;
    return shape;
  };
  GINN_TRY(bench_convolution("conv3x3 28x28 16->16", conv(28, 16, 16, 1), level, seconds, out));
  GINN_TRY(bench_convolution("conv3x3 28x28 16->32 /2", conv(28, 16, 32, 2), level, seconds, out));
  GINN_TRY(bench_convolution("conv3x3 14x14 32->32", conv(14, 32, 32, 1), level, seconds, out));
  return bench_convolution("conv3x3 7x7 64->64", conv(7, 64, 64, 1), level, seconds, out);
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

Status bench_maps(const BenchOptions& options, device::Level level, std::vector<Measured>& out) {
  const device::MapKernels& maps = device::map_kernels(level);
  constexpr size_t kChannels = 16;
  const size_t count = size_t{options.microbatch} * 28 * 28 * kChannels;
  const size_t period = device::channel_period(kChannels);
  Maps m(count, period);
  const auto add = [&](const char* name, size_t bytes, const auto& body) -> Status {
    GINN_ASSIGN(const double time, median(options.seconds / 8, [&]() -> Status {
                  body();
                  return ok_status();
                }));
    out.push_back({name, static_cast<double>(count * bytes) / time * 1e-9, "GB/s"});
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
    maps.activate(terms, 1, true, count, period, m.out.data());
  }));
  GINN_TRY(add("activate, two terms", 6, [&] {
    maps.activate(terms, 2, true, count, period, m.out.data());
  }));
  GINN_TRY(add("normalise backward", 6, [&] {
    maps.normalise_backward(
        m.g.data(), m.q.data(), m.a.data(), m.a.data(), m.b.data(), count, period, m.out.data());
  }));
  GINN_TRY(add("join", 6, [&] { maps.join(gradients, scale, 2, count, m.out.data()); }));
  GINN_TRY(add("norm", 2, [&] { m.norm += maps.norm2(m.q.data(), count); }));
  GINN_TRY(add("accumulate", 18, [&] { maps.accumulate(m.q.data(), count, 0, m.sum.data()); }));
  return add("optimiser", 24, [&] { maps.sgd(m.sum.data(), count, sgd, m.w.data(), m.v.data()); });
}

}  // namespace

Status bench_primitives(const BenchOptions& options,
                        device::Level level,
                        std::vector<Measured>& out) {
  GINN_TRY(bench_contractions(options, level, out));
  return bench_maps(options, level, out);
}

}  // namespace ginn::cli
