// Operands of 14 bits on AVX-512 VNNI, two ways: int16 products by vpdpwssd, as the kernels take
// them, and three int8 products of digits by vpdpbusd. GMAC/s of fprop for layers of the built-in
// networks, one thread; both peaks are in the context. Results are compared before the clock runs.
//   int8_products_bench --benchmark_repetitions=9 --benchmark_enable_random_interleaving=true
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/bench_machine.h"
#include "cli/bench_timing.h"
#include "device/convolution.h"
#include "device/cpu/dispatch.h"
#include "device/cpu/plan.h"
#include "int8_digits.h"
#include "operands.h"

namespace {

using namespace ginn;         // NOLINT
using namespace ginn::bench;  // NOLINT
using device::Buffer;
using device::ConvShape;
using device::cpu::MultiplyJob;

constexpr int kShift = 16;  // any sum in int32 then has 16 bits
constexpr auto kLevel = device::Level::kAvx512Vnni;

struct Layer {
  const char* name;
  ConvShape shape;
};

// Kernels see a list of pixels here: one image of width 1.
ConvShape pointwise(uint32_t pixels, uint32_t c, uint32_t k) {
  return {1, pixels, 1, c, k, 1, 1, 1, 0};
}
ConvShape square(uint32_t n, uint32_t size, uint32_t c, uint32_t k, uint32_t kernel, uint32_t s) {
  return {n, size, size, c, k, kernel, kernel, s, kernel / 2};
}

const Layer kLayers[] = {{"first_3x3_32_3to16", square(32, 32, 3, 16, 3, 1)},
                         {"first_7x7s2_224_3to64", square(4, 224, 3, 64, 7, 2)},
                         {"3x3_28_16to16", square(32, 28, 16, 16, 3, 1)},
                         {"3x3_14_32to32", square(32, 14, 32, 32, 3, 1)},
                         {"3x3_7_64to64", square(32, 7, 64, 64, 3, 1)},
                         {"3x3_14_512to512", square(4, 14, 512, 512, 3, 1)},
                         {"1x1_14_1024to256", pointwise(4 * 14 * 14, 1024, 256)},
                         {"linear_784to512", pointwise(32, 784, 512)}};

// A layer is done in pieces that stay in cache, as device/cpu/correlation.cpp cuts it: some images,
// or some rows of one. A piece's source is copied with its padding (or split into digits), but for
// int16 operands of a kernel that needs none.
struct Pieces {
  static constexpr int64_t kBytes = 96 << 10;  // of int16 source
  static constexpr int64_t kPixels = 128;
  explicit Pieces(const ConvShape& s)
      : shape(s), row_elements(int64_t{s.w + 2 * s.padding} * s.c), images(1), rows(s.out_h()) {
    const int64_t bytes = 2 * source_rows() * row_elements;
    if (bytes <= kBytes) {
      const int64_t enough = (kPixels + rows * s.out_w() - 1) / (rows * s.out_w());
      images = std::min({int64_t{s.n}, kBytes / bytes, enough});
    } else {
      const int64_t most = std::max<int64_t>(1, kBytes / (2 * row_elements) / s.stride);
      const int64_t bands = (rows + most - 1) / most;
      rows = (rows + bands - 1) / bands;
    }
    for (int64_t image = 0; image < images; ++image) {
      for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < s.out_w(); ++j) {
          const int64_t row = image * source_rows() + i * s.stride;
          source.push_back(row * row_elements + j * s.stride * s.c);
          destination.push_back(((image * s.out_h() + i) * s.out_w() + j) * s.k);
        }
      }
    }
  }
  int64_t source_rows() const { return (rows - 1) * shape.stride + shape.kernel_h; }
  int64_t elements() const { return images * source_rows() * row_elements; }
  bool direct() const { return shape.padding == 0 && shape.kernel_h == 1; }

  // body(first image, first row, pixels)
  template <typename Body>
  void each(const Body& body) const {
    for (int64_t image = 0; image < shape.n; image += images) {
      const int64_t count = std::min(images, shape.n - image);
      for (int64_t row = 0; row < shape.out_h(); row += rows) {
        const int64_t some = images > 1 ? rows : std::min(rows, shape.out_h() - row);
        body(image, row, count * some * shape.out_w());
      }
    }
  }
  // put(to, source element, count) and zero(to, count) for all of a piece.
  template <typename Put, typename Zero>
  void copy(int64_t image, int64_t row, const Put& put, const Zero& zero) const {
    const int64_t side = int64_t{shape.padding} * shape.c;
    const int64_t middle = int64_t{shape.w} * shape.c;
    int64_t to = 0;
    for (int64_t i = image; i < std::min<int64_t>(image + images, shape.n); ++i) {
      for (int64_t t = 0; t < source_rows(); ++t, to += row_elements) {
        const int64_t from = row * shape.stride - shape.padding + t;
        if (from < 0 || from >= shape.h) {
          zero(to, row_elements);
          continue;
        }
        if (side > 0) zero(to, side);
        put(to + side, (i * shape.h + from) * middle, middle);
        if (side > 0) zero(to + side + middle, side);
      }
    }
  }
  int64_t output_at(int64_t image, int64_t row) const {
    return (image * shape.out_h() + row) * shape.out_w() * shape.k;
  }

  ConvShape shape;
  int64_t row_elements;
  int64_t images, rows;  // of a full piece
  std::vector<int64_t> source, destination;
};

