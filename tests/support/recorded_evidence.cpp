#include "tests/support/recorded_evidence.h"

#include <cstdlib>
#include <filesystem>

#include "base/check.h"
#include "base/file.h"

namespace ginn::test {

std::string recorded_evidence_folder() {
  const char* named = std::getenv("GINN_ATTESTATION_VECTORS");
  return named != nullptr ? named : GINN_SOURCE_FOLDER "/../shared/attestation";
}

bool has_recorded_evidence() {
  return std::filesystem::exists(recorded_evidence_folder() + "/vectors.json");
}

Bytes recorded_evidence(std::string_view name) {
  auto bytes = read_file(recorded_evidence_folder() + "/" + std::string(name), size_t{1} << 20);
  GINN_CHECK(bytes.ok());
  return std::move(*bytes);
}

}  // namespace ginn::test
