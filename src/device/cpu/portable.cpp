#include "device/cpu/portable.h"

#include <algorithm>

namespace ginn::device::cpu::portable {

namespace {

// Calls body(r, s, h, w) for the taps of output pixel (p, q) that lie inside the image.
template <typename Body>
void for_taps(const ConvShape& shape, int64_t p, int64_t q, const Body& body) {
  for (int64_t r = 0; r < shape.kernel_h; ++r) {
    const int64_t h = p * shape.stride + r - shape.padding;
    if (h < 0 || h >= shape.h) continue;
    for (int64_t s = 0; s < shape.kernel_w; ++s) {
      const int64_t w = q * shape.stride + s - shape.padding;
      if (w >= 0 && w < shape.w) body(r, s, h, w);
    }
  }
}

// Calls body(r, s, p, q) for the output pixels that (h, w) contributes to.
template <typename Body>
void for_outputs(const ConvShape& shape, int64_t h, int64_t w, const Body& body) {
  for (int64_t r = 0; r < shape.kernel_h; ++r) {
    const int64_t down = h + shape.padding - r;
    if (down < 0 || down % shape.stride != 0 || down / shape.stride >= shape.out_h()) continue;
    for (int64_t s = 0; s < shape.kernel_w; ++s) {
      const int64_t across = w + shape.padding - s;
      if (across < 0 || across % shape.stride != 0 || across / shape.stride >= shape.out_w()) {
        continue;
      }
      body(r, s, down / shape.stride, across / shape.stride);
    }
  }
}

// Calls body(n, i, j) for every pixel.
template <typename Body>
void for_pixels(int64_t n, int64_t height, int64_t width, const Body& body) {
  for (int64_t image = 0; image < n; ++image) {
    for (int64_t i = 0; i < height; ++i) {
      for (int64_t j = 0; j < width; ++j) body(image, i, j);
    }
  }
}

uint64_t norm2(const int16_t* q, int64_t count) {
  uint64_t sum = 0;
  for (int64_t i = 0; i < count; ++i) sum += static_cast<uint64_t>(int64_t{q[i]} * q[i]);
  return sum;
}

}  // namespace

// |sums| <= 2^20 32767^2 < 2^50.
int fprop(const ConvShape& shape, const int16_t* x, const int16_t* w, int16_t* y) {
  const int64_t channels = shape.c / shape.groups;  // of a group, as `filters`
  const int64_t filters = shape.k / shape.groups;
  const int64_t filter = shape.kernel_h * channels * shape.kernel_w;
  const auto x_at = [&](int64_t n, int64_t h, int64_t v, int64_t g) {
    return x + ((n * shape.h + h) * shape.w + v) * shape.c + g * channels;
  };
  int shift = 0;
  for (int64_t g = 0; g < shape.groups; ++g) {
    uint64_t filter_norm2 = 0;
    for (int64_t k = g * filters; k < (g + 1) * filters; ++k) {
      filter_norm2 = std::max(filter_norm2, norm2(w + k * filter, filter));
    }
    uint64_t window_norm2 = 0;
    for_pixels(shape.n, shape.out_h(), shape.out_w(), [&](int64_t n, int64_t p, int64_t q) {
      uint64_t sum = 0;
      for_taps(shape, p, q, [&](int64_t, int64_t, int64_t h, int64_t v) {
        sum += norm2(x_at(n, h, v, g), channels);
      });
      window_norm2 = std::max(window_norm2, sum);
    });
    shift = std::max(shift, bound_shift(filter_norm2, window_norm2));
  }
  for_pixels(shape.n, shape.out_h(), shape.out_w(), [&](int64_t n, int64_t p, int64_t q) {
    for (int64_t k = 0; k < shape.k; ++k) {
      int64_t sum = 0;
      for_taps(shape, p, q, [&](int64_t r, int64_t s, int64_t h, int64_t v) {
        const int16_t* a = x_at(n, h, v, k / filters);
        const int16_t* b = w + k * filter + (r * shape.kernel_w + s) * channels;
        for (int64_t c = 0; c < channels; ++c) sum += int64_t{a[c]} * b[c];
      });
      *y++ = static_cast<int16_t>(shift_rne(sum, shift));
    }
  });
  return shift;
}

int dgrad(const ConvShape& shape, const int16_t* dy, const int16_t* w, int16_t* dx) {
  const int64_t channels = shape.c / shape.groups;  // of a group, as `filters`
  const int64_t filters = shape.k / shape.groups;
  const int64_t filter = shape.kernel_h * channels * shape.kernel_w;
  const auto dy_at = [&](int64_t n, int64_t p, int64_t q, int64_t g) {
    return dy + ((n * shape.out_h() + p) * shape.out_w() + q) * shape.k + g * filters;
  };
  int shift = 0;
  for (int64_t g = 0; g < shape.groups; ++g) {
    uint64_t channel_norm2 = 0;
    for (int64_t c = 0; c < channels; ++c) {
      uint64_t sum = 0;
      for (int64_t i = c; i < filters * filter; i += channels) {
        sum += norm2(w + g * filters * filter + i, 1);
      }
      channel_norm2 = std::max(channel_norm2, sum);
    }
    uint64_t window_norm2 = 0;
    for_pixels(shape.n, shape.h, shape.w, [&](int64_t n, int64_t h, int64_t v) {
      uint64_t sum = 0;
      for_outputs(shape, h, v, [&](int64_t, int64_t, int64_t p, int64_t q) {
        sum += norm2(dy_at(n, p, q, g), filters);
      });
      window_norm2 = std::max(window_norm2, sum);
    });
    shift = std::max(shift, bound_shift(channel_norm2, window_norm2));
  }
  for_pixels(shape.n, shape.h, shape.w, [&](int64_t n, int64_t h, int64_t v) {
    for (int64_t c = 0; c < shape.c; ++c) {
      const int64_t g = c / channels;
      int64_t sum = 0;
      for_outputs(shape, h, v, [&](int64_t r, int64_t s, int64_t p, int64_t q) {
        const int16_t* a = dy_at(n, p, q, g);
        const int16_t* b =
            w + g * filters * filter + (r * shape.kernel_w + s) * channels + c % channels;
        for (int64_t k = 0; k < filters; ++k) sum += int64_t{a[k]} * b[k * filter];
      });
      *dx++ = static_cast<int16_t>(shift_rne(sum, shift));
    }
  });
  return shift;
}

// |sums| <= 2^26 32767^2 < 2^56.
void wgrad(const ConvShape& shape, const int16_t* x, const int16_t* dy, int64_t* dw) {
  const int64_t area = int64_t{shape.kernel_h} * shape.kernel_w;
  const int64_t channels = shape.c / shape.groups;
  const int64_t filters = shape.k / shape.groups;
  std::fill(dw, dw + shape.weight_count(), 0);
  for_pixels(shape.n, shape.out_h(), shape.out_w(), [&](int64_t n, int64_t p, int64_t q) {
    for_taps(shape, p, q, [&](int64_t r, int64_t s, int64_t h, int64_t v) {
      const int16_t* pixel = x + ((n * shape.h + h) * shape.w + v) * shape.c;
      for (int64_t k = 0; k < shape.k; ++k) {
        const int16_t* a = pixel + k / filters * channels;
        int64_t* to = dw + k * channels * area + r * shape.kernel_w + s;
        for (int64_t c = 0; c < channels; ++c) to[c * area] += int64_t{dy[k]} * a[c];
      }
    });
    dy += shape.k;
  });
}

}  // namespace ginn::device::cpu::portable
