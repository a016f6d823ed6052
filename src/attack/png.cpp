#include "attack/png.h"

#include <png.h>

#include "base/check.h"

namespace ginn::attack {
namespace {

constexpr uint32_t kSideMost = 4096;

}  // namespace

Bytes png(std::span<const uint8_t> pixels, uint32_t height, uint32_t width, uint32_t channels) {
  GINN_CHECK(height >= 1 && width >= 1 && height <= kSideMost && width <= kSideMost);
  GINN_CHECK(pixels.size() == size_t{height} * width * channels);
  const size_t samples = channels == 3 ? 3 : 1;
  Bytes shown;
  for (size_t at = 0; at < pixels.size(); at += channels) {
    const auto pixel = pixels.subspan(at, samples);
    shown.insert(shown.end(), pixel.begin(), pixel.end());
  }
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = height;
  image.format = samples == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  Bytes out(size);
  // Of these formats and sizes it can only run out of memory.
  GINN_CHECK(png_image_write_to_memory(&image, out.data(), &size, 0, shown.data(), 0, nullptr));
  out.resize(size);
  return out;
}

}  // namespace ginn::attack
