SELECT "ts",
  "experiment",
  "group_id",
  "unit_userID",
  "metadata",
  _load,
  _reject,
  _exclude,
  CASE WHEN NOT _good THEN _number END AS _time,
  CASE WHEN _reject IS NOT NULL THEN CAST(json_object('experiment', CAST(coalesce(_t0, CAST(encode(_s0) AS VARCHAR)) AS VARCHAR), 'variant', CAST(coalesce(_t1, CAST(encode(_s1) AS VARCHAR)) AS VARCHAR), 'at', _s2, 'user_id', CAST(coalesce(_t3, CAST(encode(_s3) AS VARCHAR)) AS VARCHAR), 'price', CASE WHEN isfinite(_s4) THEN to_json(_s4) ELSE to_json(CAST(_s4 AS VARCHAR)) END, 'seen', CASE WHEN year(make_timestamp(epoch_us(_s5))) < 1 THEN replace(replace(CAST(make_timestamp(epoch_us(_s5)) AS VARCHAR), ' (BC)', ''), ' ', 'T') || 'Z BC' ELSE replace(CAST(make_timestamp(epoch_us(_s5)) AS VARCHAR), ' ', 'T') || 'Z' END) AS VARCHAR) END AS _original
FROM (SELECT *,
  CASE WHEN _good OR _exclude IS NOT NULL THEN NULL
    WHEN NOT ((_t0 IS NOT NULL OR _s0 IS NULL) AND (_t1 IS NOT NULL OR _s1 IS NULL) AND (_t3 IS NOT NULL OR _s3 IS NULL)) THEN 'bad_text'
    WHEN coalesce(strlen(_s0), 0) + coalesce(strlen(_s1), 0) + coalesce(strlen(_s3), 0) > 16777216 THEN 'too_large'
    WHEN ts IS NULL THEN 'bad_time'
    WHEN experiment IS NULL OR experiment = '' THEN 'no_name'
    WHEN length(experiment) > 127 THEN 'name_too_long'
    WHEN NOT regexp_full_match(experiment, '[^"\\\[\]{}<>#=;&$%|\x00\n\r]+') THEN 'bad_name'
    WHEN group_id IS NULL OR group_id = '' THEN 'no_name'
    WHEN length(group_id) > 127 THEN 'name_too_long'
    WHEN NOT regexp_full_match(group_id, '[^"\\\[\]{}<>#=;&$%|\x00\n\r]+') THEN 'bad_name'
    WHEN NOT ("unit_userID" IS NOT NULL) THEN 'no_id' END AS _reject
FROM (SELECT *,
  CASE WHEN _good THEN NULL WHEN ts IS NOT NULL AND NOT (_s2 >= 1795161600000 AND _s2 < 1795248000000) THEN 'outside_day' END AS _exclude
FROM (SELECT *,
  coalesce((_t0 IS NOT NULL OR _s0 IS NULL) AND (_t1 IS NOT NULL OR _s1 IS NULL) AND (_t3 IS NOT NULL OR _s3 IS NULL) AND coalesce(strlen(_s0), 0) + coalesce(strlen(_s1), 0) + coalesce(strlen(_s3), 0) <= 16777216 AND _s2 >= 1795161600000 AND _s2 < 1795248000000 AND strlen(experiment) <= 127 AND regexp_full_match(experiment, '[^"\\\[\]{}<>#=;&$%|\x00\n\r]+') AND strlen(group_id) <= 127 AND regexp_full_match(group_id, '[^"\\\[\]{}<>#=;&$%|\x00\n\r]+') AND ("unit_userID" IS NOT NULL), false) AS _good
FROM (SELECT *,
  CASE WHEN _s2 BETWEEN -62135596800000 AND 253402300799000 THEN make_timestamptz(CAST(_s2 AS BIGINT) * 1000) END AS "ts",
  TRY_CAST(_s2 AS DOUBLE) AS "_number",
  _t0 AS "experiment",
  _t1 AS "group_id",
  nullif(_t3, '') AS "unit_userID",
  CAST(json_object('price', CASE WHEN _s4 = trunc(_s4) AND abs(_s4) < 1e15 THEN CAST(CAST(_s4 AS BIGINT) AS VARCHAR) ELSE CAST(_s4 AS VARCHAR) END, 'seen', CASE WHEN year(make_timestamp(epoch_us(_s5))) < 1 THEN replace(replace(CAST(make_timestamp(epoch_us(_s5)) AS VARCHAR), ' (BC)', ''), ' ', 'T') || 'Z BC' ELSE replace(CAST(make_timestamp(epoch_us(_s5)) AS VARCHAR), ' ', 'T') || 'Z' END) AS VARCHAR) AS "metadata",
  '<load>' AS "_load"
FROM (SELECT src."experiment" AS _s0, TRY(decode(encode(src."experiment"))) AS _t0, src."variant" AS _s1, TRY(decode(encode(src."variant"))) AS _t1, src."at" AS _s2, src."user_id" AS _s3, TRY(decode(encode(src."user_id"))) AS _t3, src."price" AS _s4, src."seen" AS _s5 FROM (SELECT * FROM rows
) AS src)))))

-- where true
experiment = "experiment"
group_id = "group_id"
ts = "ts"
unit_userID = "unit_userID"
metadata = "metadata"
_load = "_load"

-- original
_original
