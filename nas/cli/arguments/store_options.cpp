#include "nas/cli/arguments/store_options.h"

namespace paretiny::cli {

void StoreOptions::add_to(CLI::App& command) {
  command
      .add_option("store", store,
                  "the study's file, or its database: postgresql://user@host/db (docs/scale.md)")
      ->required();
  command.add_option("study", study, "the study's name in the database");
}

}  // namespace paretiny::cli
