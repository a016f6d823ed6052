// Norms and packing, one pass over memory each. Included inside the namespace of a level that has
// AVX2; intrinsics, builtins and plain loops only (see kernels.h).

GINN_INLINE __m256i load16(const int16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
GINN_INLINE __m256i squares16(const int16_t* p) {
  const __m256i v = load16(p);
  return _mm256_madd_epi16(v, v);
}
GINN_INLINE int64_t square(int16_t x) { return int64_t{x} * x; }
GINN_INLINE void raise(int64_t& bound, int64_t value) { bound = value > bound ? value : bound; }

// Sum of up to kChunk squares of one pixel: 8 lanes of 32 bits, unsigned, hold 64 x 8191^2 < 2^32.
GINN_INLINE int64_t chunk_norm(const int16_t* x, int64_t channels) {
  __m256i sum = _mm256_setzero_si256();
  int64_t c = 0;
  for (; c + 16 <= channels; c += 16) sum = _mm256_add_epi32(sum, squares16(x + c));
  __m128i s = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  if (c + 8 <= channels) {
    const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + c));
    s = _mm_add_epi32(s, _mm_madd_epi16(v, v));
    c += 8;
  }
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0x4e));
  s = _mm_add_epi32(s, _mm_shuffle_epi32(s, 0xb1));
  int64_t norm = static_cast<uint32_t>(_mm_cvtsi128_si32(s));
  for (; c < channels; ++c) norm += square(x[c]);
  return norm;
}

// Eight pixels of kVectors <= 4 vectors of 16 channels: the same sums, transposed while they are
// added.
template <int kVectors>
GINN_INLINE void norms_of_8(const int16_t* x, int64_t stride, int64_t* norms) {
  __m256i pixel[8];
  for (int i = 0; i < 8; ++i) {
    const int16_t* p = x + i * stride;
    pixel[i] = squares16(p);
    for (int v = 1; v < kVectors; ++v) {
      pixel[i] = _mm256_add_epi32(pixel[i], squares16(p + 16 * v));
    }
  }
  const __m256i a = _mm256_hadd_epi32(_mm256_hadd_epi32(pixel[0], pixel[1]),
                                      _mm256_hadd_epi32(pixel[2], pixel[3]));
  const __m256i b = _mm256_hadd_epi32(_mm256_hadd_epi32(pixel[4], pixel[5]),
                                      _mm256_hadd_epi32(pixel[6], pixel[7]));
  const __m128i first = _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
  const __m128i second = _mm_add_epi32(_mm256_castsi256_si128(b), _mm256_extracti128_si256(b, 1));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(norms), _mm256_cvtepu32_epi64(first));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(norms + 4), _mm256_cvtepu32_epi64(second));
}

GINN_INLINE int64_t largest(const int64_t* values, int64_t count) {
  int64_t bound = 0;
  for (int64_t i = 0; i < count; ++i) raise(bound, values[i]);
  return bound;
}

void pixel_norms(const int16_t* x,
                 int64_t pixels,
                 int64_t channels,
                 int64_t stride,
                 int64_t* norms,
                 PixelBounds* bounds) {
  int64_t i = 0;
  if (channels == 1) {
    for (; i < pixels; ++i) norms[i] = square(x[i * stride]);
  } else if (channels == 16) {
    for (; i + 8 <= pixels; i += 8) norms_of_8<1>(x + i * stride, stride, norms + i);
  } else if (channels == 32) {
    for (; i + 8 <= pixels; i += 8) norms_of_8<2>(x + i * stride, stride, norms + i);
  } else if (channels == 64) {
    for (; i + 8 <= pixels; i += 8) norms_of_8<4>(x + i * stride, stride, norms + i);
  }
  for (; i < pixels; ++i) {
    int64_t norm = 0;
    for (int64_t c = 0; c < channels; c += kChunk) {
      const int64_t rest = channels - c;
      const int64_t part = chunk_norm(x + i * stride + c, rest < kChunk ? rest : kChunk);
      raise(bounds->chunk, part);
      norm += part;
    }
    norms[i] = norm;
  }
  const int64_t bound = largest(norms, pixels);
  raise(bounds->pixel, bound);
  if (channels <= kChunk) raise(bounds->chunk, bound);
}

