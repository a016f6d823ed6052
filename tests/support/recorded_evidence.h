#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace ginn::test {

// A file of the recorded evidence (vectors.json and what it names), kept beside the repository in
// shared/attestation, or in the folder that GINN_ATTESTATION_VECTORS names. Absent when the folder
// is not there; tests then skip and say so.
bool has_recorded_evidence();
std::string recorded_evidence_folder();
Bytes recorded_evidence(std::string_view name);  // aborts when the folder has no such file

}  // namespace ginn::test

#define GINN_NEEDS_RECORDED_EVIDENCE()                                                    \
  if (!ginn::test::has_recorded_evidence()) {                                             \
    GTEST_SKIP() << "no recorded evidence in " << ginn::test::recorded_evidence_folder(); \
  }                                                                                       \
  static_assert(true)
