#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include "base/bytes.h"

namespace ginn {

// Text of one value: numbers in shortest round-trip form.
template <typename T>
void append_text(std::string& out, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_same_v<T, char>) {
    out += value;
  } else if constexpr (std::is_arithmetic_v<T>) {
    char buffer[40];
    auto end = std::to_chars(buffer, buffer + sizeof buffer, value);
    out.append(buffer, end.ptr);
  } else {
    out += std::string_view(value);
  }
}

// concat("row ", 3, " of ", n): the libraries' only string formatting.
template <typename... Parts>
std::string concat(const Parts&... parts) {
  std::string out;
  (append_text(out, parts), ...);
  return out;
}

// Whether the whole of `text` is a number of T's range, in decimal; `out` is what was read so far.
template <typename T>
bool parse_number(std::string_view text, T& out) {
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, out);
  return read.ec == std::errc() && read.ptr == end;
}

std::string to_hex(ByteView bytes);                // lower case
Result<Bytes> from_hex(std::string_view text);     // lower case only; code "bad_hex"
std::string to_base64(ByteView bytes);             // RFC 4648 with padding
Result<Bytes> from_base64(std::string_view text);  // strict, canonical; code "bad_base64"
// Text from outside, safe to print: control and non-ASCII bytes as \xNN, cut at `limit` bytes.
std::string printable(std::string_view text, size_t limit = 200);

}  // namespace ginn
