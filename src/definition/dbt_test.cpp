#include "definition/dbt.h"

#include <doctest/doctest.h>

#include <fstream>

#include "definition/test_home.h"

namespace millrace::definition {

TEST_CASE("a query reads a relation when it names it, with as many parts as it likes") {
  const char* relation = R"("shop"."analytics"."purchases")";
  CHECK(reads_relation("select * from purchases", relation));
  CHECK(reads_relation("select * from Analytics.PURCHASES p where x = 1", relation));
  CHECK(reads_relation("select * from \"shop\".\"analytics\" . \"purchases\"", relation));
  CHECK(reads_relation("select * from `shop`.`analytics`.`purchases`", relation));
  CHECK_FALSE(reads_relation("select * from other.purchases", relation));
  CHECK_FALSE(reads_relation("select * from purchases_old", relation));
  CHECK_FALSE(reads_relation("select purchases.id from visits purchases2", "x.y.visits2"));
  CHECK_FALSE(reads_relation("select 1 -- from purchases\n", relation));
  CHECK_FALSE(reads_relation("select 'purchases' /* purchases */ from t", relation));
}

TEST_CASE("dbt's results: models with their relation, and whether each was built") {
  const TestHome home;
  home.write("run_results.json", R"({"results": [
    {"unique_id": "model.shop.a", "status": "success", "relation_name": "\"d\".\"s\".\"a\""},
    {"unique_id": "model.shop.b", "status": "error", "relation_name": "\"d\".\"s\".\"b\""},
    {"unique_id": "test.shop.not_null", "status": "pass", "relation_name": null}]})");
  const auto models = read_dbt_results(home.path() / "run_results.json");
  REQUIRE(models.size() == 2);
  CHECK(models[0].succeeded);
  CHECK_FALSE(models[1].succeeded);
  const auto again = dbt_results_in(dbt_results_text(models));
  REQUIRE(again.size() == 2);
  CHECK(again[1].name == "model.shop.b");
  CHECK(again[1].relation == models[1].relation);
  CHECK_FALSE(again[1].succeeded);
  home.write("other.json", R"({"nodes": {}})");
  CHECK_THROWS_AS(read_dbt_results(home.path() / "other.json"), Error);
}

}  // namespace millrace::definition