struct Operands {
  Operands(const ConvShape& shape, bool worst) : x(shape.input_count()), w(shape.weight_count()) {
    fill(x, 1, worst ? shape.c : 0);
    fill(w, 2, worst ? shape.c : 0);
  }
  Buffer<int16_t> x, w;
};

enum class Part { kWhole, kProducts, kUnjoined };

// What both ways' kernels are told alike.
template <typename Job, typename Packed, typename Runs>
void set_up(Job& job, const Pieces& pieces, const Packed& packed, const Runs& runs) {
  job.a_offset = pieces.source.data();
  job.y_offset = pieces.destination.data();
  job.b = packed.data();
  job.columns = pieces.shape.k;
  job.runs = runs.data();
  job.run_count = static_cast<int64_t>(runs.size());
  job.shift = kShift;
}

class Int16Way {
 public:
  Int16Way(const ConvShape& shape, const Operands& operands)
      : pieces_(shape), x_(operands.x.data()), padded_(static_cast<size_t>(pieces_.elements())) {
    const device::cpu::Kernels& kernels = device::cpu::kernels_of(kLevel, shape.operands, shape.k);
    multiply_ = kernels.multiply;
    const device::cpu::Plan plan = device::cpu::fprop_plan(shape, kernels.lanes);
    const device::cpu::Phase& phase = plan.phases[0];
    device::cpu::pack_fprop(shape, kernels.lanes, {operands.w.data(), 0, shape.k}, packed_);
    runs_.resize(static_cast<size_t>(device::cpu::run_count(plan, phase, {})));
    device::cpu::make_runs(plan, phase, {}, {pieces_.row_elements, 0}, runs_.data());
    job_.a = pieces_.direct() ? x_ : padded_.data();
    job_.steps = phase.steps;
    set_up(job_, pieces_, packed_, runs_);
  }
  void run(Part part, int16_t* y) {
    pieces_.each([&](int64_t image, int64_t row, int64_t pixels) {
      MultiplyJob job = job_;
      job.y = y + pieces_.output_at(image, row);
      job.pixels = pixels;
      if (part == Part::kWhole) {
        if (pieces_.direct()) {
          job.a = x_ + row * pieces_.row_elements;
        } else {
          copy(image, row);
        }
      }
      multiply_(job);
    });
  }

 private:
  void copy(int64_t image, int64_t row) {
    int16_t* padded = padded_.data();
    pieces_.copy(
        image,
        row,
        [&](int64_t to, int64_t from, int64_t count) {
          std::memcpy(padded + to, x_ + from, static_cast<size_t>(count) * 2);
        },
        [&](int64_t to, int64_t count) {
          std::memset(padded + to, 0, static_cast<size_t>(count) * 2);
        });
  }

  Pieces pieces_;
  const int16_t* x_;
  Buffer<int16_t> padded_, packed_;
  std::vector<device::cpu::Run> runs_;
  void (*multiply_)(const MultiplyJob&);
  MultiplyJob job_{};
};

