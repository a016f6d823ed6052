#pragma once

#include <cstddef>
#include <cstdint>

#include "certificate/check/fake_run.h"
#include "tests/support/intel_authority.h"

namespace ginn::test {

// A run's folder whose certificate carries a quote of the made-up Intel over its report data, and
// collateral beside it: checked by the same code as a real one's, with another root.
class EvidencedRun {
 public:
  explicit EvidencedRun(uint16_t quote_version = 4);

  certificate::FakeRun& run() { return run_; }
  // The strictest policy that the run meets, at the authority's time.
  certificate::RelyingParty party() const;
  // Bytes of certificate.json and of collateral.json.
  size_t certificate_bytes() const { return run_.read("certificate.json").size(); }
  size_t collateral_bytes() const { return run_.read("collateral.json").size(); }

 private:
  certificate::FakeRun run_;
  FakeIntel intel_;
  IntelSet set_;
};

}  // namespace ginn::test
