// The frame of a section of the page.
#pragma once

#include <fmt/core.h>

#include <string>

namespace paretiny::report {

/// The begin of `<section id="...">` with its heading; `note` is HTML. "</section>\n" ends it.
inline std::string section_head(const char* id, const char* title, const std::string& note) {
  return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n<p class=\"note\">{}</p>\n", id, title,
                     note);
}

}  // namespace paretiny::report
