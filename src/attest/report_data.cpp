#include "attest/report_data.h"

#include <algorithm>

namespace ginn::attest {

ReportData report_data(const crypto::PublicKey& key,
                       const crypto::Digest& job_digest,
                       uint32_t life) {
  constexpr std::string_view kDomain("ginn report data v2\0", 20);
  ByteWriter message;
  message.text(kDomain);
  message.bytes(key);
  message.bytes(job_digest);
  message.u32(life);
  const crypto::Digest digest = crypto::sha256(message.view());
  ReportData data{};
  std::copy(digest.begin(), digest.end(), data.begin());
  return data;
}

}  // namespace ginn::attest
