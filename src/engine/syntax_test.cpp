#include "engine/syntax.h"

#include <doctest/doctest.h>

namespace millrace {
namespace {

TEST_CASE("a condition on a column may be put to a table's rows where each row stays itself") {
  for (const char* passes :
       {"select * from 'a.b.c'", "select TS, amount * 2 as double from 'a.b.c' order by 1",
        "from 'a.b.c'", "select t.*, upper(note) as note2 from 'a.b.c' t where amount > 0",
        "select t.ts from 'a.b.c' as t where id in (select 1)", "select ts as TS from 'a.b.c'"}) {
    CAPTURE(passes);
    CHECK(engine::passes_rows_by(passes, "ts"));
  }
}

TEST_CASE("and is not where a row's values, or whether it is there, depend on others or differ") {
  for (const char* fails : {"select * from 'a.b.c' limit 10",
                            "select distinct on (id) * from 'a.b.c'",
                            "select ts, count(*) from 'a.b.c' group by ts",
                            "select max(ts) as ts from 'a.b.c'",
                            "select *, row_number() over (order by ts) as n from 'a.b.c'",
                            "select * from 'a.b.c' qualify row_number() over (partition by id) = 1",
                            "select * from 'a.b.c' using sample 10",
                            "select * from 'a.b.c' tablesample 10%",
                            "select x.* from 'a.b.c' x join 'a.b.c' y using (id)",
                            "select * from 'a.b.c' where ts = (select max(ts) from 'a.b.c')",
                            "select * replace (ts + interval 1 day as ts) from 'a.b.c'",
                            "select * exclude (ts), created as ts from 'a.b.c'",
                            "select created as ts from 'a.b.c'",
                            "select *, created as ts from 'a.b.c'",
                            "select rename.ts from 'a.b.c'",
                            "select o.* from 'a.b.c'",
                            "select columns('t.*') from 'a.b.c'",
                            "select * from 'a.b.c' as t(ts, id)",
                            "select * from 'a.b.c' union all from 'a.b.c'",
                            "with c as (from 'a.b.c') select * from c",
                            "select * from (from 'a.b.c')",
                            "select * from read_parquet('a.b.c')",
                            "select id from 'a.b.c'",
                            "select 1 as ts",
                            "select * from 'a.b.c' group by all"}) {
    CAPTURE(fails);
    CHECK_FALSE(engine::passes_rows_by(fails, "ts"));
  }
}

}  // namespace
}  // namespace millrace
