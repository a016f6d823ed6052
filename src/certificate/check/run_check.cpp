#include "certificate/check/run_check.h"

#include "base/text.h"
#include "certificate/check/folder.h"
#include "certificate/check/folder_check.h"
#include "certificate/issue/format.h"

namespace ginn::certificate {
namespace fs = std::filesystem;

std::string_view verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::kAccepted:
      return "accepted";
    case Verdict::kConsistent:
      return "consistent";
    case Verdict::kRejected:
      return "rejected";
  }
  GINN_CHECK(false);
}

Status require_folder(const fs::path& dir) {
  std::error_code error;
  if (fs::is_directory(dir, error)) return ok_status();
  return input_error(
      "not_a_folder",
      concat(printable(dir.native(), 400), ": no such folder; expected the folder of a run"));
}

Result<Outcome> check_run(const fs::path& dir, const RelyingParty& relying_party) {
  GINN_TRY(require_folder(dir));
  const auto entries = list_folder(dir);
  if (entries.ok() && has_entry(*entries, kRejectionFile) &&
      !has_entry(*entries, kCertificateFile)) {
    return check_rejection(dir, relying_party, *entries);
  }
  return check_certificate(dir, relying_party, entries);
}

}  // namespace ginn::certificate
