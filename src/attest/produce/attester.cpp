#include "attest/produce/attester.h"

#include "attest/evidence_format.h"
#include "attest/produce/simulated_root.h"
#include "base/text.h"
#include "crypto/dsse.h"
#include "crypto/json.h"

namespace ginn::attest {
namespace {

class SimulatedAttester final : public Attester {
 public:
  explicit SimulatedAttester(const crypto::Digest& measurement) : measurement_(measurement) {}

  std::string_view kind() const override { return kSimulatedKind; }

  Result<std::string> evidence(std::span<const uint8_t, 64> report_data) const override {
    GINN_ASSIGN(const crypto::SigningKey root,
                crypto::SigningKey::from_seed(as_bytes(kSimulatedRootSeed)));
    crypto::Json::Object payload;
    payload["kind"] = kSimulatedKind;
    payload["measurement"] = crypto::hex(measurement_);
    payload["note"] = kSimulatedNote;
    payload["report_data"] = to_hex(report_data);
    const std::string text = crypto::canonical_json(crypto::Json(std::move(payload)));
    return crypto::sign_envelope(root, kSimulatedPayloadType, as_bytes(text));
  }

 private:
  crypto::Digest measurement_;
};

}  // namespace

std::unique_ptr<Attester> simulated_attester(const crypto::Digest& measurement) {
  return std::make_unique<SimulatedAttester>(measurement);
}

}  // namespace ginn::attest
