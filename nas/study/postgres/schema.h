// The tables that studies have in a database: the schema `paretiny`, its versions, and the views
// that people read (docs/scale.md). Private to this folder.
#pragma once

#include "nas/study/postgres/connection.h"

namespace paretiny::study::postgres {

/// What this program makes and writes. Every older one, from 1, can be read, and is brought to it.
inline constexpr std::int64_t kSchema = 2;

/// The version of the tables there; 0 where there are none. Throws StoreError for tables of
/// something else, and for a newer version.
std::int64_t schema_version(Connection& connection, const Location& location);

/// Makes the tables, or brings those of an older version to this one: whole or not at all, whoever
/// else does so at the same time.
void make_schema(Connection& connection, const Location& location);

}  // namespace paretiny::study::postgres
