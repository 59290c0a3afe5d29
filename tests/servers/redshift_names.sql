-- The few names of Amazon Redshift that Millrace uses and PostgreSQL lacks, so that the redshift
-- kind can be run against PostgreSQL. They have Redshift's meaning where a test looks (equal input,
-- equal 64-bit hash), not its values. Run once per database, as its owner.
create function farmfingerprint64(value text) returns bigint
  language sql immutable parallel safe
  as $$ select hashtextextended(value, 0) $$;

create function farmfingerprint64(value bytea) returns bigint
  language sql immutable parallel safe
  as $$ select hashtextextended(encode(value, 'hex'), 0) $$;

create view stv_recents as
  select pid, 'Running'::char(20) as status, usename::char(50) as user_name,
         query::char(600) as query
  from pg_stat_activity
  where state = 'active' and usename = current_user;

grant select on stv_recents to public;
