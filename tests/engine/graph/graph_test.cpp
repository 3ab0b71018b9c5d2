#include "engine/graph/graph.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace paretiny::graph {
namespace {

TEST(Graph, ExtentsThatExportedCodeCannotCountAreRefusedWhenTheyAreMade) {
  for (const Shape& sample :
       {Shape{1, 1, 65536, 1}, Shape{1, 65536, 1, 1}, Shape{1, 1, 1, 65536}}) {
    Graph graph;
    EXPECT_THROW(graph.input(sample), UsageError);
  }
  Graph graph;
  const NodeId x = graph.input({1, 1, 65535, 1});
  EXPECT_EQ(graph.conv("as long", x, 2, nn::Window::same(1, 65535, 1, 3, 1, 1)), 1);
  try {
    graph.conv("longer", x, 2, {1, 2, 1, 1, 0, 1, 0, 1});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("'longer' (conv)"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("65535"), std::string::npos);
  }
  EXPECT_THROW(graph.conv("wide", x, 65536, nn::Window{}), UsageError);
}

}  // namespace
}  // namespace paretiny::graph
