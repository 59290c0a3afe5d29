#include "definition/files.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/scratch_folder.h"
#include "definition/test_home.h"
#include "golden.h"

namespace millrace::definition {
namespace {

constexpr const char* kShop =
    "[connection.shop]\nkind = \"postgres\"\nhost = \"127.0.0.1\"\nport = 5432\n"
    "database = \"shop\"\nuser = \"reader\"\npassword = \"env:SHOP_PASSWORD\"\n";

constexpr const char* kPurchases = R"(
[ingestion.purchases]
name = "Purchases 1"
connection = "shop"
dataset = "events"
query = "select * from purchases where ts >= {{day_start}} and ts < {{day_end}}"
partition = { column = "ds", type = "text", lag_days = 1 }
[ingestion.purchases.mapping]
event_name = "kind"
timestamp = "ts"
timestamp_zone = "UTC"
timestamp_unit = "ms"
ids = { stableID = "device_id", userID = "user_id" }
event_value = "amount"
metadata = { plan = "plan", page = "page" }
metadata_object = "props"
dedupe = ["event_id"]
[ingestion.purchases.limits]
max_rejected = 500
shrink_max = "12.5%"
allow_empty = true
)";

Mapping mapping_of(const TestHome& home, const std::string& dataset, const std::string& mapping) {
  home.write("one.toml", "[ingestion.one]\nconnection = \"shop\"\ndataset = \"" + dataset +
                             "\"\nquery = \"select 1\"\n[ingestion.one.mapping]\n" + mapping);
  return home.read("one.toml").ingestions.at(0).definition.mapping;
}

}  // namespace

TEST_CASE("every key of a connection and of an events ingestion arrives") {
  const TestHome home;
  home.write("shop.toml", std::string(kShop) + kPurchases);

  const FileSet files = home.read("shop.toml");

  CHECK(files.origin == "shop.toml");
  REQUIRE(files.connections.size() == 1);
  CHECK(files.connections[0].name == "shop");
  CHECK(files.connections[0].kind == "postgres");
  CHECK(files.connections[0].settings.at("port") == "5432");
  CHECK(files.connections[0].settings.at("password") == "env:SHOP_PASSWORD");
  CHECK(files.connections[0].managed_by == "file:shop.toml");
  REQUIRE(files.ingestions.size() == 1);
  const Ingestion& ingestion = files.ingestions[0];
  CHECK(ingestion.handle == "purchases");
  CHECK(ingestion.name == "Purchases 1");
  CHECK(ingestion.kind == "postgres");
  CHECK(ingestion.definition.dataset == Dataset::Events);
  CHECK(ingestion.definition.zone == "UTC-8");
  CHECK(ingestion.definition.partition == Partition{"ds", "text", 1});
  CHECK(ingestion.limits.max_rejected.rows == 500);
  CHECK(ingestion.limits.shrink_max_percent == 12.5);
  CHECK(ingestion.limits.allow_empty);
  const Mapping& mapping = ingestion.definition.mapping;
  CHECK(mapping.event_name == Field{"kind", false});
  CHECK(mapping.timestamp == "ts");
  CHECK(mapping.timestamp_zone == "UTC");
  CHECK(mapping.timestamp_unit == TimeUnit::Milliseconds);
  CHECK(mapping.ids == Named{{"stableID", "device_id"}, {"userID", "user_id"}});
  CHECK(mapping.event_value == "amount");
  CHECK(mapping.metadata == Named{{"plan", "plan"}, {"page", "page"}});
  CHECK(mapping.metadata_object == "props");
  CHECK(mapping.dedupe == std::vector<std::string>{"event_id"});
}

TEST_CASE("a wide table of metrics") {
  const TestHome home;
  const Mapping mapping = mapping_of(
      home, "metrics",
      "date = \"ds\"\nunits = { userID = \"user_id\", stableID = \"device_id\" }\n"
      "metrics = { revenue = \"rev\", conversion = { numerator = \"orders\", denominator = "
      "\"visits\" } }\non_duplicate = \"last\"\norder_by = \"updated_at\"\n");

  CHECK(mapping.date == "ds");
  CHECK(mapping.units == Named{{"userID", "user_id"}, {"stableID", "device_id"}});
  CHECK(mapping.metrics == std::vector<WideMetric>{{"revenue", "rev", "", ""},
                                                   {"conversion", "", "orders", "visits"}});
  CHECK(mapping.on_duplicate == OnDuplicate::Last);
  CHECK(mapping.order_by == "updated_at");
}

TEST_CASE("a long table of metrics, whose type may be a literal") {
  const TestHome home;
  const Mapping mapping =
      mapping_of(home, "metrics",
                 "date = \"ds\"\nunit_id = \"id\"\nid_type = { literal = \"userID\" }\n"
                 "metric_name = \"metric\"\nmetric_value = \"v\"\nnumerator = \"n\"\n"
                 "denominator = \"d\"\n");

  CHECK(mapping.unit_id == Field{"id", false});
  CHECK(mapping.id_type == Field{"userID", true});
  CHECK(mapping.metric_name == Field{"metric", false});
  CHECK(mapping.metric_value == "v");
  CHECK(mapping.numerator == "n");
  CHECK(mapping.denominator == "d");
}