// Of squares up to 2^30: pairs, below 2^31, are added in 64 bits.
void pixel_norms_wide(const int16_t* x,
                      int64_t pixels,
                      int64_t channels,
                      int64_t stride,
                      int64_t* norms,
                      PixelBounds* bounds) {
  for (int64_t i = 0; i < pixels; ++i) {
    const int16_t* pixel = x + i * stride;
    __m256i sum = _mm256_setzero_si256();
    int64_t c = 0;
    for (; c + 16 <= channels; c += 16) {
      const __m256i pairs = squares16(pixel + c);
      sum = _mm256_add_epi64(sum, _mm256_srli_epi64(pairs, 32));
      sum = _mm256_add_epi64(sum, _mm256_blend_epi32(pairs, _mm256_setzero_si256(), 0xaa));
    }
    int64_t lanes[4];
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(lanes), sum);
    int64_t norm = lanes[0] + lanes[1] + lanes[2] + lanes[3];
    for (; c < channels; ++c) norm += square(pixel[c]);
    norms[i] = norm;
  }
  raise(bounds->pixel, largest(norms, pixels));
}

// sums[j] = norms[j step] + ... + norms[j step + taps - 1]; a number of taps known to the compiler
// makes a loop over vectors.
template <int kTaps>
GINN_INLINE void add_taps(const WindowJob& job, const int64_t* norms, int64_t* sums) {
  const auto add = [&](int64_t step) GINN_INLINE_LAMBDA {
    for (int64_t j = 0; j < job.out_w; ++j) {
      int64_t sum = norms[j * step];
      for (int s = 1; s < kTaps; ++s) sum += norms[j * step + s];
      sums[j] = sum;
    }
  };
  if (job.step == 1) {
    add(1);
  } else if (job.step == 2) {
    add(2);
  } else {
    add(job.step);
  }
}
GINN_INLINE void add_any_taps(const WindowJob& job, const int64_t* norms, int64_t* sums) {
  for (int64_t j = 0; j < job.out_w; ++j) {
    int64_t sum = 0;
    for (int64_t s = 0; s < job.taps_w; ++s) sum += norms[j * job.step + s];
    sums[j] = sum;
  }
}

// The largest of the columns' sums over kTaps rows.
template <int kTaps>
GINN_INLINE int64_t largest_column(const int64_t* rows, int64_t width) {
  int64_t bound = 0;
  for (int64_t j = 0; j < width; ++j) {
    int64_t sum = rows[j];
    for (int r = 1; r < kTaps; ++r) sum += rows[j + r * width];
    raise(bound, sum);
  }
  return bound;
}
GINN_INLINE int64_t largest_column_of(const int64_t* rows, int64_t width, int64_t taps) {
  int64_t bound = 0;
  for (int64_t j = 0; j < width; ++j) {
    int64_t sum = 0;
    for (int64_t r = 0; r < taps; ++r) sum += rows[j + r * width];
    raise(bound, sum);
  }
  return bound;
}

void window_bounds(const WindowJob& job, WindowBounds* bounds) {
  const int64_t rows = (job.out_h - 1) * job.step + job.taps_h;
  for (int64_t t = 0; t < rows; ++t) {
    if (t % job.step >= job.taps_h) continue;  // in no window
    const int64_t* norms = job.norms + t * job.stride;
    int64_t* sums = job.row_sums + t * job.out_w;
    if (job.taps_w == 1) {
      add_taps<1>(job, norms, sums);
    } else if (job.taps_w == 2) {
      add_taps<2>(job, norms, sums);
    } else if (job.taps_w == 3) {
      add_taps<3>(job, norms, sums);
    } else {
      add_any_taps(job, norms, sums);
    }
    raise(bounds->row, largest(sums, job.out_w));
  }
  for (int64_t i = 0; i < job.out_h; ++i) {
    const int64_t* top = job.row_sums + i * job.step * job.out_w;
    int64_t bound = 0;
    if (job.taps_h == 1) {
      bound = largest_column<1>(top, job.out_w);
    } else if (job.taps_h == 2) {
      bound = largest_column<2>(top, job.out_w);
    } else if (job.taps_h == 3) {
      bound = largest_column<3>(top, job.out_w);
    } else {
      bound = largest_column_of(top, job.out_w, job.taps_h);
    }
    raise(bounds->window, bound);
  }
}

GINN_INLINE void interleave16(const int16_t* x0, const int16_t* x1, int16_t* out) {
  const __m256i a = load16(x0);
  const __m256i b = load16(x1);
  const __m256i low = _mm256_unpacklo_epi16(a, b);
  const __m256i high = _mm256_unpackhi_epi16(a, b);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_permute2x128_si256(low, high, 0x20));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 16),
                      _mm256_permute2x128_si256(low, high, 0x31));
}

