#pragma once

#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <string>

#include "base/bytes.h"
#include "tests/support/temporary_folder.h"

// What the tests of this folder share: hand-made IDX and gzip files, and a folder that cleans up.
namespace ginn::import::testing {

inline Bytes idx_bytes(std::initializer_list<uint32_t> dimensions, ByteView values) {
  Bytes file = {0, 0, 8, static_cast<uint8_t>(dimensions.size())};
  for (uint32_t value : dimensions) {
    for (int shift : {24, 16, 8, 0}) file.push_back(static_cast<uint8_t>(value >> shift));
  }
  file.insert(file.end(), values.begin(), values.end());
  return file;
}

// `count` bytes 0, 1, 2, ...
inline Bytes counting(size_t count) {
  Bytes bytes(count);
  for (size_t i = 0; i < count; ++i) bytes[i] = static_cast<uint8_t>(i);
  return bytes;
}

inline Bytes gzip(ByteView content) {
  z_stream stream{};
  if (deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    return {};
  Bytes out(deflateBound(&stream, static_cast<uLong>(content.size())));
  stream.next_in = const_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int code = deflate(&stream, Z_FINISH);
  out.resize(code == Z_STREAM_END ? stream.total_out : 0);
  deflateEnd(&stream);
  return out;
}

inline Bytes joined(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

class Folder : public test::TemporaryFolder {
 public:
  std::filesystem::path write(const std::string& name, const Bytes& bytes) const {
    std::ofstream(*this / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes.data()),
               static_cast<std::streamsize>(bytes.size()));
    return *this / name;
  }
};

}  // namespace ginn::import::testing
