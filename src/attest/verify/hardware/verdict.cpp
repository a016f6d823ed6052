#include "attest/verify/hardware/verdict.h"

namespace ginn::attest::verify {

const std::string* EvidenceVerdict::find_field(std::string_view name) const {
  for (const NamedField& field : fields) {
    if (field.first == name) return &field.second;
  }
  return nullptr;
}

bool CheckList::add(std::string_view name, const Status& status, std::string_view detail) {
  if (status.ok()) return add(name, true, "", std::string(detail));
  return add(name, false, status.error().code, status.error().message);
}

bool CheckList::add(std::string_view name, bool ok, const char* code, std::string detail) {
  Check check;
  check.name = name;
  check.outcome = ok ? CheckOutcome::kOk : CheckOutcome::kFailed;
  if (!ok) check.code = code;
  check.detail = std::move(detail);
  verdict_.checks.push_back(std::move(check));
  return ok;
}

void CheckList::not_made(std::string_view name, std::string_view why) {
  Check check;
  check.name = name;
  check.outcome = CheckOutcome::kNotMade;
  check.detail = why;
  verdict_.checks.push_back(std::move(check));
}

void CheckList::conclude() {
  // Stays when nothing failed and yet a check was not made: fail closed.
  verdict_.ok = false;
  verdict_.code = "check_not_made";
  verdict_.message = "not every check could be made";
  size_t passed = 0;
  for (const Check& check : verdict_.checks) {
    if (check.outcome == CheckOutcome::kFailed) {
      verdict_.code = check.code;
      verdict_.message = check.name + ": " + check.detail;
      return;
    }
    if (check.outcome == CheckOutcome::kOk) ++passed;
  }
  if (passed == 0 || passed != verdict_.checks.size()) return;
  verdict_.ok = true;
  verdict_.code = "ok";
  verdict_.message = "authentic and acceptable";
}

}  // namespace ginn::attest::verify
