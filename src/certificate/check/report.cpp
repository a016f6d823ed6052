#include "certificate/check/report.h"

#include <algorithm>

#include "base/text.h"

namespace ginn::certificate {

bool Report::add(std::string_view name, const Result<std::string>& result) {
  const std::string detail =
      printable(result.ok() ? result.value() : result.error().message, kMaxDetailBytes);
  checks_.push_back(
      {std::string(name), result.ok(), detail, result.ok() ? "" : result.error().code});
  return result.ok();
}

bool Report::fail(std::string_view name, std::string_view code, std::string_view message) {
  checks_.push_back(
      {std::string(name), false, printable(message, kMaxDetailBytes), printable(code)});
  return false;
}

void Report::skip(std::string_view name, std::string_view why) {
  checks_.push_back({std::string(name), false, concat("not checked: ", why), "not_checked"});
}

const Check* Report::find(std::string_view name) const {
  const auto is_it = [name](const Check& check) { return check.name == name; };
  const auto found = std::find_if(checks_.begin(), checks_.end(), is_it);
  return found == checks_.end() ? nullptr : &*found;
}

bool Report::passed(std::string_view name) const {
  const Check* check = find(name);
  return check != nullptr && check->ok;
}

std::vector<Check> Report::finish() {
  for (std::string_view name : names_) {
    if (find(name) == nullptr) skip(name, "an earlier check failed");
  }
  std::vector<Check> ordered;
  for (std::string_view name : names_) ordered.push_back(*find(name));
  return ordered;
}

}  // namespace ginn::certificate
