#include "certificate/issue/format.h"

#include <algorithm>

#include "base/text.h"

namespace ginn::certificate {
namespace {
constexpr std::string_view kKeyPrefix = "ed25519:";
}  // namespace

std::string key_text(const crypto::PublicKey& key) { return concat(kKeyPrefix, to_hex(key)); }

Result<crypto::PublicKey> parse_key(std::string_view text) {
  crypto::PublicKey key{};
  if (text.starts_with(kKeyPrefix) && text.size() == kKeyPrefix.size() + 2 * key.size()) {
    const auto bytes = from_hex(text.substr(kKeyPrefix.size()));
    if (bytes.ok()) {
      std::copy(bytes->begin(), bytes->end(), key.begin());
      return key;
    }
  }
  return input_error(
      "bad_key",
      concat("key \"", printable(text, 80), "\": expected ed25519: and 64 lower-case hex digits"));
}

}  // namespace ginn::certificate
