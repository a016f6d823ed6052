#pragma once

#include <array>
#include <memory>

#include "base/bytes.h"

namespace ginn::crypto {

using PublicKey = std::array<uint8_t, 32>;  // Ed25519, RFC 8032
using Signature = std::array<uint8_t, 64>;

// An Ed25519 private key; wiped when destroyed.
class SigningKey {
 public:
  static Result<SigningKey> generate();                // from the system's generator
  static Result<SigningKey> from_seed(ByteView seed);  // 32 bytes
  SigningKey(SigningKey&&) noexcept;
  SigningKey& operator=(SigningKey&&) noexcept;
  ~SigningKey();
  const PublicKey& public_key() const { return public_key_; }
  Signature sign(ByteView message) const;
  // The 32 bytes of from_seed: to be sealed, never to be shown.
  std::array<uint8_t, 32> seed() const;

 private:
  SigningKey(void* key, PublicKey public_key) : key_(key), public_key_(public_key) {}
  void* key_;
  PublicKey public_key_;
};

bool verify_signature(const PublicKey& key, ByteView message, const Signature& signature);

// SHA-256 of the key, hex: `keyid` in envelopes.
std::string key_id(const PublicKey& key);

// Bytes for coins and keys: kernel's generator (getrandom) and, where the CPU has it, RDSEED, mixed
// by SHA-256 into the state of a Hash_DRBG-like generator. Code "no_randomness".
class RandomGenerator {
 public:
  static Result<RandomGenerator> create();
  // No copies: two generators with one state would toss the same coins. Wiped when destroyed.
  RandomGenerator(RandomGenerator&& other) noexcept;
  RandomGenerator& operator=(RandomGenerator&& other) noexcept;
  ~RandomGenerator();
  uint64_t next();

 private:
  static constexpr size_t kWiped = 5;
  RandomGenerator() = default;
  void refill();
  void wipe();

  std::array<uint8_t, 32> key_{};
  uint64_t counter_ = 0;
  std::array<uint64_t, 4> block_{};
  size_t used_ = 4;
};

}  // namespace ginn::crypto
