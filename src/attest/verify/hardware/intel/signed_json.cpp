#include "attest/verify/hardware/intel/signed_json.h"

#include "base/text.h"

namespace ginn::attest::verify {
namespace {

constexpr size_t kSignatureBytes = 64;

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Walks over JSON that has been parsed: only where things end matters.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  void skip_space() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
  }
  bool take(char c) {
    skip_space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // The next value, without the white space around it.
  std::string_view value() {
    skip_space();
    const size_t begin = at_;
    size_t depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (depth == 0 && (c == ',' || c == '}' || c == ']' || c == ':' || is_space(c))) break;
      if (c == '"') {
        skip_string();
      } else {
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        ++at_;
      }
      if (depth == 0 && (c == '}' || c == ']' || c == '"')) break;
    }
    return text_.substr(begin, at_ - begin);
  }

 private:
  void skip_string() {
    ++at_;
    while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
    if (at_ < text_.size()) ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// The bytes of a member of the outermost object; empty when there is none spelt just so.
std::string_view member_text(std::string_view text, std::string_view member) {
  Scanner scanner(text);
  if (!scanner.take('{')) return {};
  const std::string quoted = concat('"', member, '"');
  do {
    const std::string_view key = scanner.value();
    if (!scanner.take(':')) return {};
    const std::string_view value = scanner.value();
    if (key == quoted) return value;
  } while (scanner.take(','));
  return {};
}

std::string lower_case(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

}  // namespace

Result<SignedJson> parse_signed_json(std::string_view text,
                                     std::string_view member,
                                     const char* form_code) {
  GINN_ASSIGN(const crypto::Json json, crypto::parse_json(text));
  GINN_TRY(crypto::exact_fields(json, {member, "signature"}));
  GINN_ASSIGN(Bytes signature, JsonMembers(json, form_code).hex("signature", kSignatureBytes));
  const std::string_view signed_text = member_text(text, member);
  if (signed_text.empty()) {
    return input_error(form_code, concat("the key \"", member, "\" is written with escapes"));
  }
  return SignedJson{*json.find(member), signed_text, std::move(signature)};
}

Error JsonMembers::wrong(std::string_view key, std::string_view expected) const {
  return input_error(form_code_, concat("key \"", key, "\"; expected ", expected));
}

Result<std::string> JsonMembers::text(std::string_view key) const {
  const crypto::Json* value = object_.find(key);
  const std::string* text = value == nullptr ? nullptr : value->as_string();
  if (text == nullptr) return wrong(key, "a text");
  return *text;
}

Result<Bytes> JsonMembers::hex(std::string_view key, size_t bytes) const {
  GINN_ASSIGN(std::string digits, text(key));
  const auto decoded = from_hex(lower_case(std::move(digits)));
  if (!decoded.ok() || decoded->size() != bytes) {
    return wrong(key, concat(2 * bytes, " hexadecimal digits"));
  }
  return decoded;
}

Result<uint64_t> JsonMembers::integer(std::string_view key, uint64_t most) const {
  const crypto::Json* value = object_.find(key);
  const double* number = value == nullptr ? nullptr : value->as_number();
  if (number == nullptr || !(*number >= 0) || *number > static_cast<double>(most) ||
      static_cast<double>(static_cast<uint64_t>(*number)) != *number) {
    return wrong(key, concat("an integer from 0 to ", most));
  }
  return static_cast<uint64_t>(*number);
}

Result<UnixSeconds> JsonMembers::time(std::string_view key) const {
  GINN_ASSIGN(const std::string value, text(key));
  const auto time = parse_utc_time(value);
  if (!time.ok()) return wrong(key, "a time such as 2025-07-04T10:16:31Z");
  return time;
}

Result<const crypto::Json::Array*> JsonMembers::array(std::string_view key, size_t most) const {
  const crypto::Json* value = object_.find(key);
  const crypto::Json::Array* array = value == nullptr ? nullptr : value->as_array();
  if (array == nullptr || array->size() > most) {
    return wrong(key, concat("a list of at most ", most));
  }
  return array;
}

Result<const crypto::Json*> JsonMembers::object(std::string_view key) const {
  const crypto::Json* value = object_.find(key);
  if (value == nullptr || value->as_object() == nullptr) return wrong(key, "an object");
  return value;
}

}  // namespace ginn::attest::verify
