-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- each
/* millrace 0190-load */ select key1, key2, count(*) from (
select pg_catalog.width_bucket("ts"::timestamptz, array[timestamptz '2026-11-21 08:00:00.000000+00', timestamptz '2026-11-22 08:00:00.000000+00']::timestamptz[]) as key1, "kind"::text as key2 from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-23 08:00:00.000000+00'
union all select null, null from pg_catalog.pg_class where false
) as g group by key1, key2;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- each
/* millrace 0190-load */ select count(*), sum(coalesce(pg_catalog.uuid_hash_extended("user_id", 1), 1) # coalesce(pg_catalog.timestamp_hash_extended("ts" at time zone interval '0', 2), 2) # coalesce(pg_catalog.hash_numeric_extended("amount", 3), 3) # coalesce(pg_catalog.jsonb_hash_extended("props", 4), 4)), sum(coalesce(pg_catalog.uuid_hash_extended("user_id", 1), 1)), sum(coalesce(pg_catalog.timestamp_hash_extended("ts" at time zone interval '0', 1), 1)), sum(coalesce(pg_catalog.hash_numeric_extended("amount", 1), 1)), sum(coalesce(pg_catalog.jsonb_hash_extended("props", 1), 1)) from (
/* millrace 0190-load */ select "user_id", "ts", "amount", "props" from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-21 08:00:00.000000+00'
) as r;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- stream
/* millrace 0190-load */ select "user_id"::text as "user_id", "ts" as "ts", "amount"::text as "amount", "props"::text as "props" from (
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
select pg_catalog.width_bucket("ts"::timestamptz, array[timestamptz '2026-11-21 08:00:00.000000+00', timestamptz '2026-11-22 08:00:00.000000+00']::timestamptz[]) as key1, coalesce(pg_catalog.uuid_hash_extended("user_id", 1), 1) # coalesce(pg_catalog.timestamp_hash_extended("ts" at time zone interval '0', 2), 2) # coalesce(pg_catalog.hash_numeric_extended("amount", 3), 3) # coalesce(pg_catalog.jsonb_hash_extended("props", 4), 4) as row_hash from (
/* millrace 0190-load */ select "user_id", "ts", "amount", "props" from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-23 08:00:00.000000+00'
) as r
union all select null, null from pg_catalog.pg_class where false
) as g group by key1;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- stream
/* millrace 0190-load */ select "user_id"::text as "user_id", "ts" as "ts", "amount"::text as "amount", "props"::text as "props", pg_catalog.width_bucket("ts"::timestamptz, array[timestamptz '2026-11-21 08:00:00.000000+00', timestamptz '2026-11-22 08:00:00.000000+00']::timestamptz[]) as "_millrace_day" from (
/* millrace 0190-load */ select "user_id", "ts", "amount", "props" from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-23 08:00:00.000000+00'
) as r;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- each
explain /* millrace 0190-load */ select "user_id"::text as "user_id", "ts" as "ts", "amount"::text as "amount", "props"::text as "props" from (
/* millrace 0190-load */ select "user_id", "ts", "amount", "props" from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-23 08:00:00.000000+00'
) as r;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- stream
/* millrace 0190-load */ select "user_id"::text as "user_id", "ts" as "ts", "amount"::text as "amount", "props"::text as "props", pg_catalog.width_bucket("ts"::timestamptz, array[timestamptz '2026-11-21 08:00:00.000000+00', timestamptz '2026-11-22 08:00:00.000000+00']::timestamptz[]) as "_millrace_day" from (
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
/* millrace 0190-load */ select "user_id"::text as "user_id", "kind"::text as "kind", case when isfinite("ts") then "ts" end as "ts", "amount"::text as "amount", "props"::text as "props", case when isfinite("seen") then "seen" end as "seen", "paid" as "paid" from (
/* millrace 0190-load */ select * from (
select * from purchases where seen = date '2026-11-20'
) as q
) as r;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases where seen = date '2026-11-20'
) as q;
-- stream
/* millrace 0190-load */ select "user_id"::text as "user_id", "kind"::text as "kind", case when isfinite("ts") then "ts" end as "ts", "amount"::text as "amount", "props"::text as "props", case when isfinite("seen") then "seen" end as "seen", "paid" as "paid" from (
/* millrace 0190-load */ select * from (
select * from purchases where seen = date '2026-11-20'
) as q
) as r limit 10;
-- describe
/* millrace 0190-load */ select * from (
select * from purchases
) as q;
-- stream
/* millrace 0190-load */ select "user_id"::text as "user_id", "ts" as "ts", "amount"::text as "amount", "props"::text as "props" from (
/* millrace 0190-load */ select "user_id", "ts", "amount", "props" from (
select * from purchases
) as q where "ts" >= timestamptz '2026-11-20 08:00:00.000000+00' and "ts" < timestamptz '2026-11-21 08:00:00.000000+00'
) as r limit 10;
-- each
/* millrace */ select * from (
select max(ts) > timestamptz '2026-11-21 00:00:00.000000+00' from purchases
) as q limit 1;
-- each
/* millrace */ with recursive part(oid) as (select pg_catalog.to_regclass('"sales"."Orders"')::oid union select i.inhrelid from pg_catalog.pg_inherits i join part p on i.inhparent = p.oid) select case when pg_catalog.to_regclass('"sales"."Orders"') is not null then coalesce(string_agg(concat_ws(' ', c.oid, pg_catalog.pg_stat_get_tuples_inserted(c.oid), pg_catalog.pg_stat_get_tuples_updated(c.oid), pg_catalog.pg_stat_get_tuples_deleted(c.oid)), ', ' order by c.oid), '') end from pg_catalog.pg_class c join part p on p.oid = c.oid where c.relkind in ('r', 'm') and not pg_catalog.pg_is_in_recovery();
-- each
/* millrace */ select n.nspname, c.relname, case when c.relkind in ('v', 'm') then 'view' else 'table' end from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition and n.nspname <> 'information_schema' and n.nspname not like 'pg^_%' escape '^' and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') and true order by 1, 2;
-- each
/* millrace */ select n.nspname, c.relname, case when c.relkind in ('v', 'm') then 'view' else 'table' end from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition and n.nspname <> 'information_schema' and n.nspname not like 'pg^_%' escape '^' and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') and (lower(c.relname) like lower('pur%^_x') escape '^' or lower(n.nspname || '.' || c.relname) like lower('pur%^_x') escape '^') order by 1, 2;
-- each
/* millrace */ select n.nspname, c.relname, case when c.relkind in ('v', 'm') then 'view' else 'table' end from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p', 'v', 'm', 'f') and not c.relispartition and n.nspname <> 'information_schema' and n.nspname not like 'pg^_%' escape '^' and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'select') and position(lower('o''clock') in lower(n.nspname || '.' || c.relname)) > 0 order by 1, 2;
-- describe
/* millrace */ select * from "sales"."Orders";
-- each
/* millrace */ select pid from pg_catalog.pg_stat_activity where usename = current_user and state = 'active' and pid <> pg_backend_pid() and position('/* millrace 0190-load */' in query) > 0;
