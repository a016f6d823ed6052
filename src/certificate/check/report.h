#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "certificate/check/run_check.h"

namespace ginn::certificate {

inline constexpr size_t kMaxDetailBytes = 800;

// Gathers checks by name. What is never reported counts as failed.
class Report {
 public:
  explicit Report(std::span<const std::string_view> names) : names_(names) {}

  // Returns whether the check passed. The detail is escaped and cut.
  bool add(std::string_view name, const Result<std::string>& result);
  // A failure whose code is no literal of this program.
  bool fail(std::string_view name, std::string_view code, std::string_view message);
  void skip(std::string_view name, std::string_view why);
  bool passed(std::string_view name) const;
  // Every check of the list, in its order.
  std::vector<Check> finish();

 private:
  const Check* find(std::string_view name) const;

  std::span<const std::string_view> names_;
  std::vector<Check> checks_;
};

}  // namespace ginn::certificate
