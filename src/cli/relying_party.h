#pragma once

#include <optional>

#include "certificate/check/run_check.h"
#include "cli/verbs.h"

namespace ginn::cli {

// What the relying party brings, and nothing else, decides what a run is compared with. `fault`
// gets an error of their own files that shows only during the check; it outlives the result.
Result<certificate::RelyingParty> relying_party(const VerifyOptions& options,
                                                std::optional<Error>& fault);

}  // namespace ginn::cli
