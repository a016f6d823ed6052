#include <gtest/gtest.h>

#include "audit/evidence_records.h"
#include "base/text.h"
#include "tests/support/synthetic.h"

namespace ginn::audit {
namespace {

using model_file::Dtype;
using model_file::NamedTensor;

const std::vector<uint64_t> kIndices = {3, 0, 7};

class Records : public ::testing::Test {
 protected:
  Records() {
    const size_t size = source_->facts().record_bytes();
    const auto leaves = source_->leaves().value();
    Bytes raw(kIndices.size() * size), paths;
    for (size_t i = 0; i < kIndices.size(); ++i) {
      EXPECT_TRUE(source_->read(kIndices[i], std::span(raw).subspan(i * size, size)).ok());
      for (const auto& digest : crypto::merkle_path(leaves, kIndices[i])) {
        paths.insert(paths.end(), digest.begin(), digest.end());
      }
    }
    file_.tensors = {{"records", Dtype::kI8, {kIndices.size(), size}, raw},
                     {"record_paths", Dtype::kI8, {paths.size() / 32, 32}, paths}};
  }
  std::string code() const {
    const auto records = EvidenceRecords::create(source_->facts(), kIndices, file_);
    return records.ok() ? "ok" : records.error().code;
  }
  Bytes& bytes(size_t tensor) { return file_.tensors[tensor].data; }

  std::unique_ptr<data::MemoryRecords> source_ = test::synthetic_records({});
  model_file::TensorFile file_;
};

TEST_F(Records, AreThoseOfTheData) {
  const auto records = EvidenceRecords::create(source_->facts(), kIndices, file_);
  ASSERT_TRUE(records.ok()) << records.error().message;
  Bytes found(source_->facts().record_bytes()), right(found.size());
  for (const uint64_t index : kIndices) {
    EXPECT_TRUE(records->read(index, found).ok());
    EXPECT_TRUE(source_->read(index, right).ok());
    EXPECT_EQ(found, right);
  }
  EXPECT_EQ(std::string_view(records->read(1, found).error().code), "audit_evidence");
}

TEST_F(Records, NoBitOfThemOrTheirPathsMayDiffer) {
  for (const size_t tensor : {0u, 1u}) {
    for (size_t i = 0; i < bytes(tensor).size(); i += 97) {
      bytes(tensor)[i] ^= 4;
      EXPECT_EQ(code(), "audit_evidence") << tensor << " " << i;
      bytes(tensor)[i] ^= 4;
    }
  }
  EXPECT_EQ(code(), "ok");
}

TEST_F(Records, MissingCutOrLonger) {
  const auto all = file_.tensors;
  file_.tensors.erase(file_.tensors.begin());
  EXPECT_EQ(code(), "audit_no_records");
  file_.tensors = all;
  bytes(0).pop_back();
  EXPECT_EQ(code(), "audit_evidence");
  file_.tensors = all;
  bytes(1).resize(bytes(1).size() - 32);
  EXPECT_EQ(code(), "audit_evidence");
  file_.tensors = all;
  bytes(1).push_back(0);
  EXPECT_EQ(code(), "audit_evidence");
  file_.tensors = {all[0]};
  EXPECT_EQ(code(), "audit_evidence");
}

}  // namespace
}  // namespace ginn::audit