TEST_CASE("exposures and entity properties") {
  const TestHome home;
  const Mapping exposures =
      mapping_of(home, "exposures",
                 "experiment = { literal = \"checkout\" }\ngroup_id = \"variant\"\n"
                 "timestamp = \"ts\"\nids = { userID = \"u\" }\nmetadata = \"*\"\n");
  CHECK(exposures.experiment == Field{"checkout", true});
  CHECK(exposures.group_id == Field{"variant", false});
  CHECK(exposures.metadata_all);

  const Mapping properties =
      mapping_of(home, "entity_properties", "ids = { userID = \"u\" }\nproperties = \"*\"\n");
  CHECK(properties.properties_all);
  CHECK(properties.timestamp.empty());
}

TEST_CASE("query_file is relative to the file that names it, and loses its last line break") {
  const TestHome home;
  home.write("team/sql/kpi.sql", "\xEF\xBB\xBFselect *\nfrom kpi\n\n");
  home.write("team/kpi.toml",
             "[ingestion.kpi]\nconnection = \"shop\"\ndataset = \"metrics\"\n"
             "query_file = \"sql/kpi.sql\"\n[ingestion.kpi.mapping]\ndate = \"ds\"\n"
             "units = { userID = \"u\" }\nmetrics = { revenue = \"rev\" }\n");

  CHECK(home.read("team/kpi.toml").ingestions.at(0).definition.query == "select *\nfrom kpi");
}

TEST_CASE("query_file names no file from elsewhere, and no secret") {
  const TestHome home;
  home.write("secrets/shop", "select 'hunter2'");
  home.write("sql/kpi.sql", "select 1");
  const auto kpi = [](const std::string& query_file) {
    return "[ingestion.kpi]\nconnection = \"shop\"\ndataset = \"metrics\"\nquery_file = \"" +
           query_file +
           "\"\n[ingestion.kpi.mapping]\ndate = \"ds\"\nunits = { userID = \"u\" }\n"
           "metrics = { revenue = \"rev\" }\n";
  };
  const auto refusal = [&](const std::string& query_file) {
    home.write("team/kpi.toml", kpi(query_file));
    try {
      home.read("team/kpi.toml");
    } catch (const Error& error) {
      CHECK(error.code == "bad_toml");
      CHECK(error.where == "team/kpi.toml:4:14");
      return std::string(error.what());
    }
    return std::string("accepted");
  };

  CHECK(refusal("../sql/kpi.sql") == "accepted");
  CHECK(refusal("../secrets/shop").ends_with("/secrets/shop is a secret, not a query"));
  CHECK(refusal("/etc/passwd").starts_with("/etc/passwd lies outside "));
  CHECK(refusal("../../../etc/passwd").find("etc/passwd lies outside ") != std::string::npos);
  std::filesystem::create_symlink("/etc/passwd", home.path() / "team" / "link.sql");
  CHECK(refusal("link.sql").find("link.sql lies outside ") != std::string::npos);

  const ScratchFolder elsewhere;
  std::ofstream(elsewhere.path() / "kpi.toml") << kpi((home.path() / "sql/kpi.sql").string());
  CHECK_THROWS_AS(home.read((elsewhere.path() / "kpi.toml").string()), Error);
}

TEST_CASE("a kind that reads folders takes one in place of a query, and then no date either") {
  const TestHome home;
  home.write(
      "kpi.toml",
      "[connection.lake]\nkind = \"files\"\npath = \"/exports\"\n"
      "[ingestion.kpi]\nconnection = \"lake\"\ndataset = \"metrics\"\nfolder = \"kpi\"\n"
      "[ingestion.kpi.mapping]\nunits = { userID = \"u\" }\nmetrics = { revenue = \"r\" }\n");

  const Definition definition = home.read("kpi.toml").ingestions.at(0).definition;

  CHECK(definition.folder == "kpi");
  CHECK(definition.query.empty());
}

TEST_CASE("a folder is read whole, sorted, without the store, secrets and hidden files") {
  const TestHome home;
  home.write("b.toml",
             "[connection.b]\nkind = \"postgres\"\nhost = \"h\"\ndatabase = \"d\"\nuser = \"u\"\n");
  home.write("a/deep.toml",
             "[connection.a]\nkind = \"postgres\"\nhost = \"h\"\ndatabase = \"d\"\nuser = \"u\"\n");
  for (const char* skipped :
       {"secrets/x.toml", "store/x.toml", ".git/x.toml", ".x.toml", "x.txt"}) {
    home.write(skipped, "not TOML at all");
  }

  const FileSet files = read_files(home.path(), home.configuration());

  CHECK(files.origin == ".");
  REQUIRE(files.connections.size() == 2);
  CHECK(files.connections[0].name == "a");
  CHECK(files.connections[0].managed_by == "file:a/deep.toml");
  CHECK(files.connections[1].name == "b");
}

