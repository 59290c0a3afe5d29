-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- each
/* millrace 0190-load */ select key1, key2, count(*) from (
select case when "ts" < timestamptz '2026-11-21 08:00:00.000000+00' then 0 else case when "ts" < timestamptz '2026-11-22 08:00:00.000000+00' then 1 else 2 end end as key1, rtrim("kind") as key2 from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-23 08:00:00.000000+00'
) as g group by key1, key2;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- each
/* millrace 0190-load */ select count(*), sum(cast(farmfingerprint64(coalesce(cast("user_id" as varchar(64)), 'n') || ',' || coalesce(cast("ts" as varchar(64)), 'n') || ',' || coalesce(cast("amount" as varchar(64)), 'n') || ',' || coalesce(cast(farmfingerprint64(json_serialize("props")) as varchar(20)), 'n')) as decimal(38, 0))), sum(cast(farmfingerprint64(coalesce(cast("user_id" as varchar(64)), 'n')) as decimal(38, 0))), sum(cast(farmfingerprint64(coalesce(cast("ts" as varchar(64)), 'n')) as decimal(38, 0))), sum(cast(farmfingerprint64(coalesce(cast("amount" as varchar(64)), 'n')) as decimal(38, 0))), sum(cast(farmfingerprint64(coalesce(cast(farmfingerprint64(json_serialize("props")) as varchar(20)), 'n')) as decimal(38, 0))) from (
/* millrace 0190-load */ select "user_id", "ts", "amount", "props" from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-21 08:00:00.000000+00'
) as r;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- stream
/* millrace 0190-load */ select "user_id" as "user_id", "ts" as "ts", "amount" as "amount", "props" as "props" from (
/* millrace 0190-load */ select "user_id", "ts", "amount", "props" from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-21 08:00:00.000000+00'
) as r;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- each
/* millrace 0190-load */ select key1, count(*), sum(row_hash) from (
select case when "ts" < timestamptz '2026-11-21 08:00:00.000000+00' then 0 else case when "ts" < timestamptz '2026-11-22 08:00:00.000000+00' then 1 else 2 end end as key1, cast(farmfingerprint64(coalesce(cast("user_id" as varchar(64)), 'n') || ',' || coalesce(cast("ts" as varchar(64)), 'n') || ',' || coalesce(cast("amount" as varchar(64)), 'n') || ',' || coalesce(cast(farmfingerprint64(json_serialize("props")) as varchar(20)), 'n')) as decimal(38, 0)) as row_hash from (
/* millrace 0190-load */ select "user_id", "ts", "amount", "props" from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-23 08:00:00.000000+00'
) as r
) as g group by key1;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- stream
/* millrace 0190-load */ select "user_id" as "user_id", "ts" as "ts", "amount" as "amount", "props" as "props", case when "ts" < timestamptz '2026-11-21 08:00:00.000000+00' then 0 else case when "ts" < timestamptz '2026-11-22 08:00:00.000000+00' then 1 else 2 end end as "_millrace_day" from (
/* millrace 0190-load */ select "user_id", "ts", "amount", "props" from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-23 08:00:00.000000+00'
) as r;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- each
explain /* millrace 0190-load */ select "user_id" as "user_id", "ts" as "ts", "amount" as "amount", "props" as "props" from (
/* millrace 0190-load */ select "user_id", "ts", "amount", "props" from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-23 08:00:00.000000+00'
) as r;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- stream
/* millrace 0190-load */ select "user_id" as "user_id", "ts" as "ts", "amount" as "amount", "props" as "props", case when "ts" < timestamptz '2026-11-21 08:00:00.000000+00' then 0 else case when "ts" < timestamptz '2026-11-22 08:00:00.000000+00' then 1 else 2 end end as "_millrace_day" from (
/* millrace 0190-load */ select "user_id", "ts", "amount", "props" from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-23 08:00:00.000000+00' and "seen" >= date '2026-11-20' and "seen" <= date '2026-11-23' and case when "ts" < timestamptz '2026-11-21 08:00:00.000000+00' then "seen" >= date '2026-11-20' and "seen" <= date '2026-11-21' else case when "ts" < timestamptz '2026-11-22 08:00:00.000000+00' then "seen" >= date '2026-11-21' and "seen" <= date '2026-11-22' else "seen" >= date '2026-11-22' and "seen" <= date '2026-11-23' end end
) as r;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases where seen = date '2026-11-20'
) as q;
-- each
/* millrace 0190-load */ select count(*) from (
select * from purchases where seen = date '2026-11-20'
) as q;
-- each
/* millrace 0190-load */ select count(*) from (
select * from purchases where seen = date '2026-11-21'
) as q;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases where seen = date '2026-11-20'
) as q;
-- stream
/* millrace 0190-load */ select "user_id" as "user_id", rtrim("kind") as "kind", "ts" as "ts", "amount" as "amount", "props" as "props", "seen" as "seen", "paid" as "paid" from (
/* millrace 0190-load */ select * from (
select * from purchases where seen = date '2026-11-20'
) as q
) as r;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases where seen = date '2026-11-20'
) as q;
-- stream
/* millrace 0190-load */ select "user_id" as "user_id", rtrim("kind") as "kind", "ts" as "ts", "amount" as "amount", "props" as "props", "seen" as "seen", "paid" as "paid" from (
/* millrace 0190-load */ select * from (
select * from purchases where seen = date '2026-11-20'
) as q
) as r limit 10;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- stream
/* millrace 0190-load */ select "user_id" as "user_id", "ts" as "ts", "amount" as "amount", "props" as "props" from (
/* millrace 0190-load */ select "user_id", "ts", "amount", "props" from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-21 08:00:00.000000+00'
) as r limit 10;
-- each
/* millrace */ select * from (
select max(ts) > timestamptz '2026-11-21 00:00:00.000000+00' from purchases
) as q limit 1;
-- each
/* millrace */ select n.nspname, c.relname, case when c.relkind = 'v' then 'view' else 'table' end from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'v') and n.nspname <> 'information_schema' and n.nspname not like 'pg^_%' escape '^' and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') and true order by 1, 2;
-- each
/* millrace */ select n.nspname, c.relname, case when c.relkind = 'v' then 'view' else 'table' end from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'v') and n.nspname <> 'information_schema' and n.nspname not like 'pg^_%' escape '^' and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') and (lower(c.relname) like lower('pur%^_x') escape '^' or lower(n.nspname || '.' || c.relname) like lower('pur%^_x') escape '^') order by 1, 2;
-- each
/* millrace */ select n.nspname, c.relname, case when c.relkind = 'v' then 'view' else 'table' end from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'v') and n.nspname <> 'information_schema' and n.nspname not like 'pg^_%' escape '^' and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') and position(lower('o''clock') in lower(n.nspname || '.' || c.relname)) > 0 order by 1, 2;
-- describe
/* millrace */ select * from "sales"."Orders";
-- each
/* millrace */ select pid from stv_recents where status = 'Running' and pid <> pg_backend_pid() and position('/* millrace 0190-load */' in query) > 0;