GINN_INLINE void interleave_run(const int16_t* x0, const int16_t* x1, int64_t count, int16_t* out) {
  int64_t i = 0;
  for (; i + 16 <= count; i += 16) interleave16(x0 + i, x1 + i, out + 2 * i);
  for (; i < count; ++i) {
    out[2 * i] = x0[i];
    out[2 * i + 1] = x1[i];
  }
}

void interleave(const int16_t* x0,
                const int16_t* x1,
                int64_t pixels,
                int64_t channels,
                int64_t in_stride,
                int16_t* out,
                int64_t out_stride) {
  if (in_stride == channels && out_stride == 2 * channels) {
    interleave_run(x0, x1, pixels * channels, out);
    return;
  }
  for (int64_t i = 0; i < pixels; ++i) {
    interleave_run(x0 + i * in_stride, x1 + i * in_stride, channels, out + i * out_stride);
  }
}

template <int kLanes>
void interleave_blocks(const int16_t* x0,
                       const int16_t* x1,
                       int64_t pixels,
                       int64_t columns,
                       BlockPlace place,
                       int16_t* b) {
  for (int64_t column = 0; column < columns; column += 2 * kLanes) {
    const int64_t count = columns - column < 2 * kLanes ? columns - column : 2 * kLanes;
    const int64_t width = count > kLanes ? 2 * kLanes : kLanes;
    for (int64_t i = 0; i < pixels; ++i) {
      const int64_t from = i * columns + column;
      int16_t* out = b + 2 * (place.first + i * place.every) * width;
      interleave_run(x0 + from, x1 + from, count, out);
      for (int64_t j = 2 * count; j < 2 * width; ++j) out[j] = 0;
    }
    b += 4 * kLanes * place.steps;
  }
}

// Squares of 8 kGroups channels, summed over the pixels and added to `total`; the largest of these
// sums. Several sums at once, since an addition takes three cycles.
template <int kGroups>
GINN_INLINE float norms_of_groups(const int16_t* pairs,
                                  int64_t pixels,
                                  int64_t stride,
                                  float* total) {
  constexpr int kAtOnce = 4 / kGroups;
  __m256 sums[kGroups][kAtOnce] = {};
  const auto add = [&](int64_t pixel, int j) GINN_INLINE_LAMBDA {
    for (int g = 0; g < kGroups; ++g) {
      const __m256i squares = squares16(pairs + pixel * stride + 16 * g);
      sums[g][j] = _mm256_add_ps(sums[g][j], _mm256_cvtepi32_ps(squares));
    }
  };
  int64_t i = 0;
  for (; i + kAtOnce <= pixels; i += kAtOnce) {
    for (int j = 0; j < kAtOnce; ++j) add(i + j, j);
  }
  for (; i < pixels; ++i) add(i, 0);
  float bound = 0;
  for (int g = 0; g < kGroups; ++g) {
    __m256 sum = sums[g][0];
    for (int j = 1; j < kAtOnce; ++j) sum = _mm256_add_ps(sum, sums[g][j]);
    float* const to = total + 8 * g;
    _mm256_storeu_ps(to, _mm256_add_ps(_mm256_loadu_ps(to), sum));
    float lanes[8];
    _mm256_storeu_ps(lanes, sum);
    for (int j = 0; j < 8; ++j) bound = lanes[j] > bound ? lanes[j] : bound;
  }
  return bound;
}

float channel_norms(
    const int16_t* pairs, int64_t pixels, int64_t channels, int64_t stride, float* total) {
  float bound = 0;
  const auto raise_to = [&](float sum) GINN_INLINE_LAMBDA { bound = sum > bound ? sum : bound; };
  int64_t c = 0;
  for (; c + 16 <= channels; c += 16) {
    raise_to(norms_of_groups<2>(pairs + 2 * c, pixels, stride, total + c));
  }
  if (c + 8 <= channels) {
    raise_to(norms_of_groups<1>(pairs + 2 * c, pixels, stride, total + c));
    c += 8;
  }
  for (; c < channels; ++c) {
    float sum = 0;
    for (int64_t i = 0; i < pixels; ++i) {
      const int16_t* p = pairs + i * stride + 2 * c;
      sum += static_cast<float>(square(p[0]) + square(p[1]));
    }
    total[c] += sum;
    raise_to(sum);
  }
  return bound;
}
