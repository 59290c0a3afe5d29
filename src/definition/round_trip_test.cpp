#include <random>

#include <doctest/doctest.h>

#include "catalog/catalog.h"
#include "definition/plan.h"
#include "definition/test_home.h"

namespace millrace::definition {
namespace {

/// Definitions as nobody would write them, from one seed.
class Inventor {
 public:
  explicit Inventor(unsigned seed) : random_(seed) {}

  Connection connection(const std::string& name) {
    Connection connection{.name = name, .kind = "postgres", .settings = {}, .managed_by = {}};
    const char* plain[] = {"5432", "-7", "-0", "007", "9223372036854775808", "true", "True", "1.0"};
    for (const char* setting : {"host", "database", "user"}) {
      connection.settings[setting] = coin() ? text() : plain[below(std::size(plain))];
    }
    if (coin()) connection.settings["password"] = coin() ? "env:SHOP" : "file:secrets/shop";
    return connection;
  }

  Ingestion ingestion(int number) {
    Ingestion ingestion;
    ingestion.handle = "i-" + std::to_string(number);
    ingestion.name = coin() ? ingestion.handle : text() + std::to_string(number);
    ingestion.connection = "shop";
    ingestion.kind = "postgres";
    ingestion.definition.dataset = kDatasets[below(4)];
    ingestion.definition.query = text() + (coin() ? "{{day}}" : "");
    ingestion.definition.zone = "UTC-8";
    if (coin()) {
      const char* types[] = {"date", "text", "integer"};
      ingestion.definition.partition =
          Partition{text(), types[below(3)], static_cast<int>(below(9))};
    }
    ingestion.definition.mapping = mapping(ingestion.definition.dataset);
    if (coin())
      ingestion.limits.max_rejected.rows = below(1000);
    else
      ingestion.limits.max_rejected.percent = below(1000) / 10.0;
    ingestion.limits.shrink_max_percent = below(101);
    ingestion.limits.allow_empty = coin();
    if (coin()) ingestion.audience.owner = "data+x'y@example.com";
    if (coin()) ingestion.audience.subscribers = {"ana@example.com", "b#{}@example.com"};
    if (coin()) ingestion.audience.slack = {"#données", "C0123456789"};
    ingestion.audience.include_rows = coin();
    if (coin()) ingestion.upkeep.schedule.ready = {{Gate::Kind::Sql, text()}};
    if (coin()) ingestion.upkeep.schedule.ready.push_back({Gate::Kind::Table, text()});
    if (coin()) ingestion.upkeep.schedule.ready.push_back({Gate::Kind::Call, ""});
    return ingestion;
  }

 private:
  unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  bool coin() { return below(2) == 0; }

  /// One to eight pieces, most of them awkward in TOML.
  std::string text() {
    const char* pieces[] = {"a",  "'", "\"",   "'''",  "\"\"\"", "\\", "\n",  "\r\n",
                            "\t", " ", "#",    "é",    "😀",     "=",  "[x]", "\\n",
                            "{",  "}", "\x7f", "\x01", "*x",     ","};
    std::string text;
    for (unsigned i = 0; i <= below(8); ++i)
      text += pieces[below(static_cast<unsigned>(std::size(pieces)))];
    // A folder of braces would be a placeholder.
    return text.find("{{") == std::string::npos ? text : "plain";
  }
  std::string maybe() { return coin() ? text() : ""; }
  /// A text that keeps the rules on names.
  std::string stored_name() {
    std::string name = text();
    std::erase_if(name, [](char c) { return kForbiddenInNames.find(c) != std::string::npos; });
    return name.empty() ? "plain" : name;
  }
  Field field() { return coin() ? Field{stored_name(), true} : Field{text(), false}; }
  Named named() {
    Named named;
    for (unsigned i = 0; i <= below(4); ++i) named.emplace_back(text() + std::to_string(i), text());
    return named;
  }
  Named units() {
    Named units;
    if (coin()) units.emplace_back("stableID", text());
    if (units.empty() || coin()) units.emplace_back("userID", text());
    return units;
  }

