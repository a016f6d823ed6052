#include "crypto/signature.h"

#include <cpuid.h>
#include <immintrin.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "crypto/sha256.h"

namespace ginn::crypto {
namespace {

constexpr size_t kSeedBytes = 32;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using KeyPointer = std::unique_ptr<EVP_PKEY, FreeKey>;
using ContextPointer = std::unique_ptr<EVP_MD_CTX, FreeContext>;

EVP_PKEY* evp(void* key) { return static_cast<EVP_PKEY*>(key); }

// Bytes on the stack that leave nothing behind.
template <size_t N>
struct Secret {
  std::array<uint8_t, N> bytes{};
  Secret() = default;
  ~Secret() { OPENSSL_cleanse(bytes.data(), N); }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
};

Status fill_from_kernel(std::span<uint8_t> out) {
  while (!out.empty()) {
    const ssize_t count = ::getrandom(out.data(), out.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      return environment_error("no_randomness",
                               concat("getrandom: ",
                                      std::generic_category().message(errno),
                                      "; the kernel must provide it"));
    }
    out = out.subspan(static_cast<size_t>(count));
  }
  return ok_status();
}

bool cpu_has_rdseed() {
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  constexpr unsigned kRdseed = 1u << 18;  // leaf 7, EBX
  return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0 && (ebx & kRdseed) != 0;
}

__attribute__((target("rdseed"))) bool rdseed(unsigned long long& word) {
  // Shared by all cores, and empty at times; Intel's guide asks for a pause between attempts.
  constexpr int kAttempts = 100000;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    if (_rdseed64_step(&word) == 1) return true;
    _mm_pause();
  }
  return false;
}

// SHA-256(64 bytes of the kernel || 64 bytes of RDSEED, where the CPU has it): as good as the
// better of the two.
Status gather_seed(std::array<uint8_t, kSeedBytes>& seed) {
  constexpr size_t kSourceBytes = 64;
  Secret<2 * kSourceBytes> pool;
  size_t used = kSourceBytes;
  GINN_TRY(fill_from_kernel(std::span(pool.bytes).first(kSourceBytes)));
  if (cpu_has_rdseed()) {
    for (; used < pool.bytes.size(); used += 8) {
      unsigned long long word = 0;
      if (!rdseed(word)) {
        return environment_error("no_randomness",
                                 "RDSEED gives nothing; try again, and if it "
                                 "stays so, do not trust this CPU");
      }
      std::memcpy(pool.bytes.data() + used, &word, 8);
    }
  }
  seed = Sha256().update(ByteView(pool.bytes).first(used)).finish();
  return ok_status();
}

}  // namespace

Result<SigningKey> SigningKey::generate() {
  Secret<kSeedBytes> seed;
  GINN_TRY(gather_seed(seed.bytes));
  return from_seed(seed.bytes);
}

Result<SigningKey> SigningKey::from_seed(ByteView seed) {
  if (seed.size() != kSeedBytes) {
    return input_error(
        "bad_key_seed",
        concat("signing key: found a seed of ", seed.size(), " bytes; expected ", kSeedBytes));
  }
  KeyPointer key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  GINN_CHECK(key != nullptr);
  PublicKey public_key;
  size_t size = public_key.size();
  GINN_CHECK(EVP_PKEY_get_raw_public_key(key.get(), public_key.data(), &size) == 1);
  GINN_CHECK(size == public_key.size());
  return SigningKey(key.release(), public_key);
}

SigningKey::SigningKey(SigningKey&& other) noexcept
    : key_(std::exchange(other.key_, nullptr)), public_key_(other.public_key_) {}

SigningKey& SigningKey::operator=(SigningKey&& other) noexcept {
  std::swap(key_, other.key_);
  std::swap(public_key_, other.public_key_);
  return *this;
}

SigningKey::~SigningKey() { EVP_PKEY_free(evp(key_)); }  // OpenSSL wipes the private part

std::array<uint8_t, 32> SigningKey::seed() const {
  std::array<uint8_t, kSeedBytes> seed;
  size_t size = seed.size();
  GINN_CHECK(EVP_PKEY_get_raw_private_key(evp(key_), seed.data(), &size) == 1);
  GINN_CHECK(size == seed.size());
  return seed;
}

Signature SigningKey::sign(ByteView message) const {
  GINN_CHECK(key_ != nullptr);
  const ContextPointer context(EVP_MD_CTX_new());
  GINN_CHECK(context != nullptr);
  GINN_CHECK(EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, evp(key_)) == 1);
  Signature signature;
  size_t size = signature.size();
  GINN_CHECK(
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  GINN_CHECK(size == signature.size());
  return signature;
}

bool verify_signature(const PublicKey& key, ByteView message, const Signature& signature) {
  const KeyPointer evp_key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const ContextPointer context(EVP_MD_CTX_new());
  if (evp_key == nullptr || context == nullptr) return false;
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, evp_key.get()) != 1) {
    return false;
  }
  return EVP_DigestVerify(
             context.get(), signature.data(), signature.size(), message.data(), message.size()) ==
         1;
}

std::string key_id(const PublicKey& key) { return hex(sha256(key)); }

Result<RandomGenerator> RandomGenerator::create() {
  RandomGenerator generator;
  GINN_TRY(gather_seed(generator.key_));
  return generator;
}

RandomGenerator::RandomGenerator(RandomGenerator&& other) noexcept
    : key_(other.key_), counter_(other.counter_), block_(other.block_), used_(other.used_) {
  other.wipe();
}

RandomGenerator& RandomGenerator::operator=(RandomGenerator&& other) noexcept {
  if (this != &other) {
    key_ = other.key_;
    counter_ = other.counter_;
    block_ = other.block_;
    used_ = other.used_;
    other.wipe();
  }
  return *this;
}

RandomGenerator::~RandomGenerator() { wipe(); }

void RandomGenerator::wipe() {
  OPENSSL_cleanse(key_.data(), key_.size());
  OPENSSL_cleanse(block_.data(), sizeof block_);
  used_ = kWiped;
}

uint64_t RandomGenerator::next() {
  GINN_CHECK(used_ != kWiped);  // after a move, the numbers would repeat
  if (used_ == block_.size()) refill();
  return std::exchange(block_[used_++], 0);
}

// block = SHA-256(0 || key || counter), then key = SHA-256(1 || key || counter): who reads the
// memory later cannot compute earlier numbers.
void RandomGenerator::refill() {
  Secret<1 + kSeedBytes + 8> input;
  std::memcpy(input.bytes.data() + 1, key_.data(), kSeedBytes);
  std::memcpy(input.bytes.data() + 1 + kSeedBytes, &counter_, 8);
  Sha256 hasher;
  Secret<kSeedBytes> output;
  output.bytes = hasher.update(input.bytes).finish();
  std::memcpy(block_.data(), output.bytes.data(), kSeedBytes);
  input.bytes[0] = 1;
  key_ = hasher.update(input.bytes).finish();
  ++counter_;
  used_ = 0;
}

}  // namespace ginn::crypto
