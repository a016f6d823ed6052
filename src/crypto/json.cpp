#include "crypto/json.h"

#include <nlohmann/json.hpp>

#include "base/text.h"

namespace ginn::crypto {
namespace {

// An integer as written: taken when the double is that integer, or prints as it (so that what
// canonical_json writes can be read: 2^63 is 9223372036854776000 there).
bool keeps_integer(double value, std::string_view digits) {
  char exact[400];  // 309 digits and a sign at most
  const auto end = std::to_chars(exact, exact + sizeof exact, value, std::chars_format::fixed, 0);
  return std::string_view(exact, static_cast<size_t>(end.ptr - exact)) == digits ||
         canonical_json(Json(value)) == digits;
}

// Receives nlohmann's events and builds the value. A false return stops the parser.
class Builder {
 public:
  explicit Builder(size_t depth) : depth_(depth) {}

  bool null() { return put(Json()); }
  bool boolean(bool value) { return put(Json(value)); }
  bool number_integer(int64_t value) {
    return integer(static_cast<double>(value), std::to_string(value));
  }
  bool number_unsigned(uint64_t value) {
    return integer(static_cast<double>(value), std::to_string(value));
  }
  bool number_float(double value, const std::string& text) {  // finite: others are parse_error's
    if (text.find_first_of(".eE") == std::string::npos) return integer(value, text);
    return put(Json(value));
  }
  bool string(std::string& value) { return put(Json(std::move(value))); }
  bool binary(nlohmann::json::binary_t&) { return fail("json_syntax", "binary value"); }
  bool start_object(size_t) { return open(Json(Json::Object())); }
  bool start_array(size_t) { return open(Json(Json::Array())); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }

  bool key(std::string& name) {
    auto [place, is_new] = open_.back()->as_object()->try_emplace(name);
    if (!is_new) {
      return fail("json_duplicate_key",
                  concat("key \"", printable(name, 80), "\" occurs twice in an object; keep one"));
    }
    member_ = &place->second;
    return true;
  }

  bool parse_error(size_t offset, const std::string& token, const nlohmann::json::exception&) {
    return fail("json_syntax",
                concat("at offset ",
                       offset,
                       ", near \"",
                       printable(token, 60),
                       "\": expected one JSON value in UTF-8, with numbers in range"));
  }

  Result<Json> finish(bool parsed) {
    if (parsed && error_.code[0] == '\0') return std::move(root_);
    GINN_CHECK(error_.code[0] != '\0');
    return error_;
  }

 private:
  bool fail(const char* code, std::string message) {
    error_ = input_error(code, concat("JSON: ", message));
    return false;
  }

  bool integer(double value, const std::string& text) {
    if (keeps_integer(value, text == "-0" ? "0" : text)) return put(Json(value));
    return fail(
        "json_syntax",
        concat("integer ", printable(text, 60), " is not exact as a double; write it as a string"));
  }

  Json* place(Json value) {
    Json* target = &root_;
    if (!open_.empty()) {
      Json::Array* array = open_.back()->as_array();
      target = array != nullptr ? &array->emplace_back() : member_;
    }
    *target = std::move(value);
    return target;
  }
  bool put(Json value) { return place(std::move(value)) != nullptr; }

  bool open(Json container) {
    if (open_.size() >= depth_) {
      return fail("json_too_deep", concat("nested deeper than ", depth_, " levels"));
    }
    open_.push_back(place(std::move(container)));
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  size_t depth_;
  Json root_;
  // Containers not yet closed, outermost first. A container does not grow while a child of it is
  // open, so the pointers stay valid.
  std::vector<Json*> open_;
  Json* member_ = nullptr;  // where the value of the last key goes
  Error error_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.bytes) {
    return input_error(
        "json_too_large",
        concat("JSON: ", text.size(), " bytes; at most ", limits.bytes, " are read here"));
  }
  // nlohmann takes a zero byte for the end of the text and skips a byte order mark.
  if (const size_t zero = text.find('\0'); zero != std::string_view::npos) {
    return input_error("json_syntax", concat("JSON: at offset ", zero, ": a zero byte"));
  }
  if (text.starts_with("\xef\xbb\xbf")) {
    return input_error("json_syntax", "JSON: at offset 0: a byte order mark; remove it");
  }
  Builder builder(limits.depth);
  const bool parsed = nlohmann::json::sax_parse(text.begin(), text.end(), &builder);
  return builder.finish(parsed);
}

}  // namespace ginn::crypto
