SELECT "metric_name",
  "unit_type",
  "unit_id",
  "numerator",
  "denominator",
  "value",
  "_value",
  _load,
  _reject,
  _exclude,
  _k0,
  _k1,
  _k2,
  _k3,
  _k4,
  _k5
FROM (SELECT *,
  CASE WHEN _good OR _exclude IS NOT NULL THEN NULL
    WHEN NOT ((_t1 IS NOT NULL OR _s1 IS NULL) AND (_t4 IS NOT NULL OR _s4 IS NULL)) THEN 'bad_text'
    WHEN coalesce(strlen(_s1), 0) + coalesce(strlen(_s4), 0) > 16777216 THEN 'too_large'
    WHEN _label IS NULL THEN 'bad_time'
    WHEN metric_name IS NULL OR metric_name = '' THEN 'no_name'
    WHEN length(metric_name) > 127 THEN 'name_too_long'
    WHEN NOT regexp_full_match(metric_name, '[^"\\\[\]{}<>#=;&$%|\x00\n\r]+') THEN 'bad_name'
    WHEN unit_id IS NULL THEN 'no_id'
    WHEN (_t4 <> '' AND numerator IS NULL) OR (_s5 IS NOT NULL AND denominator IS NULL) OR (NOT (numerator IS NOT NULL AND denominator IS NOT NULL) AND (_s3 IS NOT NULL AND _value IS NULL)) THEN 'bad_value'
    WHEN coalesce(_t4 <> '', false) <> coalesce(_s5 IS NOT NULL, false) THEN 'half_ratio'
    WHEN NOT ((numerator IS NOT NULL AND denominator IS NOT NULL) OR (_value IS NOT NULL AND NOT coalesce(_t4 <> '', false) AND NOT coalesce(_s5 IS NOT NULL, false))) THEN 'bad_value' END AS _reject
FROM (SELECT *,
  CASE WHEN _good THEN NULL WHEN _label IS NOT NULL AND NOT (_label = DATE '2026-11-20') THEN 'outside_day' END AS _exclude
FROM (SELECT *,
  coalesce((_t1 IS NOT NULL OR _s1 IS NULL) AND (_t4 IS NOT NULL OR _s4 IS NULL) AND coalesce(strlen(_s1), 0) + coalesce(strlen(_s4), 0) <= 16777216 AND _label = DATE '2026-11-20' AND strlen(metric_name) <= 127 AND regexp_full_match(metric_name, '[^"\\\[\]{}<>#=;&$%|\x00\n\r]+') AND unit_id IS NOT NULL AND ((numerator IS NOT NULL AND denominator IS NOT NULL) OR (_value IS NOT NULL AND NOT coalesce(_t4 <> '', false) AND NOT coalesce(_s5 IS NOT NULL, false))), false) AS _good
FROM (SELECT *,
  CASE WHEN numerator IS NULL OR denominator IS NULL THEN _value END AS "value"
FROM (SELECT *,
  _s0 AS "_label",
  _t1 AS "metric_name",
  'userID' AS "unit_type",
  CAST(_s2 AS VARCHAR) AS "unit_id",
  CASE WHEN isfinite(_s3) THEN CAST(_s3 AS DOUBLE) END AS "_value",
  CASE WHEN isfinite(TRY_CAST(_t4 AS DOUBLE)) THEN TRY_CAST(_t4 AS DOUBLE) END AS "numerator",
  CAST(_s5 AS DOUBLE) AS "denominator",
  '<load>' AS "_load",
  _s0 AS "_k0",
  coalesce(_t1, CAST(encode(_s1) AS VARCHAR)) AS "_k1",
  _s2 AS "_k2",
  _s3 AS "_k3",
  coalesce(_t4, CAST(encode(_s4) AS VARCHAR)) AS "_k4",
  _s5 AS "_k5"
FROM (SELECT src."ds" AS _s0, src."metric" AS _s1, TRY(decode(encode(src."metric"))) AS _t1, src."user_id" AS _s2, src."value" AS _s3, src."top" AS _s4, TRY(decode(encode(src."top"))) AS _t4, src."bottom" AS _s5 FROM (SELECT * FROM rows
) AS src))))))

-- where true
metric_name = "metric_name"
unit_type = "unit_type"
unit_id = "unit_id"
value = "value"
numerator = "numerator"
denominator = "denominator"
_load = "_load"

-- original
CAST(json_object('ds', CAST(_k0 AS VARCHAR), 'metric', CAST(_k1 AS VARCHAR), 'user_id', _k2, 'value', CASE WHEN isfinite(_k3) THEN to_json(_k3) ELSE to_json(CAST(_k3 AS VARCHAR)) END, 'top', CAST(_k4 AS VARCHAR), 'bottom', _k5) AS VARCHAR)
