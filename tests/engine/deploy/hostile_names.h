// Names that are code, markup or no text at all, in a model wherever it has names.
#pragma once

#include <string>
#include <vector>

#include "tests/engine/deploy/random_network.h"

namespace paretiny::test {

inline const std::vector<std::string> kHostile = {
    "*/ int x; /*",
    "*",
    "/",
    "**//* */",
    "*\\",
    "ends in a backslash \\",
    "?\?/",
    "a ?\?/ b ??\?/ c",
    "// line",
    "\"quoted\" 'name' %n%s%d",
    "two\nlines\r\n#define int long",
    "#error no",
    std::string("nul\0inside", 10),
    "\x01\x1b[31m\x7f",
    "\xff\xfe\x80 \xc3",
    "Kl\xc3\xa4sse \xe2\x80\xae*/ x\xe2\x80\xa6",
    "\xe2\x80\xa8line separator\xc2\x85",
    "",
    "</script><script>alert(1)</script>",
    "${CMAKE_COMMAND} $ENV{HOME} $<1:x> ;\")",
};

/// Different seeds are different networks of different shapes.
inline deploy::DeployedModel hostile_model(std::uint64_t seed) {
  deploy::DeployedModel model =
      deployed(random_network(random_graph(seed), seed), kHostile.front());
  for (std::size_t i = 0; i < model.classes.size(); ++i) {
    model.classes[i] = kHostile[i % kHostile.size()];
  }
  for (std::size_t i = 0; i < model.network.steps.size(); ++i) {
    model.network.steps[i].name = kHostile[i % kHostile.size()];
    model.network.tensors[i].name = kHostile[(i + 7) % kHostile.size()];
  }
  return model;
}

}  // namespace paretiny::test