class DigitWay {
 public:
  DigitWay(const ConvShape& shape, const Operands& operands, const DigitKernel& kernel)
      : pieces_(shape),
        x_(operands.x.data()),
        plane_((pieces_.elements() + 127) / 64 * 64),
        digits_(static_cast<size_t>(kDigitPlanes * plane_)),
        kernel_(kernel) {
    pack(operands.w.data());
    job_.a = digits_.data();
    job_.plane = plane_;
    job_.correction = correction_.data();
    set_up(job_, pieces_, packed_, runs_);
  }
  void run(Part part, int16_t* y) {
    pieces_.each([&](int64_t image, int64_t row, int64_t pixels) {
      DigitJob job = job_;
      job.y = y + pieces_.output_at(image, row);
      job.pixels = pixels;
      if (part == Part::kWhole) split(image, row);
      (part == Part::kUnjoined ? kernel_.multiply_unjoined : kernel_.multiply)(job);
    });
  }

 private:
  void split(int64_t image, int64_t row) {
    uint8_t* digits = digits_.data();
    pieces_.copy(
        image,
        row,
        [&](int64_t to, int64_t from, int64_t count) {
          split_source(x_ + from, count, digits + to, plane_);
        },
        [&](int64_t to, int64_t count) { split_zeros(count, digits + to, plane_); });
  }
  // Once a step, as the int16 weights: not timed.
  void pack(const int16_t* w) {
    const ConvShape& s = pieces_.shape;
    const int64_t run = int64_t{s.kernel_w} * s.c;
    const int64_t groups = (run + 3) / 4;
    for (int64_t r = 0; r < s.kernel_h; ++r) runs_.push_back({r * pieces_.row_elements, groups});
    job_.groups = groups * s.kernel_h;
    packed_ = Buffer<int8_t>(static_cast<size_t>(kDigitPlanes * job_.groups * 4 * s.k));
    correction_ = Buffer<int32_t>(s.k);
    for (int64_t k = 0; k < s.k; ++k) {
      uint32_t sum = 0;
      for (int64_t r = 0; r < s.kernel_h; ++r) {
        for (int64_t e = 0; e < run; ++e) {
          const int32_t q = *w++;
          const int32_t high = (q + 64) >> 7;
          const int32_t low = q - 128 * high;
          place(k, r * groups + e / 4, e % 4, {high, high + low, low});
          sum += static_cast<uint32_t>(q);
        }
      }
      const uint32_t correction = uint32_t{0} - sum * uint32_t{kSourceOffset};
      correction_[static_cast<size_t>(k)] = static_cast<int32_t>(correction);
    }
  }
  void place(int64_t column, int64_t group, int64_t digit, std::array<int32_t, 3> planes) {
    const int64_t width = kernel_.width;
    for (int64_t plane = 0; plane < kDigitPlanes; ++plane) {
      const int64_t line = (column / width * kDigitPlanes + plane) * job_.groups + group;
      const int64_t at = (line * width + column % width) * 4 + digit;
      packed_[static_cast<size_t>(at)] = static_cast<int8_t>(planes[static_cast<size_t>(plane)]);
    }
  }

  Pieces pieces_;
  const int16_t* x_;
  int64_t plane_;
  Buffer<uint8_t> digits_;
  const DigitKernel& kernel_;
  Buffer<int8_t> packed_;
  Buffer<int32_t> correction_;
  std::vector<DigitRun> runs_;
  DigitJob job_{};
};

// Output `index` by the definition; the sum must fit int32 with its rounding.
int16_t reference(const ConvShape& s, const Operands& o, size_t index) {
  const size_t k = index % s.k;
  const size_t pixel = index / s.k;
  const auto col = static_cast<int64_t>(pixel % s.out_w());
  const auto row = static_cast<int64_t>(pixel / s.out_w() % s.out_h());
  const size_t image = pixel / s.out_w() / s.out_h();
  int64_t sum = 0;
  for (int64_t r = 0; r < s.kernel_h; ++r) {
    for (int64_t t = 0; t < s.kernel_w; ++t) {
      const int64_t h = row * s.stride + r - s.padding;
      const int64_t v = col * s.stride + t - s.padding;
      if (h < 0 || v < 0 || h >= s.h || v >= s.w) continue;
      const size_t x =
          ((image * s.h + static_cast<size_t>(h)) * s.w + static_cast<size_t>(v)) * s.c;
      const size_t w =
          ((k * s.kernel_h + static_cast<size_t>(r)) * s.kernel_w + static_cast<size_t>(t)) * s.c;
      for (size_t c = 0; c < s.c; ++c) sum += int64_t{o.x[x + c]} * o.w[w + c];
    }
  }
  GINN_CHECK(sum + (1 << kShift) < INT32_MAX && sum > INT32_MIN);
  return static_cast<int16_t>(device::shift_rne(sum, kShift));
}

