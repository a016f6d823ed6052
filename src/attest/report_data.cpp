#include "attest/report_data.h"

#include <algorithm>

namespace ginn::attest {

ReportData report_data(const crypto::PublicKey& key, const crypto::Digest& job_digest) {
  constexpr std::string_view kDomain("ginn report data v1\0", 20);
  crypto::Sha256 hash;
  const crypto::Digest digest =
      hash.update(as_bytes(kDomain)).update(key).update(job_digest).finish();
  ReportData data{};
  std::copy(digest.begin(), digest.end(), data.begin());
  return data;
}

}  // namespace ginn::attest
