#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "crypto/sha256.h"

namespace ginn::attest {

// What a TEE does for the program that runs in it.
class Attester {
 public:
  virtual ~Attester() = default;
  virtual std::string_view kind() const = 0;
  // That this program, as measured, asked for `report_data` to be signed.
  virtual Result<std::string> evidence(std::span<const uint8_t, 64> report_data) const = 0;

  // For this program on this machine, now or after a restart: nobody else reads it, and a change
  // shows. The bytes before it in the file are bound, not hidden. As crypto::seal, crypto::unseal.
  virtual Status seal(std::span<const ByteView> parts, Bytes& file) const = 0;
  virtual Result<ByteView> unseal(Bytes& file, size_t context) const = 0;

  // A counter that never goes back, not even over restarts. Codes of the medium, "counter_form".
  virtual Result<uint64_t> counter() const = 0;
  // Durable when it returns; the new value.
  virtual Result<uint64_t> advance_counter() = 0;
};

// Where the simulated counter is kept: nothing is there at first.
struct CounterStore {
  std::function<Result<Bytes>()> load;  // code "not_found"
  std::function<Status(ByteView)> store;
};
inline constexpr std::string_view kSimulatedCounterFile = "simulated-counter";

// SIMULATED: evidence and seal use keys that anybody can compute, the counter is a file that
// anybody can set back. `measurement`: SHA-256 of the running program's file, on the caller's word.
std::unique_ptr<Attester> simulated_attester(const crypto::Digest& measurement,
                                             CounterStore counter = {});

}  // namespace ginn::attest
