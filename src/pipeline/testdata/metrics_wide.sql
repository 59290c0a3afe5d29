SELECT "_unit_userID",
  "_unit_stableID",
  "_value0",
  "_top1",
  "_bottom1",
  _load,
  _reject,
  _exclude,
  CASE WHEN _reject IS NULL AND _exclude IS NULL THEN _bad END AS _partly,
  CASE WHEN _exclude IS NULL AND _bad IS NOT NULL THEN concat_ws(', ', CASE WHEN CASE WHEN (_s3 IS NOT NULL AND _value0 IS NULL) THEN 'bad_value' END IS NOT NULL THEN 'revenue' END, CASE WHEN CASE WHEN (_s4 IS NOT NULL AND _top1 IS NULL) OR (_s5 IS NOT NULL AND _bottom1 IS NULL) THEN 'bad_value' WHEN coalesce(_s4 IS NOT NULL, false) <> coalesce(_s5 IS NOT NULL, false) THEN 'half_ratio' END IS NOT NULL THEN 'conversion' END) END AS _detail,
  _k0,
  _k1,
  _k2,
  _k3,
  _k4,
  _k5
FROM (SELECT *,
  CASE WHEN _good OR _exclude IS NOT NULL THEN NULL
    WHEN NOT ((_t0 IS NOT NULL OR _s0 IS NULL) AND (_t1 IS NOT NULL OR _s1 IS NULL) AND (_t2 IS NOT NULL OR _s2 IS NULL)) THEN 'bad_text'
    WHEN coalesce(strlen(_s0), 0) + coalesce(strlen(_s1), 0) + coalesce(strlen(_s2), 0) > 16777216 THEN 'too_large'
    WHEN _label IS NULL THEN 'bad_time'
    WHEN NOT ("_unit_userID" IS NOT NULL OR "_unit_stableID" IS NOT NULL) THEN 'no_id'
    WHEN _bad = 'bad_value' AND NOT (_value0 IS NOT NULL OR (_top1 IS NOT NULL AND _bottom1 IS NOT NULL)) THEN 'bad_value'
    WHEN _bad = 'half_ratio' AND NOT (_value0 IS NOT NULL OR (_top1 IS NOT NULL AND _bottom1 IS NOT NULL)) THEN 'half_ratio' END AS _reject
FROM (SELECT *,
  CASE WHEN _good THEN NULL WHEN _label IS NOT NULL AND NOT (_label = DATE '2026-11-20') THEN 'outside_day' END AS _exclude
FROM (SELECT *,
  coalesce((_t0 IS NOT NULL OR _s0 IS NULL) AND (_t1 IS NOT NULL OR _s1 IS NULL) AND (_t2 IS NOT NULL OR _s2 IS NULL) AND coalesce(strlen(_s0), 0) + coalesce(strlen(_s1), 0) + coalesce(strlen(_s2), 0) <= 16777216 AND _label = DATE '2026-11-20' AND ("_unit_userID" IS NOT NULL OR "_unit_stableID" IS NOT NULL) AND _bad IS NULL, false) AS _good
FROM (SELECT *,
  CASE WHEN _value0 IS NOT NULL AND (_top1 IS NOT NULL AND _bottom1 IS NOT NULL) THEN NULL ELSE coalesce(NULL, CASE WHEN (_s3 IS NOT NULL AND _value0 IS NULL) THEN 'bad_value' END, CASE WHEN (_s4 IS NOT NULL AND _top1 IS NULL) OR (_s5 IS NOT NULL AND _bottom1 IS NULL) THEN 'bad_value' WHEN coalesce(_s4 IS NOT NULL, false) <> coalesce(_s5 IS NOT NULL, false) THEN 'half_ratio' END) END AS "_bad"
FROM (SELECT *,
  TRY_CAST(_t0 AS DATE) AS "_label",
  nullif(_t1, '') AS "_unit_userID",
  nullif(_t2, '') AS "_unit_stableID",
  CASE WHEN isfinite(TRY_CAST(_s3 AS DOUBLE)) THEN TRY_CAST(_s3 AS DOUBLE) END AS "_value0",
  CAST(_s4 AS DOUBLE) AS "_top1",
  CAST(_s5 AS DOUBLE) AS "_bottom1",
  '<load>' AS "_load",
  coalesce(_t0, CAST(encode(_s0) AS VARCHAR)) AS "_k0",
  coalesce(_t1, CAST(encode(_s1) AS VARCHAR)) AS "_k1",
  coalesce(_t2, CAST(encode(_s2) AS VARCHAR)) AS "_k2",
  _s3 AS "_k3",
  _s4 AS "_k4",
  _s5 AS "_k5"
FROM (SELECT src."ds" AS _s0, TRY(decode(encode(src."ds"))) AS _t0, src."user_id" AS _s1, TRY(decode(encode(src."user_id"))) AS _t1, src."device" AS _s2, TRY(decode(encode(src."device"))) AS _t2, src."rev" AS _s3, src."orders" AS _s4, src."visits" AS _s5 FROM (SELECT * FROM rows
) AS src))))))

-- where "_unit_userID" IS NOT NULL AND _value0 IS NOT NULL
metric_name = 'revenue'
unit_type = 'userID'
unit_id = "_unit_userID"
value = _value0
numerator = CAST(NULL AS DOUBLE)
denominator = CAST(NULL AS DOUBLE)
_load = _load

-- where "_unit_stableID" IS NOT NULL AND _value0 IS NOT NULL
metric_name = 'revenue'
unit_type = 'stableID'
unit_id = "_unit_stableID"
value = _value0
numerator = CAST(NULL AS DOUBLE)
denominator = CAST(NULL AS DOUBLE)
_load = _load

-- where "_unit_userID" IS NOT NULL AND (_top1 IS NOT NULL AND _bottom1 IS NOT NULL)
metric_name = 'conversion'
unit_type = 'userID'
unit_id = "_unit_userID"
value = CAST(NULL AS DOUBLE)
numerator = _top1
denominator = _bottom1
_load = _load

-- where "_unit_stableID" IS NOT NULL AND (_top1 IS NOT NULL AND _bottom1 IS NOT NULL)
metric_name = 'conversion'
unit_type = 'stableID'
unit_id = "_unit_stableID"
value = CAST(NULL AS DOUBLE)
numerator = _top1
denominator = _bottom1
_load = _load

-- original
CAST(json_object('ds', CAST(_k0 AS VARCHAR), 'user_id', CAST(_k1 AS VARCHAR), 'device', CAST(_k2 AS VARCHAR), 'rev', CAST(_k3 AS VARCHAR), 'orders', _k4, 'visits', _k5) AS VARCHAR)
