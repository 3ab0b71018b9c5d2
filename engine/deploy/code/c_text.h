// Words of people in generated text. Private to this folder.
#pragma once

#include <string>
#include <string_view>

namespace paretiny::deploy {

/// Text for the inside of a C comment, /* */, and for the end of a line of it: no name ends the
/// comment, begins another, makes a trigraph or joins lines.
std::string comment_text(std::string_view text);

/// Text for a line of Markdown, also in a table: what Markdown or HTML would take as markup is
/// escaped.
std::string markdown_text(std::string_view text);

}  // namespace paretiny::deploy
