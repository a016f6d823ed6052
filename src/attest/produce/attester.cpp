#include "attest/produce/attester.h"

#include <charconv>

#include "attest/evidence_format.h"
#include "attest/produce/simulated_root.h"
#include "base/text.h"
#include "crypto/aead.h"
#include "crypto/dsse.h"
#include "crypto/json.h"

namespace ginn::attest {
namespace {

class SimulatedAttester final : public Attester {
 public:
  SimulatedAttester(const crypto::Digest& measurement, CounterStore counter)
      : measurement_(measurement), counter_(std::move(counter)) {}

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

  Status seal(std::span<const ByteView> parts, Bytes& file) const override {
    return crypto::seal(seal_key(), parts, file);
  }
  Result<ByteView> unseal(Bytes& file, size_t context) const override {
    return crypto::unseal(seal_key(), file, context);
  }

  Result<uint64_t> counter() const override {
    if (!counter_.load) return uint64_t{0};
    const Result<Bytes> file = counter_.load();
    if (!file.ok()) {
      if (std::string_view(file.error().code) == "not_found") return uint64_t{0};
      return file.error();
    }
    uint64_t value = 0;
    const std::string_view text = as_text(*file);
    const auto end = std::from_chars(text.data(), text.data() + text.size(), value);
    if (end.ec != std::errc() || text.substr(static_cast<size_t>(end.ptr - text.data())) != "\n") {
      return environment_error("counter_form",
                               concat(kSimulatedCounterFile, ": expected a number and a newline"));
    }
    return value;
  }
  Result<uint64_t> advance_counter() override {
    GINN_ASSIGN(const uint64_t value, counter());
    if (counter_.store) GINN_TRY(counter_.store(as_bytes(concat(value + 1, "\n"))));
    return value + 1;
  }

 private:
  // Known to anybody who knows the program: it hides and protects nothing.
  crypto::Digest seal_key() const {
    constexpr std::string_view kDomain("ginn simulated seal v1\0", 23);
    return crypto::Sha256().update(as_bytes(kDomain)).update(measurement_).finish();
  }

  crypto::Digest measurement_;
  CounterStore counter_;
};

}  // namespace

std::unique_ptr<Attester> simulated_attester(const crypto::Digest& measurement,
                                             CounterStore counter) {
  return std::make_unique<SimulatedAttester>(measurement, std::move(counter));
}

}  // namespace ginn::attest
