#include "nas/study/location.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace paretiny::study {
namespace {

TEST(Location, IsAFileOrANameInADatabase) {
  EXPECT_TRUE(Location("studies/a.sqlite").is_file());
  EXPECT_EQ(Location("studies/a.sqlite").text(), "studies/a.sqlite");
  EXPECT_TRUE(Location("postgresql.sqlite").is_file());
  const Location place("postgresql://user@host:5432/db?sslmode=verify-full&study=my%20study&x=1");
  EXPECT_FALSE(place.is_file());
  EXPECT_EQ(place.database(), "postgresql://user@host:5432/db?sslmode=verify-full&x=1");
  EXPECT_EQ(place.name(), "my study");
  EXPECT_EQ(place.text(),
            "postgresql://user@host:5432/db?sslmode=verify-full&x=1&study=my%20study");
  EXPECT_EQ(Location("postgres:///db").text(), "postgres:///db");
  EXPECT_EQ(Location("postgres:///db").name(), "");
}

TEST(Location, AStoreAndANameAreAStudy) {
  EXPECT_EQ(Location::in("a.sqlite", "x").text(), "a.sqlite");
  EXPECT_EQ(Location::in("postgresql:///db", "x").text(), "postgresql:///db?study=x");
  EXPECT_EQ(Location::in("postgresql:///db?study=y", "x").name(), "y");
}

TEST(Location, RefusesAPasswordAndDoesNotRepeatIt) {
  for (const char* text :
       {"postgresql://user:hunter2@host/db", "postgres://:hunter2@host/db",
        "postgresql://user:hunter2/x@host/db", "postgresql://user:hunter2?x@host/db",
        "postgresql://user:a@hunter2@host/db", "postgresql://host/db?password=hunter2",
        "postgresql://host/db?study=a&password=hunter2", "postgresql://host/db?p%61ssword=hunter2",
        "postgresql://host/db?sslpassword=hunter2", "postgresql://user:hunter2@h1:1,h2:2/db"}) {
    try {
      const Location place(text);
      ADD_FAILURE() << text;
    } catch (const UsageError& error) {
      EXPECT_EQ(std::string(error.what()).find("hunter2"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("PGPASSWORD"), std::string::npos);
    }
  }
  EXPECT_NO_THROW(Location("postgresql://user@h1:5432,h2:5433/db?passfile=/x"));
}

TEST(Location, MessagesShowNoPassword) {
  EXPECT_EQ(without_passwords("'postgresql://u:p@h/db' was not expected"),
            "'postgresql://u:...@h/db' was not expected");
  EXPECT_EQ(without_passwords("postgres://h/db?password=p&x=1"),
            "postgres://h/db?password=...&x=1");
  EXPECT_EQ(without_passwords("a:b@c is no address"), "a:b@c is no address");
  EXPECT_EQ(without_passwords("postgresql://u@h:5432/db"), "postgresql://u@h:5432/db");
}

}  // namespace
}  // namespace paretiny::study
