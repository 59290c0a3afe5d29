#include "definition/plan.h"

#include <doctest/doctest.h>

#include "catalog/fixture.h"
#include "definition/test_home.h"

namespace millrace::definition {
namespace {

using What = Change::What;

constexpr const char* kShop =
    "[connection.shop]\nkind = \"postgres\"\nhost = \"h\"\ndatabase = \"d\"\nuser = \"u\"\n\n";

std::string events(const std::string& handle, const std::string& query = "select 1") {
  return "[ingestion." + handle + "]\nconnection = \"shop\"\ndataset = \"events\"\nquery = '''\n" +
         query + "'''\n[ingestion." + handle +
         ".mapping]\nevent_name = \"kind\"\ntimestamp = \"ts\"\nids = { userID = \"u\" }\n\n";
}

/// A home with an open catalog.
struct Place {
  TestHome home;
  catalog::Catalog catalog{{.path = home.path() / "catalog.db"}, real_env()};

  Plan plan(const std::string& path, bool prune = false) {
    return definition::plan(home.read(path), catalog, prune);
  }
  Plan apply(const std::string& path, bool prune = false) {
    return definition::apply(home.read(path), catalog, prune);
  }
  Plan apply_text(const std::string& text, const std::string& path = "a.toml") {
    home.write(path, text);
    return apply(path);
  }
};

const Change* change_of(const Plan& plan, const std::string& name) {
  for (const Change& change : plan.changes) {
    if (change.name == name) return &change;
  }
  return nullptr;
}

What what_of(const Plan& plan, const std::string& name) {
  const Change* change = change_of(plan, name);
  REQUIRE(change);
  return change->what;
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("a plan says what would be added, and adds nothing") {
  Place place;
  place.home.write("a.toml", kShop + events("buys"));

  const Plan plan = place.plan("a.toml");

  CHECK_FALSE(plan.empty());
  CHECK(what_of(plan, "shop") == What::Add);
  CHECK(what_of(plan, "buys") == What::Add);
  CHECK(place.catalog.connections().empty());
  CHECK(place.catalog.ingestions().empty());
}

TEST_CASE("what was applied is an empty plan") {
  Place place;
  place.apply_text(kShop + events("buys"));

  REQUIRE(place.catalog.ingestions().size() == 1);
  CHECK(place.catalog.ingestion("buys").kind == "postgres");
  CHECK(place.catalog.ingestion("buys").managed_by == "file:a.toml");
  CHECK(place.plan("a.toml").empty());
}

TEST_CASE("an ingestion may read from a connection that another file made") {
  Place place;
  place.apply_text(kShop, "connections/shop.toml");
  place.apply_text(events("buys"));

  CHECK(place.catalog.ingestion("buys").kind == "postgres");
}

TEST_CASE("a connection that nobody made is refused, and nothing of the files is applied") {
  Place place;
  CHECK(refusal([&] {
          place.apply_text(kShop + events("buys") + "[ingestion.more]\n" +
                           "connection = \"shpo\"\n" +
                           events("x").substr(sizeof("[ingestion.x]\nconnection = \"shop\"\n") - 1,
                                              std::string::npos));
        }) != "");
  CHECK(place.catalog.connections().empty());

  place.home.write("b.toml", events("buys").replace(events("buys").find("shop"), 4, "shpo"));
  place.apply_text(kShop);
  CHECK(
      refusal([&] { place.plan("b.toml"); }) ==
      "b.toml:2:14\ningestion buys reads from connection shpo, which does not exist; did you mean "
      "\"shop\"?\nThe connections are shop");
}

TEST_CASE("a folder is refused where the connection in the catalog is of a kind without folders") {
  Place place;
  place.apply_text(kShop, "shop.toml");
  std::string folder = events("buys");
  folder.replace(folder.find("query"), folder.find("\n[") - folder.find("query"),
                 "folder = \"buys\"");
  place.home.write("b.toml", folder);

  CHECK(refusal([&] { place.plan("b.toml"); }) ==
        "b.toml:2:14\n\"folder\" does not apply to shop, which is a connection of kind postgres\n"
        "Write a query");
}

TEST_CASE("a changed definition says what changed and how many days carry the old one") {
  Place place;
  place.apply_text(kShop + events("buys", "select *\nfrom buys"));
  const Ingestion buys = place.catalog.ingestion("buys");
  catalog::fixture::load_day(place.catalog, buys, 10, *Day::parse("2026-11-01"));
  catalog::fixture::load_day(place.catalog, buys, 10, *Day::parse("2026-11-02"));

  const Plan done = place.apply_text(kShop + events("buys", "select *\nfrom bought"));

  const Change* change = change_of(done, "buys");
  REQUIRE(change);
  CHECK(change->what == What::Update);
  CHECK(change->changes_definition);
  CHECK(change->stale_days == 2);
  CHECK(change->details == Lines{"query: 2 lines -> 2 lines; the first difference: from buys -> "
                                 "from bought"});
  CHECK(place.catalog.stale_days(buys.id).size() == 2);
  CHECK(place.catalog.ingestion("buys").id == buys.id);
}

TEST_CASE("a changed limit is no changed definition") {
  Place place;
  place.apply_text(kShop + events("buys"));
  const Plan done = place.apply_text(kShop + events("buys") +
                                     "[ingestion.buys.limits]\nmax_rejected = \"30%\"\n");

  CHECK(change_of(done, "buys")->details == Lines{"limits.max_rejected: now \"30%\""});
  CHECK_FALSE(change_of(done, "buys")->changes_definition);
  CHECK(place.catalog.ingestion("buys").limits.max_rejected.percent == 30);
}

TEST_CASE("the project's zone is part of every definition") {
  Place place;
  place.apply_text(kShop + events("buys"));
  place.home.write("millrace.toml", "[project]\nzone = \"UTC\"\n");

  const Plan plan = place.plan("a.toml");

  CHECK(change_of(plan, "buys")->details == Lines{"zone of the project: UTC-8 -> UTC"});
  CHECK(change_of(plan, "buys")->changes_definition);
}

TEST_CASE("what another file made is a conflict that names it, and stays as it is") {
  Place place;
  place.apply_text(kShop + events("buys"));
  place.home.write("b.toml", events("buys", "select 2"));
  place.home.write("c.toml",
                   std::string(kShop).replace(std::string(kShop).find("\"h\""), 3, "\"i\""));

  CHECK(refusal([&] { place.apply("b.toml"); }) ==
        "b.toml\ningestion buys is managed by a.toml, not by b.toml\nChange it there; or `millrace "
        "ingestion remove buys`, which keeps its days, and apply again");
  CHECK(refusal([&] { place.apply("c.toml"); }) ==
        "c.toml\nconnection shop is managed by a.toml, not by c.toml\nChange it there; or "
        "`millrace connection remove shop` and apply again");
  CHECK(place.catalog.ingestion("buys").definition.query == "select 1");
}

TEST_CASE("what the API made is a conflict that names the API") {
  Place place;
  place.apply_text(kShop);
  Ingestion buys = catalog::fixture::flights();
  buys.handle = buys.name = "buys";
  buys.managed_by = "api";
  place.catalog.put_ingestion(buys);
  place.home.write("b.toml", events("buys"));

  CHECK(refusal([&] { place.plan("b.toml"); }).find("ingestion buys is managed by the API") !=
        std::string::npos);
}

TEST_CASE("equal definitions from somewhere else are left to their owner") {
  Place place;
  place.apply_text(kShop + events("buys"));
  place.home.write("copy.toml", kShop + events("buys"));

  CHECK(place.plan("copy.toml", true).empty());
  place.apply("copy.toml", true);
  CHECK(place.catalog.ingestion("buys").managed_by == "file:a.toml");
}

TEST_CASE("only --prune removes, and only what the same files made") {
  Place place;
  place.apply_text(
      "[connection.other]\nkind = \"postgres\"\nhost = \"h\"\ndatabase = \"d\"\nuser = \"u\"\n",
      "other.toml");
  place.apply_text(kShop + events("buys") + events("visits"), "team/a.toml");
  place.home.write("team/a.toml", kShop + events("visits"));

  const Plan kept = place.apply("team");
  CHECK(kept.empty());
  CHECK(change_of(kept, "buys")->details == Lines{"no longer in the files; --prune removes it"});
  CHECK(place.catalog.ingestions().size() == 2);

  const Plan pruned = place.apply("team", true);
  CHECK(what_of(pruned, "buys") == What::Remove);
  CHECK(change_of(pruned, "other") == nullptr);
  CHECK(place.catalog.ingestions().size() == 1);
  CHECK(place.catalog.connections().size() == 2);
}

TEST_CASE("a connection and its last ingestion are pruned together") {
  Place place;
  place.apply_text(kShop + events("buys"), "team/a.toml");
  place.home.write("team/a.toml", "# nothing left\n");

  place.apply("team", true);

  CHECK(place.catalog.ingestions().empty());
  CHECK(place.catalog.connections().empty());
}

TEST_CASE("a connection that something still uses is not pruned") {
  Place place;
  place.apply_text(kShop, "team/a.toml");
  place.apply_text(events("buys"), "b.toml");
  place.home.write("team/a.toml", "# nothing left\n");

  CHECK(refusal([&] { place.apply("team", true); }) ==
        "team\nconnection shop cannot be removed: ingestion buys uses it\nLet it use another "
        "connection, or keep this one in the files");
  CHECK(place.catalog.connections().size() == 1);
}

TEST_CASE("a removed ingestion comes back with its id and its days") {
  Place place;
  place.apply_text(kShop + events("buys"));
  const Ingestion buys = place.catalog.ingestion("buys");
  catalog::fixture::load_day(place.catalog, buys, 10, *Day::parse("2026-11-01"));
  place.home.write("a.toml", kShop);
  place.apply("a.toml", true);

  const Plan done = place.apply_text(kShop + events("buys", "select 2"));

  CHECK(what_of(done, "buys") == What::Revive);
  CHECK(change_of(done, "buys")->stale_days == 1);
  CHECK(place.catalog.ingestion("buys").id == buys.id);
  CHECK(place.plan("a.toml").empty());
}

TEST_CASE("a definition that moves to another file of its folder belongs to that file") {
  Place place;
  place.apply_text(kShop + events("buys"), "team/a.toml");
  place.home.write("team/a.toml", kShop);
  place.home.write("team/b.toml", events("buys"));

  const Plan done = place.apply("team", true);

  CHECK(change_of(done, "buys")->details == Lines{"file: team/a.toml -> team/b.toml"});
  CHECK(place.catalog.ingestion("buys").managed_by == "file:team/b.toml");
  CHECK(place.plan("team", true).empty());
}

TEST_CASE("another key for the same name keeps the ingestion") {
  Place place;
  place.apply_text(kShop +
                   events("buys").replace(events("buys").find("conn"), 0, "name = \"Buys\"\n"));
  const std::string id = place.catalog.ingestion("buys").id;

  const Plan done = place.apply_text(
      kShop +
      events("purchases").replace(events("purchases").find("conn"), 0, "name = \"Buys\"\n"));

  CHECK(change_of(done, "purchases")->details == Lines{"key: buys -> purchases"});
  CHECK(place.catalog.ingestion("purchases").id == id);
  CHECK(place.catalog.ingestions().size() == 1);
}

TEST_CASE("a dataset cannot change under an ingestion that has days") {
  Place place;
  place.apply_text(kShop + events("buys"));
  std::string exposures = events("buys");
  exposures.replace(exposures.find("events"), 6, "exposures");
  exposures.replace(exposures.find("event_name"), 10, "experiment");
  place.home.write("a.toml", kShop + exposures + "group_id = \"g\"\n");

  CHECK(refusal([&] { place.plan("a.toml"); }) ==
        "a.toml\ningestion buys delivers events; it cannot become exposures\nGive the new one "
        "another name, and remove the old one");
}

TEST_CASE("a connection becomes another kind only when all its users are in the same files") {
  Place place;
  place.apply_text(kShop, "shop.toml");
  place.apply_text(events("buys"), "b.toml");
  std::string redshift = kShop;
  redshift.replace(redshift.find("postgres"), 8, "redshift");
  place.home.write("shop.toml", redshift);

  CHECK(refusal([&] { place.plan("shop.toml"); }) ==
        "shop.toml\nconnection shop cannot become another kind: ingestion buys of b.toml uses it\n"
        "Add a connection with another name");
}

TEST_CASE("an export by name holds what the ingestion needs") {
  Place place;
  place.apply_text(kShop + events("buys", "select *\nfrom buys\nwhere note <> '\\'") +
                   events("visits"));

  CHECK(export_toml(place.catalog, "buys") ==
        "[connection.shop]\nkind = \"postgres\"\nhost = \"h\"\ndatabase = \"d\"\nuser = \"u\"\n\n"
        "[ingestion.buys]\nconnection = \"shop\"\ndataset = \"events\"\n"
        "query = \"\"\"\nselect *\nfrom buys\nwhere note <> '\\\\'\"\"\"\n\n"
        "[ingestion.buys.mapping]\nevent_name = \"kind\"\ntimestamp = \"ts\"\n"
        "ids = { userID = \"u\" }\n");
  CHECK(export_toml(place.catalog, "shop").find("ingestion") == std::string::npos);
  CHECK(refusal([&] { export_toml(place.catalog, "bus"); }) != "");
}

TEST_CASE("a kept secret goes nowhere that a file outside the home says") {
  Place place;
  const TestHome elsewhere;
  const auto shop_at = [](const std::string& host, const std::string& secret) {
    return "[connection.shop]\nkind = \"postgres\"\nhost = \"" + host +
           "\"\ndatabase = \"d\"\nuser = \"u\"\npassword = \"secret:" + secret + "\"\n";
  };
  const auto apply_there = [&](const std::string& text) {
    const auto path = elsewhere.write("shop.toml", text);
    return apply(read_files(path, place.home.configuration()), place.catalog, false);
  };
  apply_there(shop_at("h", "shop.password"));
  place.catalog.put_secret({.name = "shop.password", .key = "k", .box = "b", .set_at = {}});
  place.catalog.put_secret({.name = "smtp.password", .key = "k", .box = "b", .set_at = {}});

  CHECK(apply_there(shop_at("h", "shop.password")).empty());
  const std::string refused = refusal([&] { apply_there(shop_at("evil", "shop.password")); });
  CHECK(refused.find("the secret shop.password was kept before") != std::string::npos);
  CHECK(refused.find("secret:shop.password2") != std::string::npos);
  CHECK(refusal([&] { apply_there(shop_at("h", "smtp.password")); }) != "");
  CHECK(place.catalog.connection("shop")->settings.at("host") == "h");
  CHECK_FALSE(apply_there(shop_at("other", "shop.password2")).empty());
  // Whoever writes under the home may read its secrets anyway.
  CHECK_FALSE(
      place.apply_text("[connection.mine]" + shop_at("o", "smtp.password").substr(17)).empty());
}

}  // namespace millrace::definition
