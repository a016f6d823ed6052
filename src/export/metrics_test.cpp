#include "export/metrics.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/file.h"
#include "tests/support/temporary_folder.h"

namespace ginn::exporting {
namespace {

class MetricsTest : public ::testing::Test {
 protected:
  std::string content() const {
    auto bytes = read_file(path(), 1 << 20);
    return bytes.ok() ? std::string(as_text(*bytes)) : bytes.error().code;
  }
  std::filesystem::path path() const { return dir_ / "metrics.csv"; }

  const test::TemporaryFolder temporary_;
  const std::filesystem::path dir_ = temporary_.path();
};

constexpr std::string_view kHeader =
    "step,learning_rate,claimed_loss,claimed_accuracy,images_per_second,taken,replays_done,"
    "replays_queued,metrics_v1\n";

TEST_F(MetricsTest, WritesHeaderAndRows) {
  MetricsWriter writer(path());
  ASSERT_TRUE(writer.add({0, 0.1, 2.302585093, 0.125, 1234.5, 4, 1, 2}).ok());
  ASSERT_TRUE(writer.add({1, 0.2, 1.5, 0.25, 2e6, 8, 2, 0}).ok());
  ASSERT_TRUE(writer.finish().ok());
  EXPECT_EQ(
      content(),
      std::string(kHeader) + "0,0.1,2.30259,0.125,1234.5,4,1,2,\n1,0.2,1.5,0.25,2e+06,8,2,0,\n");
  EXPECT_EQ(writer.rows().size(), 2u);
  EXPECT_EQ(writer.rows()[1].taken, 8u);
}

TEST_F(MetricsTest, WritesTheHeaderWithoutRows) {
  MetricsWriter writer(path());
  ASSERT_TRUE(writer.finish().ok());
  EXPECT_EQ(content(), kHeader);
}

TEST_F(MetricsTest, FlushesEveryFewRows) {
  MetricsWriter writer(path(), 2);
  ASSERT_TRUE(writer.add({}).ok());
  EXPECT_EQ(content(), "not_found");
  ASSERT_TRUE(writer.add({}).ok());
  const std::string two = content();
  EXPECT_GT(two.size(), kHeader.size());
  ASSERT_TRUE(writer.add({}).ok());
  EXPECT_EQ(content(), two);
}

TEST_F(MetricsTest, ReportsAFolderThatIsGone) {
  MetricsWriter writer(dir_ / "missing" / "metrics.csv");
  ASSERT_TRUE(writer.add({}).ok());
  const Status status = writer.finish();
  ASSERT_FALSE(status.ok());
  EXPECT_STREQ(status.error().code, "write_failed");
}

}  // namespace
}  // namespace ginn::exporting
