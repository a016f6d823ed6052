#include "base/text.h"

#include <algorithm>
#include <array>

namespace ginn {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr uint8_t kNoDigit = 0xff;

constexpr std::array<uint8_t, 256> digit_values(std::string_view digits) {
  std::array<uint8_t, 256> values{};
  values.fill(kNoDigit);
  for (size_t i = 0; i < digits.size(); ++i) {
    values[static_cast<uint8_t>(digits[i])] = static_cast<uint8_t>(i);
  }
  return values;
}
constexpr auto kHexValues = digit_values(kHexDigits);
constexpr auto kBase64Values = digit_values(kBase64Digits);

// Offset of the first character that is no digit, or text.size().
size_t first_foreign(std::string_view text, const std::array<uint8_t, 256>& values) {
  size_t i = 0;
  while (i < text.size() && values[static_cast<uint8_t>(text[i])] != kNoDigit) ++i;
  return i;
}

uint32_t base64_value(char digit) { return kBase64Values[static_cast<uint8_t>(digit)]; }

}  // namespace

std::string to_hex(ByteView bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (uint8_t byte : bytes) {
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 15];
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) {
    return input_error("bad_hex",
                       concat("hex text has ", text.size(), " digits; expected an even number"));
  }
  const size_t foreign = first_foreign(text, kHexValues);
  if (foreign != text.size()) {
    return input_error("bad_hex",
                       concat("hex text at offset ",
                              foreign,
                              ": found '",
                              printable(text.substr(foreign, 1)),
                              "'; expected a digit 0-9 or a-f"));
  }
  Bytes out(text.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    const unsigned high = kHexValues[static_cast<uint8_t>(text[2 * i])];
    const unsigned low = kHexValues[static_cast<uint8_t>(text[2 * i + 1])];
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return out;
}

std::string to_base64(ByteView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t count = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;  // 24 bits, first byte highest
    for (size_t j = 0; j < 3; ++j) group = group << 8 | (j < count ? bytes[i + j] : 0u);
    for (size_t j = 0; j < 4; ++j) {
      out += j <= count ? kBase64Digits[group >> (18 - 6 * j) & 63] : '=';
    }
  }
  return out;
}

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) {
    return input_error(
        "bad_base64",
        concat("base64 text has ", text.size(), " characters; expected a multiple of 4"));
  }
  size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  const std::string_view digits = text.substr(0, text.size() - padding);
  const size_t foreign = first_foreign(digits, kBase64Values);
  if (foreign != digits.size()) {
    return input_error("bad_base64",
                       concat("base64 text at offset ",
                              foreign,
                              ": found '",
                              printable(digits.substr(foreign, 1)),
                              "'; expected A-Z, a-z, 0-9, + or /"));
  }
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  uint32_t pending = 0;  // at most 6 + 6 bits are kept
  unsigned pending_bits = 0;
  for (char digit : digits) {
    pending = (pending << 6 | base64_value(digit)) & 0xfff;
    pending_bits += 6;
    if (pending_bits >= 8) {
      pending_bits -= 8;
      out.push_back(static_cast<uint8_t>(pending >> pending_bits));
    }
  }
  // One text for each byte string: the bits that no byte uses are zero.
  if ((pending & ((1u << pending_bits) - 1)) != 0) {
    return input_error("bad_base64", "base64 text ends in bits that are not zero; encode it again");
  }
  return out;
}

std::string printable(std::string_view text, size_t limit) {
  std::string out;
  for (char c : text.substr(0, limit)) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      out += c;
    } else {
      out += "\\x";
      out += kHexDigits[byte >> 4];
      out += kHexDigits[byte & 15];
    }
  }
  if (text.size() > limit) out += "...";
  return out;
}

}  // namespace ginn
