#include <fmt/format.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"
#include "certificate/check/bundle.h"
#include "cli/relying_party.h"
#include "cli/verbs.h"
#include "publish/statements.h"

namespace ginn::cli {

namespace fs = std::filesystem;

// Signs what was checked: the same bytes, read once.
Result<int> sign_verb(const SignOptions& options) {
  const std::string& dir = options.check.run;
  GINN_ASSIGN(const Bytes pem, read_file(options.key, 1 << 16));
  GINN_ASSIGN(const publish::EcdsaKey key, publish::EcdsaKey::from_pem(pem));
  std::optional<Error> fault;
  GINN_ASSIGN(const certificate::RelyingParty party, relying_party(options.check, fault));
  GINN_ASSIGN(const std::string text, certificate::make_bundle(dir));
  GINN_ASSIGN(const certificate::Bundle bundle, certificate::parse_bundle(as_bytes(text)));
  const certificate::Outcome outcome = certificate::check_bundle(bundle, files_in(dir), party);
  if (fault) return *fault;
  if (outcome.verdict != certificate::Verdict::kAccepted) {
    return refused(
        "not_accepted",
        concat("nothing was signed: ginn verify must accept the run first. ", outcome.summary));
  }
  GINN_ASSIGN(const std::string signature, publish::model_signature(bundle, key));
  GINN_ASSIGN(const std::string provenance, publish::slsa_provenance(bundle, key));
  GINN_TRY(write_file_atomic(fs::path(dir) / publish::kModelSignatureFile, as_bytes(signature)));
  GINN_TRY(write_file_atomic(fs::path(dir) / publish::kProvenanceFile, as_bytes(provenance)));
  fmt::print("{}Wrote {} and {}, signed by you.\n",
             outcome.simulated ? "SIMULATED: the run proves nothing to others. " : "",
             publish::kModelSignatureFile,
             publish::kProvenanceFile);
  return 0;
}

}  // namespace ginn::cli
