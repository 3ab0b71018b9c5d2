#include "nas/space/space.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "kernels/core/random.h"

namespace paretiny::space {
namespace {

Parameter real(std::string name, double low, double high, bool log = false) {
  return {std::move(name), ParameterKind::real, low, high, log, {}};
}
Parameter integer(std::string name, double low, double high, bool log = false) {
  return {std::move(name), ParameterKind::integer, low, high, log, {}};
}
Parameter categorical(std::string name, std::vector<std::string> choices) {
  return {std::move(name), ParameterKind::categorical, 0, 1, false, std::move(choices)};
}

Space mixed() {
  return Space({real("momentum", 0.5, 0.99), real("learning_rate", 1e-5, 1e-1, true),
                integer("epochs", 1, 7), integer("batch", 8, 512, true),
                categorical("criterion", {"l1", "l2", "taylor"}), real("fixed", 3, 3)});
}

TEST(Space, DecodesTheCornersAndTheMiddle) {
  const Space space = mixed();
  ASSERT_EQ(space.dimensions(), 8u);
  Values low = space.decode({0, 0, 0, 0, 0, 0, 0, 0});
  EXPECT_EQ(std::get<double>(low["momentum"]), 0.5);
  EXPECT_EQ(std::get<double>(low["learning_rate"]), 1e-5);
  EXPECT_EQ(std::get<std::int64_t>(low["epochs"]), 1);
  EXPECT_EQ(std::get<std::int64_t>(low["batch"]), 8);
  EXPECT_EQ(std::get<std::string>(low["criterion"]), "l1");
  EXPECT_EQ(std::get<double>(low["fixed"]), 3);
  Values high = space.decode({1, 1, 1, 1, 0.2, 0.3, 0.4, 1});
  EXPECT_EQ(std::get<double>(high["momentum"]), 0.99);
  EXPECT_EQ(std::get<double>(high["learning_rate"]), 1e-1);
  EXPECT_EQ(std::get<std::int64_t>(high["epochs"]), 7);
  EXPECT_EQ(std::get<std::int64_t>(high["batch"]), 512);
  EXPECT_EQ(std::get<std::string>(high["criterion"]), "taylor");
  Values middle = space.decode({0.5, 0.5, 0.5, 0.5, 0, 1, 1, 0.5});
  EXPECT_NEAR(std::get<double>(middle["learning_rate"]), 1e-3, 1e-12);
  EXPECT_EQ(std::get<std::int64_t>(middle["epochs"]), 4);
  EXPECT_EQ(std::get<std::int64_t>(middle["batch"]),
            62);  // exp of the middle of log 7.5, log 512.5
  EXPECT_EQ(std::get<std::string>(middle["criterion"]), "l2");
}

TEST(Space, SnappingTwiceIsSnappingOnce) {
  const Space space = mixed();
  Random random(1, "space test");
  for (int i = 0; i < 2000; ++i) {
    std::vector<double> x(space.dimensions());
    for (double& coordinate : x) coordinate = random.uniform(-0.1, 1.1);
    const std::vector<double> snapped = space.snap(x);
    EXPECT_EQ(space.snap(snapped), snapped);
    EXPECT_EQ(space.encode(space.decode(x)), snapped);
    EXPECT_EQ(space.decode(snapped), space.decode(x));
    for (const double coordinate : snapped) {
      EXPECT_GE(coordinate, 0);
      EXPECT_LE(coordinate, 1);
    }
  }
}

/// Up to nine parameters of every kind, a fifth of the numbers fixed.
Space random_space(Random& random) {
  std::vector<Parameter> parameters;
  const std::uint64_t count = 1 + random.below(9);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::string name(1, static_cast<char>('a' + i));
    const bool log = random.below(2) == 0, fixed = random.below(5) == 0;
    const double low = log ? std::exp(random.uniform(-9, 4)) : random.uniform(-50, 50);
    const double high = fixed ? low : low + std::exp(random.uniform(-3, 9));
    switch (random.below(3)) {
      case 0:
        parameters.push_back(real(name, low, high, log));
        break;
      case 1:
        parameters.push_back(integer(name, std::ceil(low), std::ceil(high), log));
        break;
      case 2:
        parameters.push_back(categorical(name, {"x", "y", "z"}));
        if (fixed) parameters.back().choices.resize(1);
        break;
    }
  }
  return Space(parameters);
}

TEST(Space, SnapsAsTheCubeDoes) {
  Random random(3, "space test");
  for (int trial = 0; trial < 200; ++trial) {
    const Space space = random_space(random);
    ASSERT_EQ(space.cube().size(), space.parameters().size());
    for (int i = 0; i < 20; ++i) {
      std::vector<double> x(space.dimensions());
      for (double& coordinate : x) coordinate = random.uniform(-0.1, 1.1);
      std::vector<double> snapped = x;
      for (const bayes::CubeParameter& parameter : space.cube())
        bayes::snap(parameter, snapped.data());
      EXPECT_EQ(space.snap(x), snapped);
      EXPECT_EQ(space.snap(snapped), snapped) << space.describe();
      EXPECT_EQ(space.encode(space.decode(x)), snapped) << space.describe();
      EXPECT_EQ(space.decode(snapped), space.decode(x)) << space.describe();
    }
  }
}

TEST(Space, IntegersOwnEqualSharesAndRoundTrip) {
  const Space space({integer("k", -3, 8)});
  for (int k = -3; k <= 8; ++k) {
    const std::vector<double> x = space.encode({{"k", std::int64_t{k}}});
    EXPECT_NEAR(x[0], (k + 3.5) / 12, 1e-15);
    EXPECT_EQ(space.decode({x[0] - 0.49 / 12}), (Values{{"k", std::int64_t{k}}}));
    EXPECT_EQ(space.decode({x[0] + 0.49 / 12}), (Values{{"k", std::int64_t{k}}}));
  }
}

TEST(Space, WideIntegersRoundTrip) {
  const double limit = 0x1p40;
  for (const bool log : {false, true}) {
    const Space space({integer("k", log ? 1 : -limit, limit, log)});
    Random random(2, "space test", log);
    for (int i = 0; i < 2000; ++i) {
      const auto k = static_cast<std::int64_t>(std::exp2(random.uniform(0, 40)));
      const Values values{{"k", k}};
      EXPECT_EQ(space.decode(space.encode(values)), values);
    }
    const Values last{{"k", std::int64_t{1} << 40}};
    EXPECT_EQ(space.decode(space.encode(last)), last);
  }
}

TEST(Space, LogIntegerSharesAreEqualInLog) {
  const Space space({integer("k", 1, 100, true)});
  const double total = std::log(100.5) - std::log(0.5);
  for (const std::int64_t k : {1, 2, 7, 99, 100}) {
    const double v = static_cast<double>(k);
    const double middle = (std::log(v - 0.5) + std::log(v + 0.5)) / 2;
    EXPECT_NEAR(space.encode({{"k", k}})[0], (middle - std::log(0.5)) / total, 1e-14);
  }
}

TEST(Space, CategoricalTakesTheFirstOfEquals) {
  const Space space({categorical("c", {"a", "b", "c"})});
  EXPECT_EQ(std::get<std::string>(space.decode({0.1, 0.7, 0.7})["c"]), "b");
  EXPECT_EQ(space.encode({{"c", std::string("c")}}), (std::vector<double>{0, 0, 1}));
  EXPECT_EQ(space.snap({0, 0, 0}), (std::vector<double>{1, 0, 0}));
}

TEST(Space, CountsCandidates) {
  EXPECT_EQ(Space({integer("k", 2, 5), categorical("c", {"a", "b"})}).cardinality(), 8u);
  EXPECT_EQ(Space({integer("k", 2, 5), real("r", 1, 1)}).cardinality(), 4u);
  EXPECT_EQ(mixed().cardinality(), 0u);
  EXPECT_EQ(Space({integer("a", 0, 0x1p40), integer("b", 0, 0x1p40)}).cardinality(), 0u);
}

TEST(Space, DescribesItselfCanonically) {
  EXPECT_EQ(mixed().describe(), mixed().describe());
  EXPECT_EQ(Space({real("r", 1e-4, 0.5, true), categorical("c", {"a b", "\"c\""})}).describe(),
            "\"r\" real 0.0001 0.5 log\n\"c\" categorical \"a b\" \"\\\"c\\\"\"\n");
  EXPECT_NE(Space({categorical("c", {"a b"})}).describe(),
            Space({categorical("c", {"a", "b"})}).describe());
}

TEST(Space, RefusesBadParameters) {
  const double inf = std::numeric_limits<double>::infinity();
  EXPECT_THROW(Space(std::vector<Parameter>{}), UsageError);
  EXPECT_THROW(Space({real("r", 2, 1)}), UsageError);
  EXPECT_THROW(Space({real("r", 0, inf)}), UsageError);
  EXPECT_THROW(Space({real("r", std::nan(""), 1)}), UsageError);
  EXPECT_THROW(Space({real("r", 0, 1, true)}), UsageError);
  EXPECT_THROW(Space({integer("k", 0, 5, true)}), UsageError);
  EXPECT_THROW(Space({integer("k", 0.5, 5)}), UsageError);
  EXPECT_THROW(Space({integer("k", 0, 0x1p41)}), UsageError);
  EXPECT_THROW(Space({categorical("c", {})}), UsageError);
  EXPECT_THROW(Space({categorical("c", {"a", "a"})}), UsageError);
  EXPECT_THROW(Space({real("r", 0, 1), integer("r", 0, 1)}), UsageError);
  EXPECT_THROW(Space({real("", 0, 1)}), UsageError);
  try {
    Space({real("fine", 0, 1), real("wrong", 2, 1)});
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("'wrong'"), std::string::npos);
  }
}

