#include "base/version.h"

#include "base/check.h"
#include "base/text.h"

namespace ginn {

std::optional<uint32_t> version_in(std::string_view text,
                                   std::string_view before,
                                   std::string_view after) {
  constexpr uint32_t kLast = 999'999;
  if (!text.starts_with(before)) return std::nullopt;
  text.remove_prefix(before.size());
  if (!text.ends_with(after)) return std::nullopt;
  text.remove_suffix(after.size());
  uint32_t version = 0;
  if (!parse_number(text, version) || text.front() == '0' || version > kLast) return std::nullopt;
  return version;
}

std::string newer_version(std::string_view format, uint32_t found, uint32_t known) {
  return concat(
      format, " format version ", found, ", this build reads up to ", known, "; use a newer ginn");
}

Status refuse_newer(const char* code,
                    std::string_view format,
                    const std::optional<uint32_t>& found,
                    uint32_t known) {
  if (!found || *found <= known) return ok_status();
  return input_error(code, newer_version(format, *found, known));
}

Status refuse_newer_type(const char* code,
                         std::string_view format,
                         std::string_view found,
                         std::string_view known) {
  constexpr std::string_view kDigits = "0123456789";
  const size_t begin = known.rfind('v', known.find_last_of(kDigits)) + 1;
  const size_t end = known.find_last_of(kDigits) + 1;
  const auto version = [&](std::string_view type) {
    return version_in(type, known.substr(0, begin), known.substr(end));
  };
  GINN_CHECK(version(known).has_value());
  return refuse_newer(code, format, version(found), *version(known));
}

}  // namespace ginn