bool fits(const ConvShape& shape, int64_t width) { return shape.k % width == 0; }

// Every kernel gives the int16 kernel's bits, and these are the definition's at one output in 97.
void check(const ConvShape& shape, bool worst) {
  const Operands operands(shape, worst);
  Buffer<int16_t> expected(shape.output_count()), y(shape.output_count());
  Int16Way(shape, operands).run(Part::kWhole, expected.data());
  for (size_t i = 0; i < expected.size(); i += 97) {
    GINN_CHECK(expected[i] == reference(shape, operands, i));
  }
  const auto compare = [&](auto way) {
    std::memset(y.data(), 0x55, y.size() * 2);
    way.run(Part::kWhole, y.data());
    GINN_CHECK(std::memcmp(y.data(), expected.data(), y.size() * 2) == 0);
  };
  for (int i = 0; i < kDigitKernelCount; ++i) {
    if (fits(shape, kDigitKernels[i].width)) compare(DigitWay(shape, operands, kDigitKernels[i]));
  }
}

template <typename Way>
void add(const std::string& name, const ConvShape& shape, Part part, const auto&... argument) {
  const auto body = [&shape, part, &argument...](benchmark::State& state) {
    const Operands operands(shape, false);
    Way way(shape, operands, argument...);
    Buffer<int16_t> y(shape.output_count());
    way.run(Part::kWhole, y.data());
    for (auto _ : state) way.run(part, y.data());
    const double macs = static_cast<double>(shape.macs()) * 1e-9;
    state.counters["GMAC/s"] = benchmark::Counter(macs * static_cast<double>(state.iterations()),
                                                  benchmark::Counter::kIsRate);
  };
  benchmark::RegisterBenchmark(name.c_str(), body)->Unit(benchmark::kMicrosecond);
}

void add_layer(const Layer& layer) {
  const ConvShape& shape = layer.shape;
  add<Int16Way>(concat("whole/", layer.name, "/int16"), shape, Part::kWhole);
  add<Int16Way>(concat("products/", layer.name, "/int16"), shape, Part::kProducts);
  for (int i = 0; i < kDigitKernelCount; ++i) {
    const DigitKernel& kernel = kDigitKernels[i];
    if (!fits(shape, kernel.width)) continue;
    const std::string name = concat(layer.name, "/int8_", kernel.name);
    add<DigitWay>(concat("whole/", name), shape, Part::kWhole, kernel);
    add<DigitWay>(concat("products/", name), shape, Part::kProducts, kernel);
    add<DigitWay>(concat("unjoined/", name), shape, Part::kUnjoined, kernel);
  }
}

double digit_peak() {
  constexpr int kSteps = 4096;
  const auto time = cli::median_seconds(cli::ClockKind::kThread, 0.25, []() -> Status {
    digit_peak_steps(kSteps);
    return ok_status();
  });
  return kDigitPeakMacs * double{kSteps} / time.value() * 1e-9;
}

}  // namespace

int main(int argc, char** argv) {
  if (!device::level_supported(kLevel)) {
    std::printf("skipped: this CPU has no AVX-512 VNNI\n");
    return 0;
  }
  for (const Layer& layer : kLayers) {
    check(layer.shape, false);
    add_layer(layer);
  }
  check(pointwise(101, 32, 64), true);  // |sum| up to 32 x 8191^2
  check(pointwise(101, 31, 64), true);
  const double digits = digit_peak();
  benchmark::AddCustomContext("int16 peak",
                              concat(cli::measure_int16_peak(kLevel).value(), " GMAC/s"));
  benchmark::AddCustomContext(
      "int8 peak", concat(digits, " GMAC/s, a third of it for three products: ", digits / 3));
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
