#pragma once

#include <array>
#include <string>

#include "base/bytes.h"

namespace ginn::crypto {

using Digest = std::array<uint8_t, 32>;

// SHA-256 (FIPS 180-4) by OpenSSL, which uses the CPU's SHA instructions.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  Sha256& update(ByteView bytes);
  Digest finish();  // leaves the object ready for a new message

 private:
  void* context_;
};

Digest sha256(ByteView bytes);
std::string hex(const Digest& digest);               // 64 lower-case digits
std::string tagged(const Digest& digest);            // "sha256:" + hex
Result<Digest> parse_tagged(std::string_view text);  // code "bad_digest"

}  // namespace ginn::crypto