  void time(Mapping& mapping) {
    mapping.timestamp = text();
    if (coin()) mapping.timestamp_zone = "America/New_York";
    if (coin()) mapping.timestamp_unit = TimeUnit::Milliseconds;
  }
  void metadata(Mapping& mapping) {
    mapping.metadata_all = coin();
    if (!mapping.metadata_all && coin()) mapping.metadata = named();
    mapping.metadata_object = maybe();
  }
  void metrics(Mapping& mapping) {
    mapping.date = text();
    if (coin()) {
      mapping.units = units();
      for (const auto& [key, column] : named()) {
        const std::string name = stored_name() + std::to_string(mapping.metrics.size());
        mapping.metrics.push_back(coin() ? WideMetric{name, column, "", ""}
                                         : WideMetric{name, "", column, text()});
      }
    } else {
      mapping.unit_id = {text(), false};
      mapping.id_type = coin() ? Field{"userID", true} : Field{text(), false};
      mapping.metric_name = field();
      mapping.metric_value = text();
      if (coin()) mapping.numerator = text(), mapping.denominator = text();
    }
    const OnDuplicate rules[] = {OnDuplicate::Reject, OnDuplicate::Sum, OnDuplicate::Last};
    mapping.on_duplicate = rules[below(3)];
    if (mapping.on_duplicate == OnDuplicate::Last) mapping.order_by = text();
  }

  Mapping mapping(Dataset dataset) {
    Mapping mapping;
    if (dataset == Dataset::Metrics) {
      metrics(mapping);
      return mapping;
    }
    mapping.ids = units();
    if (dataset != Dataset::EntityProperties || coin()) time(mapping);
    if (dataset == Dataset::EntityProperties) {
      mapping.properties_all = coin();
      if (!mapping.properties_all) mapping.properties = named();
      return mapping;
    }
    metadata(mapping);
    if (dataset == Dataset::Exposures) {
      mapping.experiment = field();
      mapping.group_id = field();
      return mapping;
    }
    mapping.event_name = field();
    mapping.event_value = maybe();
    if (coin()) mapping.dedupe = {text(), text()};
    return mapping;
  }

  std::mt19937 random_;
};

}  // namespace

TEST_CASE("any definition written as TOML reads back as itself") {
  const TestHome home;
  const Configuration configuration = home.configuration();
  for (unsigned seed = 1; seed <= 300; ++seed) {
    CAPTURE(seed);
    Inventor inventor(seed);
    const Connection connection = inventor.connection("shop");
    const Ingestion ingestion = inventor.ingestion(1);
    const std::string toml = to_toml(connection) + "\n" + to_toml(ingestion);
    CAPTURE(toml);
    home.write("x.toml", toml);

    const FileSet files = read_files(home.path() / "x.toml", configuration);

    REQUIRE(files.connections.size() == 1);
    CHECK(files.connections[0].settings == connection.settings);
    REQUIRE(files.ingestions.size() == 1);
    CHECK(files.ingestions[0].name == ingestion.name);
    CHECK(files.ingestions[0].definition == ingestion.definition);
    CHECK(files.ingestions[0].limits == ingestion.limits);
    CHECK(files.ingestions[0].audience == ingestion.audience);
    CHECK(to_toml(files.ingestions[0]) == to_toml(ingestion));
  }
}

TEST_CASE("whatever is exported and applied again is an empty plan") {
  const TestHome home;
  const Configuration configuration = home.configuration();
  for (unsigned seed = 1; seed <= 10; ++seed) {
    CAPTURE(seed);
    Inventor inventor(1000 + seed);
    const auto path = home.path() / ("catalog-" + std::to_string(seed) + ".db");
    catalog::Catalog catalog({.path = path}, real_env());
    FileSet files{.origin = "a.toml", .connections = {inventor.connection("shop")}};
    for (int i = 0; i < 8; ++i) files.ingestions.push_back(inventor.ingestion(i));
    apply(files, catalog, false);

    home.write("export.toml", export_toml(catalog, ""));
    const FileSet exported = read_files(home.path() / "export.toml", configuration);

    const Plan again = plan(exported, catalog, true);
    for (const Change& change : again.changes) {
      for (const std::string& detail : change.details) CHECK_MESSAGE(false, detail);
    }
    CHECK(again.changes.size() == 9);
    CHECK(again.empty());
  }
}

}  // namespace millrace::definition
