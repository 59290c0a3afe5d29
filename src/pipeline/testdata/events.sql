SELECT "ts",
  "event_name",
  "unit_userID",
  "unit_stableID",
  "value",
  "value_text",
  "metadata",
  "_dedupe0",
  _load,
  _reject,
  _exclude,
  CASE WHEN _reject IS NOT NULL THEN CAST(json_object('kind', CAST(coalesce(_t0, CAST(encode(_s0) AS VARCHAR)) AS VARCHAR), 'ts', CASE WHEN year(CAST(_s1 AS TIMESTAMP)) < 1 THEN replace(replace(CAST(CAST(_s1 AS TIMESTAMP) AS VARCHAR), ' (BC)', ''), ' ', 'T') || ' BC' ELSE replace(CAST(CAST(_s1 AS TIMESTAMP) AS VARCHAR), ' ', 'T') || '' END, 'user_id', _s2, 'device', CAST(_s3 AS VARCHAR), 'amount', CAST(_s4 AS VARCHAR), 'page', CAST(coalesce(_t5, CAST(encode(_s5) AS VARCHAR)) AS VARCHAR), 'props', CAST(coalesce(_t6, CAST(encode(_s6) AS VARCHAR)) AS VARCHAR), 'event_id', CAST(_s7 AS VARCHAR)) AS VARCHAR) END AS _original
FROM (SELECT *,
  CASE WHEN _good OR _exclude IS NOT NULL THEN NULL
    WHEN NOT ((_t0 IS NOT NULL OR _s0 IS NULL) AND (_t5 IS NOT NULL OR _s5 IS NULL) AND (_t6 IS NOT NULL OR _s6 IS NULL)) THEN 'bad_text'
    WHEN coalesce(strlen(_s0), 0) + coalesce(strlen(_s5), 0) + coalesce(strlen(_s6), 0) > 16777216 THEN 'too_large'
    WHEN ts IS NULL THEN 'bad_time'
    WHEN event_name IS NULL OR event_name = '' THEN 'no_name'
    WHEN length(event_name) > 127 THEN 'name_too_long'
    WHEN NOT regexp_full_match(event_name, '[^"\\\[\]{}<>#=;&$%|\x00\n\r]+') THEN 'bad_name'
    WHEN NOT ("unit_userID" IS NOT NULL OR "unit_stableID" IS NOT NULL) THEN 'no_id'
    WHEN NOT (_t6 IS NULL OR _t6 = '' OR coalesce(_json = 'null' OR starts_with(_json, '{'), false)) THEN 'bad_metadata' END AS _reject
FROM (SELECT *,
  CASE WHEN _good THEN NULL WHEN ts IS NOT NULL AND NOT (_s1 >= make_timestamp(1795143600000000) AND _s1 < make_timestamp(1795230000000000)) THEN 'outside_day' END AS _exclude
FROM (SELECT *,
  coalesce((_t0 IS NOT NULL OR _s0 IS NULL) AND (_t5 IS NOT NULL OR _s5 IS NULL) AND (_t6 IS NOT NULL OR _s6 IS NULL) AND coalesce(strlen(_s0), 0) + coalesce(strlen(_s5), 0) + coalesce(strlen(_s6), 0) <= 16777216 AND _s1 >= make_timestamp(1795143600000000) AND _s1 < make_timestamp(1795230000000000) AND strlen(event_name) <= 127 AND regexp_full_match(event_name, '[^"\\\[\]{}<>#=;&$%|\x00\n\r]+') AND ("unit_userID" IS NOT NULL OR "unit_stableID" IS NOT NULL) AND (_t6 IS NULL OR coalesce(starts_with(_json, '{'), false)), false) AS _good
FROM (SELECT *,
  CASE WHEN value IS NULL THEN CASE WHEN contains(CAST(_s4 AS VARCHAR), '.') THEN CASE rtrim(rtrim(CAST(_s4 AS VARCHAR), '0'), '.') WHEN '-0' THEN '0' ELSE rtrim(rtrim(CAST(_s4 AS VARCHAR), '0'), '.') END ELSE CAST(_s4 AS VARCHAR) END END AS "value_text",
  CASE WHEN starts_with(_json, '{') THEN CAST(json_merge_patch(_json, json_merge_patch('{}', _columns)) AS VARCHAR) ELSE _columns END AS "metadata"
FROM (SELECT *,
  CASE WHEN CAST(_s1 AS TIMESTAMP) BETWEEN make_timestamp(-62135596800000000) AND make_timestamp(253402300799000000) THEN make_timestamptz(CASE WHEN CAST(_s1 AS TIMESTAMP) < make_timestamp(1772935200000000) THEN epoch_us(CAST(_s1 AS TIMESTAMP)) - (-18000000000) WHEN CAST(_s1 AS TIMESTAMP) < make_timestamp(1793498400000000) THEN greatest(epoch_us(CAST(_s1 AS TIMESTAMP)) - (-14400000000), 1772953200000000) WHEN CAST(_s1 AS TIMESTAMP) < make_timestamp(1804989600000000) THEN epoch_us(CAST(_s1 AS TIMESTAMP)) - (-18000000000) WHEN CAST(_s1 AS TIMESTAMP) < make_timestamp(1825552800000000) THEN greatest(epoch_us(CAST(_s1 AS TIMESTAMP)) - (-14400000000), 1805007600000000) ELSE epoch_us(CAST(_s1 AS TIMESTAMP)) - (-18000000000) END) END AS "ts",
  _t0 AS "event_name",
  CAST(_s2 AS VARCHAR) AS "unit_userID",
  lower(CAST(_s3 AS VARCHAR)) AS "unit_stableID",
  CASE WHEN isfinite(TRY_CAST(_s4 AS DOUBLE)) THEN TRY_CAST(_s4 AS DOUBLE) END AS "value",
  CASE WHEN strlen(_t6) <= 16777216 THEN CAST(TRY(json(_t6)) AS VARCHAR) END AS "_json",
  CAST(json_object('page', _t5) AS VARCHAR) AS "_columns",
  lower(CAST(_s7 AS VARCHAR)) AS "_dedupe0",
  '<load>' AS "_load"
FROM (SELECT src."kind" AS _s0, TRY(decode(encode(src."kind"))) AS _t0, src."ts" AS _s1, src."user_id" AS _s2, src."device" AS _s3, src."amount" AS _s4, src."page" AS _s5, TRY(decode(encode(src."page"))) AS _t5, src."props" AS _s6, TRY(decode(encode(src."props"))) AS _t6, src."event_id" AS _s7 FROM (SELECT * FROM rows
) AS src))))))

-- where true
event_name = "event_name"
ts = "ts"
unit_userID = "unit_userID"
unit_stableID = "unit_stableID"
value = "value"
value_text = "value_text"
metadata = "metadata"
_load = "_load"

-- original
_original
