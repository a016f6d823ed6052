#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "crypto/json.h"

namespace ginn::crypto {
namespace {

// Number::toString of ECMAScript for a finite number: the shortest digits that read back.
std::string number_text(double value) {
  GINN_CHECK(std::isfinite(value));
  if (value == 0) return "0";  // -0 too
  char buffer[32];             // at most "-d.dddddddddddddddde-ddd", 24 characters
  const auto end = std::to_chars(
      buffer, buffer + sizeof buffer, std::fabs(value), std::chars_format::scientific);
  const std::string_view text(buffer, static_cast<size_t>(end.ptr - buffer));
  const size_t mark = text.find('e');
  std::string digits(text.substr(0, mark));
  std::erase(digits, '.');
  int exponent = 0;  // of the first digit; "e+07" has a sign that from_chars takes only if '-'
  const size_t sign = text[mark + 1] == '+' ? 2 : 1;
  std::from_chars(text.data() + mark + sign, text.data() + text.size(), exponent);

  const int count = static_cast<int>(digits.size());
  const int point = exponent + 1;  // value = 0.digits x 10^point
  std::string out = value < 0 ? "-" : "";
  if (count <= point && point <= 21) {
    out += digits + std::string(static_cast<size_t>(point - count), '0');
  } else if (0 < point && point <= 21) {
    out += digits.insert(static_cast<size_t>(point), 1, '.');
  } else if (-6 < point && point <= 0) {
    out += "0." + std::string(static_cast<size_t>(-point), '0') + digits;
  } else {
    if (count > 1) digits.insert(1, 1, '.');
    out += concat(digits, exponent < 0 ? "e" : "e+", exponent);
  }
  return out;
}

// RFC 8785 sorts by UTF-16 units. That is the order of the UTF-8 bytes, but for characters beyond
// U+FFFF (first byte F0 and up), which sort before U+E000..U+FFFF (first byte EE or EF).
bool utf16_less(std::string_view a, std::string_view b) {
  const auto [at, bt] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (at == a.end() || bt == b.end()) return at == a.end() && bt != b.end();
  const auto x = static_cast<uint8_t>(*at);
  const auto y = static_cast<uint8_t>(*bt);
  if (x >= 0xee && y >= 0xee && (x >= 0xf0) != (y >= 0xf0)) return x >= 0xf0;
  return x < y;
}

class Writer {
 public:
  explicit Writer(bool pretty) : pretty_(pretty) {}

  void value(const Json& json) {
    if (const bool* flag = json.as_bool()) {
      out_ += *flag ? "true" : "false";
    } else if (const double* number = json.as_number()) {
      out_ += number_text(*number);
    } else if (const std::string* text = json.as_string()) {
      string(*text);
    } else if (const Json::Array* items = json.as_array()) {
      array(*items);
    } else if (const Json::Object* members = json.as_object()) {
      object(*members);
    } else {
      out_ += "null";
    }
  }
  std::string finish() { return std::move(out_); }

 private:
  void array(const Json::Array& items) {
    out_ += '[';
    ++level_;
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out_ += ',';
      new_line();
      value(items[i]);
    }
    --level_;
    if (!items.empty()) new_line();
    out_ += ']';
  }

  void object(const Json::Object& members) {
    std::vector<const Json::Object::value_type*> sorted;
    for (const auto& member : members) sorted.push_back(&member);
    std::sort(sorted.begin(), sorted.end(), [](const auto* a, const auto* b) {
      return utf16_less(a->first, b->first);
    });
    out_ += '{';
    ++level_;
    for (size_t i = 0; i < sorted.size(); ++i) {
      if (i > 0) out_ += ',';
      new_line();
      string(sorted[i]->first);
      out_ += pretty_ ? ": " : ":";
      value(sorted[i]->second);
    }
    --level_;
    if (!sorted.empty()) new_line();
    out_ += '}';
  }

  void string(std::string_view text) {
    constexpr std::string_view kEscaped = "\"\\\b\t\n\f\r";
    constexpr std::string_view kLetters = "\"\\btnfr";
    out_ += '"';
    for (char c : text) {
      if (const size_t which = kEscaped.find(c); which != std::string_view::npos) {
        out_ += '\\';
        out_ += kLetters[which];
      } else if (const auto byte = static_cast<uint8_t>(c); byte < 0x20) {
        out_ += concat("\\u00", to_hex({&byte, 1}));
      } else {
        out_ += c;
      }
    }
    out_ += '"';
  }

  void new_line() {
    if (!pretty_) return;
    out_ += '\n';
    out_.append(2 * level_, ' ');
  }

  bool pretty_;
  size_t level_ = 0;
  std::string out_;
};

std::string write(const Json& value, bool pretty) {
  Writer writer(pretty);
  writer.value(value);
  return writer.finish();
}

}  // namespace

std::string canonical_json(const Json& value) { return write(value, false); }
std::string pretty_json(const Json& value) { return write(value, true); }

}  // namespace ginn::crypto
