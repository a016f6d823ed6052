#include "base/bytes.h"

#include <bit>

#include "base/text.h"

namespace ginn {

static_assert(std::endian::native == std::endian::little,
              "formats are little-endian and copied directly");

Result<ByteView> ByteReader::take(size_t count) {
  if (count > remaining()) {
    return input_error(
        "truncated",
        concat("at offset ", offset_, ": ", count, " bytes expected, ", remaining(), " left"));
  }
  ByteView view = bytes_.subspan(offset_, count);
  offset_ += count;
  return view;
}

namespace {
template <typename T>
Result<T> read(ByteReader& reader) {
  GINN_ASSIGN(ByteView view, reader.take(sizeof(T)));
  T value;
  std::memcpy(&value, view.data(), sizeof(T));
  return value;
}
}  // namespace

Result<uint8_t> ByteReader::u8() { return read<uint8_t>(*this); }
Result<uint16_t> ByteReader::u16() { return read<uint16_t>(*this); }
Result<uint32_t> ByteReader::u32() { return read<uint32_t>(*this); }
Result<uint64_t> ByteReader::u64() { return read<uint64_t>(*this); }
Result<int8_t> ByteReader::i8() { return read<int8_t>(*this); }

// Not inline: g++ 12 warns of overflows that are not there when it sees a series of these.
void ByteWriter::append(const void* data, size_t count) {
  const auto* begin = static_cast<const uint8_t*>(data);
  bytes_.insert(bytes_.end(), begin, begin + count);
}

}  // namespace ginn
