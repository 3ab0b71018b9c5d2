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
Parameter categorical(std::string name, std::vector<Value> choices) {
  return {std::move(name), ParameterKind::categorical, 0, 1, false, std::move(choices)};
}
Parameter stepped(std::string name, double low, double high, std::int64_t step) {
  return {std::move(name), ParameterKind::integer, low, high, false, {}, step};
}
Parameter only_when(Parameter parameter, std::string other, std::vector<Value> values) {
  parameter.when.push_back({std::move(other), std::move(values)});
  return parameter;
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
    EXPECT_EQ(described_space(space.describe()).describe(), space.describe());
  }
}

TEST(Space, IsReadFromItsDescription) {
  const Space space({only_when(stepped("a \"b\" \\", -16, 48, 16), "c", {1.5, std::string("x y")}),
                     categorical("c", {1.5, std::string("x y"), std::string("\n")}),
                     real("r", 1e-300, 1e300, true)});
  const Space again = described_space(space.describe());
  EXPECT_EQ(again.describe(), space.describe());
  const Values values{{"a \"b\" \\", std::int64_t{32}}, {"c", 1.5}, {"r", 3.0}};
  EXPECT_EQ(again.encode(values), space.encode(values));
  for (const char* text :
       {"", "x", "\"x", "\"x\" real 1", "\"x\" real a b", "\"x\" real 0 1 most"}) {
    EXPECT_THROW((void)described_space(text), UsageError) << text;
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

TEST(Space, StepsAreTheOnlyValues) {
  const Space space({stepped("width", -16, 48, 16), real("r", 0, 1)});
  EXPECT_EQ(Space({stepped("width", -16, 48, 16)}).cardinality(), 5u);
  const std::vector<std::int64_t> all{-16, 0, 16, 32, 48};
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::vector<double> x = space.encode({{"width", all[i]}, {"r", 0.5}});
    EXPECT_NEAR(x[0], (static_cast<double>(i) + 0.5) / 5, 1e-15) << "equal shares";
    EXPECT_EQ(space.decode({x[0] - 0.09, 0.5}).at("width"), Value(all[i]));
    EXPECT_EQ(space.decode({x[0] + 0.09, 0.5}).at("width"), Value(all[i]));
  }
  EXPECT_THROW(space.encode({{"width", std::int64_t{8}}, {"r", 0.5}}), UsageError);
  EXPECT_NE(space.describe().find("step 16"), std::string::npos);
  EXPECT_THROW(Space({stepped("k", 0, 10, 4)}), UsageError) << "10 is no step";
  EXPECT_THROW(Space({stepped("k", 0, 8, 0)}), UsageError);
  Parameter wrong = stepped("k", 2, 8, 2);
  wrong.log = true;
  EXPECT_THROW(Space({wrong}), UsageError);
  wrong = real("r", 0, 1);
  wrong.step = 2;
  EXPECT_THROW(Space({wrong}), UsageError);
}

TEST(Space, ChoicesKeepTheirTypes) {
  const std::vector<Value> all{std::int64_t{8}, 0.5, std::string("auto"), true, 2.0};
  const Space space({categorical("c", all)});
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::vector<double> x(5, 0.0);
    x[i] = 1;
    EXPECT_EQ(space.decode(x).at("c"), all[i]);
    EXPECT_EQ(space.encode({{"c", all[i]}}), x);
    // As a study kept them that was made when all were text.
    EXPECT_EQ(space.encode({{"c", to_string(all[i])}}), x);
  }
  EXPECT_EQ(space.encode({{"c", std::string("2.0")}}), space.encode({{"c", std::int64_t{2}}}));
  EXPECT_EQ(space.describe(), "\"c\" categorical \"8\" \"0.5\" \"auto\" \"true\" \"2.0\"\n");
  EXPECT_THROW(Space({categorical("c", {std::int64_t{1}, 1.0})}), UsageError) << "one number";
}

