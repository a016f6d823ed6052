#pragma once

#include <string>

#include "certificate/check/bundle.h"
#include "publish/ecdsa_key.h"

namespace ginn::publish {

inline constexpr std::string_view kModelSignatureFile = "model.sig";
inline constexpr std::string_view kProvenanceFile = "provenance.json";

// Both files say what their signer vouches for; the caller has checked the run (check_bundle) and
// it was accepted. Codes: those of the certificate's own form.

// A Sigstore bundle, version 0.3, around a DSSE envelope with the statement of model-signing 1.0
// (predicate https://model_signing/signature/v1.0): digests of every subject and of the
// certificate.
Result<std::string> model_signature(const certificate::Bundle& bundle, const EcdsaKey& key);

// A DSSE envelope with an in-toto statement over the certificate's subjects and the predicate
// https://slsa.dev/provenance/v1: the job as external parameters, the data's root, the certificate.
Result<std::string> slsa_provenance(const certificate::Bundle& bundle, const EcdsaKey& key);

}  // namespace ginn::publish