TEST(Space, RefusesBadValues) {
  const Space space({real("rate", 0, 1), integer("epochs", 1, 5), categorical("kind", {"a", "b"})});
  const Values good{{"rate", 0.5}, {"epochs", std::int64_t{2}}, {"kind", std::string("b")}};
  EXPECT_NO_THROW(space.encode(good));
  const auto with = [&](const std::string& name, const Value& value) {
    Values values = good;
    values[name] = value;
    return values;
  };
  EXPECT_NO_THROW(space.encode(with("rate", std::int64_t{1})));
  EXPECT_THROW(space.encode(with("rate", 1.5)), UsageError);
  EXPECT_THROW(space.encode(with("rate", std::nan(""))), UsageError);
  EXPECT_THROW(space.encode(with("rate", std::string("a"))), UsageError);
  EXPECT_THROW(space.encode(with("epochs", std::int64_t{6})), UsageError);
  EXPECT_THROW(space.encode(with("epochs", 2.0)), UsageError);
  EXPECT_THROW(space.encode(with("kind", std::string("c"))), UsageError);
  EXPECT_THROW(space.encode(with("ratte", 0.5)), UsageError);
  EXPECT_THROW(space.encode({{"rate", 0.5}}), UsageError);
  EXPECT_THROW(space.decode({0.5, 0.5}), UsageError);
  EXPECT_THROW(space.decode({std::nan(""), 0.5, 0, 1}), UsageError);
}

}  // namespace
}  // namespace paretiny::space