TEST(Space, ParametersWithoutTheirConditionsHaveNoValue) {
  const Space space(
      {only_when(real("momentum", 0, 1), "optimizer", {std::string("sgd")}),
       categorical("optimizer", {"sgd", "adam", "none"}),
       only_when(integer("warmup", 1, 9), "optimizer", {std::string("sgd"), std::string("adam")}),
       only_when(real("slope", 1, 10, true), "warmup", {std::int64_t{9}})});
  EXPECT_TRUE(space.conditional());
  const Values adam = space.decode({0.9, 0, 1, 0, 0.999, 0.3});
  EXPECT_EQ(adam.size(), 3u) << "no momentum";
  EXPECT_EQ(adam.at("warmup"), Value(std::int64_t{9}));
  EXPECT_TRUE(adam.contains("slope"));
  const Values none = space.decode({0.9, 0, 0, 1, 0.999, 0.3});
  EXPECT_EQ(none, (Values{{"optimizer", std::string("none")}})) << "and what hangs on warmup goes";
  Random random(1, "conditions");
  for (int i = 0; i < 500; ++i) {
    std::vector<double> x(space.dimensions());
    for (double& coordinate : x) coordinate = random.uniform();
    const std::vector<double> snapped = space.snap(x);
    EXPECT_EQ(space.snap(snapped), snapped);
    EXPECT_EQ(space.encode(space.decode(x)), snapped);
    EXPECT_EQ(space.decode(snapped), space.decode(x));
  }
  // All candidates that differ in what has no value alone are one.
  EXPECT_EQ(space.snap({0.1, 0, 0, 1, 0.2, 0.3}), space.snap({0.9, 0, 0, 1, 0.8, 0.7}));
  // Values that count for nothing may be there; those that count must.
  EXPECT_EQ(space.encode({{"optimizer", std::string("none")}, {"momentum", 0.3}}),
            space.encode(none));
  EXPECT_THROW(space.encode({{"optimizer", std::string("adam")}}), UsageError);
  EXPECT_EQ(space.canonical({{"optimizer", std::string("none")}, {"momentum", 0.3}}), none);
}

TEST(Space, RefusesConditionsThatAreNone) {
  const auto refused = [](std::vector<Parameter> parameters, const std::string& why) {
    try {
      (void)Space(std::move(parameters));
      ADD_FAILURE() << why;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
    }
  };
  const Parameter c = categorical("c", {"a", "b"});
  refused({c, only_when(real("r", 0, 1), "d", {"a"})}, "no parameter");
  refused({real("s", 0, 1), only_when(real("r", 0, 1), "s", {0.5})}, "real number");
  refused({c, only_when(real("r", 0, 1), "c", {"x"})}, "no choice 'x'");
  refused({c, only_when(real("r", 0, 1), "c", {})}, "none is named");
  refused({integer("k", 1, 3), only_when(real("r", 0, 1), "k", {std::int64_t{4}})}, "1 .. 3");
  refused({only_when(integer("k", 1, 3), "k", {std::int64_t{1}})}, "circle");
  refused({only_when(integer("k", 1, 3), "l", {std::int64_t{1}}),
           only_when(integer("l", 1, 3), "k", {std::int64_t{1}})},
          "circle");
}

TEST(Space, RangesMayBeWideAndNegative) {
  const Space space({real("wide", 1e-300, 1e300, true), real("all", -1e300, 1e300),
                     real("below", -9, -3), integer("minus", -7, -2)});
  Random random(1, "ranges");
  for (int i = 0; i < 200; ++i) {
    std::vector<double> x(space.dimensions());
    for (double& coordinate : x) coordinate = random.uniform();
    const Values values = space.decode(x);
    const double wide = std::get<double>(values.at("wide"));
    EXPECT_TRUE(wide >= 1e-300 && wide <= 1e300);
    EXPECT_TRUE(std::isfinite(std::get<double>(values.at("all"))));
    EXPECT_LE(std::get<double>(values.at("below")), -3);
    EXPECT_EQ(space.encode(values), space.snap(x));
  }
  EXPECT_NEAR(space.encode(space.decode({0.5, 0.5, 0.5, 0.5}))[0], 0.5, 1e-9);
}

TEST(Space, CanonicalValuesHaveTheirTypes) {
  const Space space({real("rate", 0, 1), integer("epochs", 1, 5),
                     categorical("batch", {std::int64_t{32}, std::int64_t{64}})});
  const Values told{{"rate", std::int64_t{1}}, {"epochs", 2.0}, {"batch", std::string("64")}};
  EXPECT_EQ(space.canonical(told),
            (Values{{"rate", 1.0}, {"epochs", std::int64_t{2}}, {"batch", std::int64_t{64}}}));
  const Values exact{
      {"rate", 0.1234567890123456}, {"epochs", std::int64_t{2}}, {"batch", std::int64_t{32}}};
  EXPECT_EQ(space.canonical(exact), exact) << "reals stay to the last digit";
  EXPECT_THROW((void)space.canonical({{"rate", 0.5}}), UsageError);
  EXPECT_THROW((void)space.canonical({{"x", 1.0}}), UsageError);
  Values wrong = exact;
  wrong["epochs"] = 2.5;
  EXPECT_THROW((void)space.canonical(wrong), UsageError);
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
    (void)Space({real("fine", 0, 1), real("wrong", 2, 1)});
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
