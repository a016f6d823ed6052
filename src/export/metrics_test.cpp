#include "export/metrics.h"

#include <gtest/gtest.h>

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

TEST_F(MetricsTest, WritesHeaderAndRowsAndReadsThemAgain) {
  const std::vector<MetricsRow> rows = {{0, 0.1, 2.5, 0.125, 1234.5, 4, 1, 2},
                                        {1, 0.2, 1.5, 0.25, 2e6, 8, 2, 0}};
  ASSERT_TRUE(write_metrics(path(), rows).ok());
  EXPECT_EQ(content(),
            std::string(kHeader) + "0,0.1,2.5,0.125,1234.5,4,1,2,\n1,0.2,1.5,0.25,2e+06,8,2,0,\n");
  const auto read = read_metrics(path());
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*read, rows);
}

TEST_F(MetricsTest, WritesTheHeaderWithoutRows) {
  ASSERT_TRUE(write_metrics(path(), {}).ok());
  EXPECT_EQ(content(), kHeader);
}

TEST_F(MetricsTest, ReportsAFolderThatIsGone) {
  const Status status = write_metrics(dir_ / "missing" / "metrics.csv", {});
  ASSERT_FALSE(status.ok());
  EXPECT_STREQ(status.error().code, "write_failed");
}

}  // namespace
}  // namespace ginn::exporting
