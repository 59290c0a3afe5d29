SELECT "ts",
  "_unit_userID",
  "_unit_stableID",
  "properties",
  _load,
  _reject,
  _exclude,
  CASE WHEN _reject IS NOT NULL THEN CAST(json_object('user_id', CAST(coalesce(_t0, CAST(encode(_s0) AS VARCHAR)) AS VARCHAR), 'device', CAST(coalesce(_t1, CAST(encode(_s1) AS VARCHAR)) AS VARCHAR), 'changed', CASE WHEN year(make_timestamp(epoch_us(_s2))) < 1 THEN replace(replace(CAST(make_timestamp(epoch_us(_s2)) AS VARCHAR), ' (BC)', ''), ' ', 'T') || 'Z BC' ELSE replace(CAST(make_timestamp(epoch_us(_s2)) AS VARCHAR), ' ', 'T') || 'Z' END, 'plan', CAST(coalesce(_t3, CAST(encode(_s3) AS VARCHAR)) AS VARCHAR), 'age', _s4) AS VARCHAR) END AS _original
FROM (SELECT *,
  CASE WHEN _good OR _exclude IS NOT NULL THEN NULL
    WHEN NOT ((_t0 IS NOT NULL OR _s0 IS NULL) AND (_t1 IS NOT NULL OR _s1 IS NULL) AND (_t3 IS NOT NULL OR _s3 IS NULL)) THEN 'bad_text'
    WHEN coalesce(strlen(_s0), 0) + coalesce(strlen(_s1), 0) + coalesce(strlen(_s3), 0) > 16777216 THEN 'too_large'
    WHEN ts IS NULL THEN 'bad_time'
    WHEN NOT ("_unit_userID" IS NOT NULL OR "_unit_stableID" IS NOT NULL) THEN 'no_id' END AS _reject
FROM (SELECT *,
  CASE WHEN _good THEN NULL WHEN ts IS NOT NULL AND NOT (_s2 >= make_timestamptz(1795161600000000) AND _s2 < make_timestamptz(1795248000000000)) THEN 'outside_day' END AS _exclude
FROM (SELECT *,
  coalesce((_t0 IS NOT NULL OR _s0 IS NULL) AND (_t1 IS NOT NULL OR _s1 IS NULL) AND (_t3 IS NOT NULL OR _s3 IS NULL) AND coalesce(strlen(_s0), 0) + coalesce(strlen(_s1), 0) + coalesce(strlen(_s3), 0) <= 16777216 AND _s2 >= make_timestamptz(1795161600000000) AND _s2 < make_timestamptz(1795248000000000) AND ("_unit_userID" IS NOT NULL OR "_unit_stableID" IS NOT NULL), false) AS _good
FROM (SELECT *,
  CASE WHEN _s2 BETWEEN make_timestamptz(-62135596800000000) AND make_timestamptz(253402300799000000) THEN CAST(_s2 AS TIMESTAMPTZ) END AS "ts",
  nullif(_t0, '') AS "_unit_userID",
  nullif(_t1, '') AS "_unit_stableID",
  CAST(json_object('plan', _t3, 'age', CAST(_s4 AS VARCHAR)) AS VARCHAR) AS "properties",
  '<load>' AS "_load"
FROM (SELECT src."user_id" AS _s0, TRY(decode(encode(src."user_id"))) AS _t0, src."device" AS _s1, TRY(decode(encode(src."device"))) AS _t1, src."changed" AS _s2, src."plan" AS _s3, TRY(decode(encode(src."plan"))) AS _t3, src."age" AS _s4 FROM (SELECT * FROM rows
) AS src)))))

-- where "_unit_userID" IS NOT NULL
unit_type = 'userID'
unit_id = "_unit_userID"
ts = ts
properties = properties
_load = _load

-- where "_unit_stableID" IS NOT NULL
unit_type = 'stableID'
unit_id = "_unit_stableID"
ts = ts
properties = properties
_load = _load

-- original
_original
