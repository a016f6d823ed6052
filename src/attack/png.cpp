#include "attack/png.h"

#include <algorithm>
#include <string_view>

#include "base/check.h"

namespace ginn::attack {
namespace {

constexpr uint32_t kSideMost = 4096;

void big_endian(uint32_t value, Bytes& out) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<uint8_t>(value >> shift));
}

// CRC-32 of ISO 3309, as PNG's chunks end with it.
uint32_t crc32(std::span<const uint8_t> bytes) {
  uint32_t crc = 0xffffffffu;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0u);
  }
  return ~crc;
}

void chunk(std::string_view type, std::span<const uint8_t> data, Bytes& out) {
  big_endian(static_cast<uint32_t>(data.size()), out);
  const size_t begin = out.size();
  out.insert(out.end(), type.begin(), type.end());
  out.insert(out.end(), data.begin(), data.end());
  big_endian(crc32(std::span(out).subspan(begin)), out);
}

// A zlib stream of stored blocks (RFC 1950, 1951).
Bytes stored(std::span<const uint8_t> data) {
  constexpr size_t kBlock = 65535;
  Bytes out = {0x78, 0x01};
  for (size_t at = 0; at < data.size(); at += kBlock) {
    const size_t size = std::min(kBlock, data.size() - at);
    out.push_back(at + size == data.size() ? 1 : 0);
    for (const size_t length : {size, ~size}) {
      out.push_back(static_cast<uint8_t>(length));
      out.push_back(static_cast<uint8_t>(length >> 8));
    }
    const auto block = data.subspan(at, size);
    out.insert(out.end(), block.begin(), block.end());
  }
  constexpr uint32_t kModulus = 65521;
  uint32_t low = 1, high = 0;
  for (const uint8_t byte : data) {
    low = (low + byte) % kModulus;
    high = (high + low) % kModulus;
  }
  big_endian(high << 16 | low, out);
  return out;
}

}  // namespace

Bytes png(std::span<const uint8_t> pixels, uint32_t height, uint32_t width, uint32_t channels) {
  GINN_CHECK(height >= 1 && width >= 1 && height <= kSideMost && width <= kSideMost);
  GINN_CHECK(pixels.size() == size_t{height} * width * channels);
  const bool colour = channels == 3;
  Bytes rows;
  for (size_t pixel = 0; pixel < size_t{height} * width; ++pixel) {
    if (pixel % width == 0) rows.push_back(0);  // no filter
    const auto samples = pixels.subspan(pixel * channels, colour ? 3 : 1);
    rows.insert(rows.end(), samples.begin(), samples.end());
  }
  Bytes header;
  big_endian(width, header);
  big_endian(height, header);
  header.insert(header.end(), {8, static_cast<uint8_t>(colour ? 2 : 0), 0, 0, 0});
  Bytes out = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  chunk("IHDR", header, out);
  chunk("IDAT", stored(rows), out);
  chunk("IEND", {}, out);
  return out;
}

}  // namespace ginn::attack