TEST_CASE("the home's millrace.toml may hold definitions beside the server's tables") {
  const TestHome home;
  home.write("millrace.toml", std::string("[project]\nzone = \"UTC\"\n") + kShop);
  CHECK(home.read("millrace.toml").connections.size() == 1);
  CHECK(home.read("").connections.size() == 1);
}

TEST_CASE("server tables in any other file are refused") {
  const TestHome home;
  for (const std::string table : {"project", "store", "catalog", "files"}) {
    home.write("team/millrace.toml", "\n[" + table + "]\n");
    CHECK(refusal([&] { home.read("team"); }) ==
          "team/millrace.toml:2:2\n[" + table + "] is server configuration\nIt belongs in " +
              (home.path() / "millrace.toml").string() + " only");
  }
}

TEST_CASE("one name in two files is refused with both places") {
  const TestHome home;
  home.write("team/a.toml", kShop);
  home.write("team/b.toml", std::string("\n") + kShop);
  CHECK(refusal([&] { home.read("team"); }) ==
        "team/b.toml:2:13\nconnection shop is defined twice, first in team/a.toml:1:13\n"
        "Keep one of the two, or give one another name");
}

TEST_CASE("a file outside the home may refer to what is kept in the catalog, and to nothing else") {
  const TestHome home;
  const TestHome elsewhere;
  const auto path = elsewhere.write("shop.toml", kShop);
  CHECK(refusal([&] { read_files(path, home.configuration()); }) ==
        path.string() +
            ":7:12\n\"password\" refers to a secret of this machine, but this file does not lie "
            "under the home " +
            home.path().string() +
            ", and could send it anywhere\nWrite password = \"secret:shop.password\", apply, and "
            "set "
            "it with `millrace secret set shop.password`; or move the file under the home");

  std::filesystem::create_symlink(path, home.path() / "shop.toml");
  CHECK(refusal([&] { home.read("shop.toml"); }) != "");

  std::string text = kShop;
  text.replace(text.find("env:"), text.find('"', text.find("env:")) - text.find("env:"),
               "secret:shop.password");
  elsewhere.write("shop.toml", text);
  const FileSet files = read_files(path, home.configuration());
  CHECK(files.connections.at(0).settings.at("password") == "secret:shop.password");
}

TEST_CASE("a set with a name is the same wherever its files lie, and no file of the home") {
  const TestHome home;
  home.write("team/deep/a.toml", "");
  home.write("team/b.toml", "");
  for (const char* path : {"team", "team/", "team/../team/."}) {
    const FileTexts texts = gather(home.path() / path, home.configuration(), "x/y");
    CHECK(texts.origin == "//x/y");
    REQUIRE(texts.files.size() == 2);
    CHECK(texts.files[0].name == "//x/y/b.toml");
    CHECK(texts.files[1].name == "//x/y/deep/a.toml");
    CHECK_FALSE(texts.files[0].under_home);
  }
  CHECK(gather(home.path() / "team/b.toml", home.configuration(), "x").origin == "//x/b.toml");
  CHECK_FALSE(gather(home.path(), home.configuration(), "x").files.at(0).is_configuration);
  for (const char* name : {"/", "/x", "x/", "x//y", ".", "..", "x/../y", "./x", "x\ny"}) {
    CAPTURE(name);
    CHECK_FALSE(is_set_name(name));
    CHECK(refusal([&] { gather(home.path(), home.configuration(), name); }) != "");
  }
}

TEST_CASE("a literal secret is refused and never shown") {
  const TestHome home;
  home.write(
      "shop.toml",
      "[connection.shop]\nkind = \"postgres\"\nhost = \"h\"\ndatabase = \"d\"\nuser = \"u\"\n"
      "password = \"hunter2\"\n");
  const std::string refused = refusal([&] { home.read("shop.toml"); });
  CHECK(refused.find("hunter2") == std::string::npos);
  CHECK(refused ==
        "shop.toml:6:12\n\"password\" of connection shop stands here in clear text\n"
        "Write password = \"env:SHOP_PASSWORD\" or password = \"file:secrets/shop\", or let "
        "`millrace connection add postgres shop` ask for it");
}

TEST_CASE("the example of the demo is accepted as it stands") {
  const TestHome home;
  home.write("millrace.toml",
             "[project]\nunit_types = [\"tailnum\", \"carrier\"]\n"
             "[files]\nroots = [\"/exports\"]\n");
  home.write("flights.toml", golden::content(golden::source("examples/flights/flights.toml")));

  const FileSet files = home.read("flights.toml");

  CHECK(files.connections.size() == 1);
  CHECK(files.ingestions.size() == 3);
}

TEST_CASE("a path without TOML files is refused") {
  const TestHome home;
  std::filesystem::create_directories(home.path() / "empty");
  CHECK(refusal([&] { home.read("nowhere.toml"); }) ==
        "there is no " + (home.path() / "nowhere.toml").string() +
            "\nName a TOML file, or a folder of them");
  CHECK(refusal([&] { home.read("empty"); }) == "there is no .toml file in " +
                                                    (home.path() / "empty").string() +
                                                    "\nName a TOML file, or a folder of them");
}

}  // namespace millrace::definition
