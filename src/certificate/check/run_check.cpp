#include "certificate/check/run_check.h"

#include "base/text.h"
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

Outcome check_files(const Result<std::unique_ptr<RunFiles>>& files,
                    const RelyingParty& relying_party) {
  if (files.ok() && (*files)->has(kRejectionFile) && !(*files)->has(kCertificateFile)) {
    return check_rejection(**files, relying_party);
  }
  return check_certificate(files, relying_party);
}

Result<Outcome> check_run(const fs::path& dir, const RelyingParty& relying_party) {
  GINN_TRY(require_folder(dir));
  return check_files(open_folder(dir), relying_party);
}

}  // namespace ginn::certificate
