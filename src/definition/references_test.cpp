#include <cstdlib>
#include <fstream>

#include <doctest/doctest.h>

#include "definition/tables.h"
#include "definition/test_home.h"
#include "definition/vault.h"

namespace millrace::definition {
namespace {

std::map<std::string, std::string> resolve(const Connection& connection,
                                           const std::filesystem::path& home) {
  catalog::Catalog catalog({.path = home / "catalog.db"}, real_env());
  Vault vault(home, catalog, real_env());
  return definition::resolve(connection, home, vault);
}

Connection with_password(const std::string& value) {
  return {.name = "shop", .kind = "postgres", .settings = {{"password", value}}, .managed_by = {}};
}

}  // namespace

TEST_CASE("a reference becomes the value behind it, other settings stay as they are") {
  const TestHome home;
  home.write("secrets/shop", "pass word\n");
  setenv("MILLRACE_TEST_SECRET", "hunter2", 1);
  Connection connection = with_password("file:secrets/shop");
  connection.settings["host"] = "db.example";
  connection.settings["user"] = "env:MILLRACE_TEST_SECRET";

  const auto settings = resolve(connection, home.path());

  CHECK(settings.at("password") == "pass word");
  CHECK(settings.at("host") == "db.example");
  CHECK(settings.at("user") == "hunter2");
  unsetenv("MILLRACE_TEST_SECRET");
}

TEST_CASE("a secret that is not there is named, with what to do") {
  const TestHome home;
  CHECK(refusal([&] { resolve(with_password("env:MILLRACE_TEST_ABSENT"), home.path()); }) ==
        "password of connection shop is read from the environment variable MILLRACE_TEST_ABSENT, "
        "which is not set\nSet it before you start: export MILLRACE_TEST_ABSENT=…");
  CHECK(refusal([&] { resolve(with_password("file:secrets/shop"), home.path()); }) ==
        "password of connection shop is read from " + (home.path() / "secrets/shop").string() +
            ", which is not there\nWrite the secret into that file and let only its owner read it "
            "(chmod 600)");
}

TEST_CASE("no reference leads out of the home") {
  const TestHome home;
  const TestHome elsewhere;
  elsewhere.write("secret", "theirs");
  std::filesystem::create_symlink(elsewhere.path() / "secret", home.path() / "link");

  for (const std::string value : {"file:/etc/passwd", "file:../secret", "file:secrets/../../x",
                                  "file:", "env:", "env:A B", "env:1A", "file:link"}) {
    CAPTURE(value);
    CHECK(refusal([&] { resolve(with_password(value), home.path()); }) != "");
  }
}

}  // namespace millrace::definition
