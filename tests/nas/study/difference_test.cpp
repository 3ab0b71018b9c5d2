#include "nas/study/difference.h"

#include <gtest/gtest.h>

namespace paretiny::study {
namespace {

TEST(Difference, PairsLinesThatNameTheSame) {
  EXPECT_EQ(difference("the task", "[dataset]\nformat = 'npy'\nvalidation = 0.25\n",
                       "[dataset]\nformat = 'npy'\nseed = 5\nvalidation = 0.5\n"),
            "the task is 'dataset.validation = 0.25' in the study and 'dataset.validation = 0.5' "
            "now");
  EXPECT_EQ(difference("the task", "[a]\nx = 1\n[b]\nx = 2\n", "[a]\nx = 1\n[b]\nx = 3\n"),
            "the task is 'b.x = 2' in the study and 'b.x = 3' now");
  EXPECT_EQ(difference("the task", "[a]\nx = 0.20000000000000001\n", "[a]\nx = 2\n"),
            "the task is 'a.x = 0.2' in the study and 'a.x = 2' now");
  EXPECT_EQ(difference("an objective", "loss\nrom [B] <= 1000\n", "loss\nrom [B] <= 2000\n"),
            "an objective is 'rom [B] <= 1000' in the study and 'rom [B] <= 2000' now");
  EXPECT_EQ(difference("the space", "\"a b\" real 0 1\n\"c\" real 0 1\n",
                       "\"a b\" real 0 1 log\n\"c\" real 0 1\n"),
            "the space is '\"a b\" real 0 1' in the study and '\"a b\" real 0 1 log' now");
}

TEST(Difference, SaysWhichSideHasALine) {
  EXPECT_EQ(difference("the task", "[dataset]\nvalidation = 0.25\n",
                       "[dataset]\nseed = 5\nvalidation = 0.25\n"),
            "the task has 'dataset.seed = 5' now and not in the study");
  EXPECT_EQ(difference("the task", "[dataset]\nseed = 5\nvalidation = 0.25\n",
                       "[dataset]\nvalidation = 0.25\n"),
            "the task has 'dataset.seed = 5' in the study and not now");
  EXPECT_EQ(difference("a constraint", "", "heat <= 70\n"),
            "a constraint has 'heat <= 70' now and not in the study");
}

TEST(Difference, OneWordListsAndOrder) {
  EXPECT_EQ(difference("the seed", "3", "9"), "the seed is '3' in the study and '9' now");
  EXPECT_EQ(
      difference("the task", "[a]\nx = [\n    1,\n    2\n]\n", "[a]\nx = [\n    1,\n    3\n]\n"),
      "the task is 'a.x = [ 1, 2 ]' in the study and 'a.x = [ 1, 3 ]' now");
  EXPECT_EQ(difference("the space", "\"a\" real 0 1\n\"b\" real 0 1\n",
                       "\"b\" real 0 1\n\"a\" real 0 1\n"),
            "the space has another order in the study");
  EXPECT_EQ(difference("the task", "[a]\nx = 'p\x1Bq'\n", "[a]\nx = 'r'\n"),
            "the task is 'a.x = 'p q'' in the study and 'a.x = 'r'' now");
}

}  // namespace
}  // namespace paretiny::study
