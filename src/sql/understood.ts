/**
 * What the walk lets pass: an allow-list, so that whatever a new parser version or a new Snowflake release brings is refused
 * until somebody has thought about it.
 */

/** Nodes that only hold expressions together. None of them reads an object by name. */
const STRUCTURE =
  'literal boolean null identifier star braced_wildcard alias cast try_cast collation case and or add sub mul div mod eq neq lt lte gt gte like i_like concat not neg bitwise_not bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift in between is_null is_true is_false is exists null_safe_eq null_safe_neq similar_to any all tuple paren annotated interval var data_type ordered window over window_spec within_group window_function filter subscript dot array_slice array array_func struct lambda named_argument placeholder parameter extract group grouping_sets cube rollup distinct limit offset fetch grouping grouping_id aliases pivot_any time_unit interval_op at_time_zone operator aggregate_function function having_max map_func pivot_alias order_by Preceding Following table_sample historical_data changes';

/** Nodes of functions that the parser knows by name: pure ones, their result depends on their arguments alone. */
const PURE_FUNCTIONS =
  'count sum avg min max list_agg string_agg group_concat array_agg count_if sum_if stddev stddev_pop stddev_samp variance var_pop var_samp median mode first last any_value approx_distinct approx_count_distinct approx_percentile percentile logical_and logical_or skewness bitwise_count array_concat_agg array_unique_agg bool_xor_agg row_number rank dense_rank n_tile ntile lead lag first_value last_value nth_value percent_rank cume_dist percentile_cont percentile_disc corr covar_samp covar_pop regr_valx regr_valy regr_avgy regr_avgx regr_count regr_intercept regr_r2 regr_sxx regr_sxy regr_syy regr_slope arg_max arg_min approx_top_k hash_agg hll object_agg bitwise_and_agg bitwise_or_agg bitwise_xor_agg minhash j_s_o_n_object_agg j_s_o_n_array_agg parameterized_agg combined_agg_func anonymous_agg_func ' +
  'concat_ws substring upper lower length trim l_trim r_trim replace reverse left right repeat lpad rpad pad split split_part regexp_like regexp_replace regexp_extract regexp_extract_all regexp_instr regexp_count regexp_i_like regexp_full_match overlay abs round floor ceil power sqrt cbrt ln log exp sign greatest least coalesce null_if nullif if_func if_null nvl nvl2 contains starts_with ends_with position str_position initcap ascii chr char_func soundex levenshtein byte_length hex unicode mod_func random trunc_func pi radians degrees sin cos tan asin acos atan atan2 is_nan is_inf int_div decode decode_case translate stuff uniform randn randstr zipf normal width_bucket xor booland boolor getbit equal_null jarowinkler_similarity cosine_distance dot_product euclidean_distance manhattan_distance uuid ' +
  'current_date current_time current_timestamp current_timestamp_l_t_z localtime localtimestamp systimestamp date_add date_sub date_diff date_trunc to_date to_timestamp date time year month day hour minute second day_of_week day_of_week_iso day_of_month day_of_year week_of_year quarter week add_months months_between last_day next_day previous_day date_from_parts time_from_parts timestamp_from_parts timestamp_tz_from_parts timestamp timestamp_add timestamp_diff timestamp_sub timestamp_trunc time_add time_diff time_slice time_sub time_trunc datetime_add datetime_diff dayname monthname convert_timezone date_format unix_seconds unix_millis epoch year_of_week year_of_week_iso ts_or_ds_to_date ts_or_ds_to_timestamp str_to_date str_to_time time_to_str ' +
  'array_length array_size cardinality array_contains array_position array_append array_prepend array_concat array_sort sort_array array_reverse array_distinct array_join array_to_string array_filter array_transform array_flatten array_compact array_intersect array_union array_except array_remove array_construct_compact array_all array_any array_sum array_overlaps array_contains_all array_contained_by to_array map_keys map_values map_contains_key map_concat map_cat map_delete map_insert map_pick object_insert transform filter reduce struct_func struct_extract string_to_array json_extract json_extract_scalar json_extract_path parse_json parse_j_s_o_n to_json j_s_o_n_extract j_s_o_n_path j_s_o_n_object j_s_o_n_keys j_s_o_n_strip_nulls get_extract check_json check_xml typeof x_m_l_get ' +
  'to_boolean to_char to_number to_double to_binary to_decfloat try_to_decfloat to_map hex_encode base64_encode base64_decode_string base64_decode_binary try_base64_decode_string try_base64_decode_binary compress decompress_string decompress_binary s_h_a s_h_a2 s_h_a1_digest s_h_a2_digest m_d5_digest m_d5_number_lower64 m_d5_number_upper64 parse_url parse_ip unhex';

/** Of these the nodes that are calls. */
export const FUNCTION_KINDS: ReadonlySet<string> = new Set(PURE_FUNCTIONS.split(/\s+/));

export const EXPRESSION_KINDS: ReadonlySet<string> = new Set(`${STRUCTURE} ${PURE_FUNCTIONS}`.split(/\s+/));

/**
 * Functions that stay `function` nodes, by Snowflake's name (documentation page functions-all): pure ones.
 * What is not here is denied: SYSTEM$…, context functions that tell of other sessions, files, models, history.
 */
const NAMED =
  'ABS ACOS ACOSH ADD_MONTHS ANY_VALUE APPROX_COUNT_DISTINCT APPROX_PERCENTILE APPROX_TOP_K APPROXIMATE_JACCARD_INDEX APPROXIMATE_SIMILARITY ARRAY_AGG ARRAY_APPEND ARRAY_CAT ARRAY_COMPACT ARRAY_CONSTRUCT ARRAY_CONSTRUCT_COMPACT ARRAY_CONTAINS ARRAY_DISTINCT ARRAY_EXCEPT ARRAY_FLATTEN ARRAY_GENERATE_RANGE ARRAY_INSERT ARRAY_INTERSECTION ARRAY_MAX ARRAY_MIN ARRAY_POSITION ARRAY_PREPEND ARRAY_REMOVE ARRAY_REMOVE_AT ARRAY_REPEAT ARRAY_REVERSE ARRAY_SIZE ARRAY_SLICE ARRAY_SORT ARRAY_TO_STRING ARRAY_UNION_AGG ARRAY_UNIQUE_AGG ARRAYS_OVERLAP ARRAYS_TO_OBJECT ARRAYS_ZIP AS_ARRAY AS_BINARY AS_BOOLEAN AS_CHAR AS_VARCHAR AS_DATE AS_DECIMAL AS_NUMBER AS_DOUBLE AS_REAL AS_INTEGER AS_OBJECT AS_TIME AS_TIMESTAMP_LTZ AS_TIMESTAMP_NTZ AS_TIMESTAMP_TZ ASCII ASIN ASINH ATAN ATAN2 ATANH AVG ' +
  'BASE64_DECODE_BINARY BASE64_DECODE_STRING BASE64_ENCODE BIT_LENGTH BITAND BITAND_AGG BIT_AND BIT_AND_AGG BITMAP_BIT_POSITION BITMAP_BUCKET_NUMBER BITMAP_CONSTRUCT_AGG BITMAP_COUNT BITMAP_OR_AGG BITNOT BITOR BITOR_AGG BITSHIFTLEFT BITSHIFTRIGHT BITXOR BITXOR_AGG BOOLAND BOOLAND_AGG BOOLNOT BOOLOR BOOLOR_AGG BOOLXOR BOOLXOR_AGG CBRT CEIL CEILING CHARINDEX CHECK_JSON CHECK_XML CHR CHAR COALESCE COLLATE COLLATION COMPRESS CONCAT CONCAT_WS CONDITIONAL_CHANGE_EVENT CONDITIONAL_TRUE_EVENT CONTAINS CONVERT_TIMEZONE CORR COS COSH COT COUNT COUNT_IF COVAR_POP COVAR_SAMP CUME_DIST CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_DATABASE CURRENT_SCHEMA ' +
  'DATE DATE_FROM_PARTS DATEFROMPARTS DATE_PART DATE_TRUNC DATEADD DATEDIFF DAYNAME DAY DAYOFMONTH DAYOFWEEK DAYOFWEEKISO DAYOFYEAR DECODE DECOMPRESS_BINARY DECOMPRESS_STRING DEGREES DENSE_RANK DIV0 DIV0NULL EDITDISTANCE ENDSWITH EQUAL_NULL EXP EXTRACT FACTORIAL FILTER FIRST_VALUE FLOOR GET GET_IGNORE_CASE GET_PATH GETBIT GETDATE GREATEST GREATEST_IGNORE_NULLS GROUPING GROUPING_ID HASH HASH_AGG HAVERSINE HEX_DECODE_BINARY HEX_DECODE_STRING HEX_ENCODE HLL HLL_ACCUMULATE HLL_COMBINE HLL_ESTIMATE HLL_EXPORT HLL_IMPORT HOUR IFF IFNULL ILIKE INITCAP INSERT IS_ARRAY IS_BINARY IS_BOOLEAN IS_CHAR IS_VARCHAR IS_DATE IS_DATE_VALUE IS_DECIMAL IS_DOUBLE IS_REAL IS_INTEGER IS_NULL_VALUE IS_OBJECT IS_TIME IS_TIMESTAMP_LTZ IS_TIMESTAMP_NTZ IS_TIMESTAMP_TZ JAROWINKLER_SIMILARITY KURTOSIS ' +
  'LAG LAST_DAY LAST_VALUE LEAD LEAST LEAST_IGNORE_NULLS LEFT LENGTH LEN LIKE LIKE_ALL LIKE_ANY LISTAGG LN LOCALTIME LOCALTIMESTAMP LOG LOWER LPAD LTRIM MAP_CAT MAP_CONTAINS_KEY MAP_DELETE MAP_INSERT MAP_KEYS MAP_PICK MAP_SIZE MAX MAX_BY MD5 MD5_HEX MD5_BINARY MD5_NUMBER_LOWER64 MD5_NUMBER_UPPER64 MEDIAN MIN MIN_BY MINHASH MINHASH_COMBINE MINUTE MOD MODE MONTH MONTHNAME MONTHS_BETWEEN NEXT_DAY NORMAL NTH_VALUE NTILE NULLIF NULLIFZERO NVL NVL2 OBJECT_AGG OBJECT_CONSTRUCT OBJECT_CONSTRUCT_KEEP_NULL OBJECT_DELETE OBJECT_INSERT OBJECT_KEYS OBJECT_PICK OCTET_LENGTH PARSE_IP PARSE_JSON PARSE_URL PARSE_XML PERCENT_RANK PERCENTILE_CONT PERCENTILE_DISC PI POSITION POW POWER PREVIOUS_DAY QUARTER RADIANS RANDOM RANDSTR RANK RATIO_TO_REPORT REDUCE REGEXP REGEXP_COUNT REGEXP_INSTR REGEXP_LIKE REGEXP_REPLACE REGEXP_SUBSTR REGEXP_SUBSTR_ALL REGR_AVGX REGR_AVGY REGR_COUNT REGR_INTERCEPT REGR_R2 REGR_SLOPE REGR_SXX REGR_SXY REGR_SYY REGR_VALX REGR_VALY REPEAT REPLACE REVERSE RIGHT RLIKE ROUND ROW_NUMBER RPAD RTRIM RTRIMMED_LENGTH ' +
  'SECOND SYS_CONNECT_BY_PATH CLASSIFIER MATCH_NUMBER MATCH_SEQUENCE_NUMBER SEQ1 SEQ2 SEQ4 SEQ8 SHA1 SHA1_HEX SHA1_BINARY SHA2 SHA2_HEX SHA2_BINARY SIGN SIN SINH SKEW SOUNDEX SOUNDEX_P123 SPACE SPLIT SPLIT_PART SQRT SQUARE STARTSWITH STDDEV STDDEV_POP STDDEV_SAMP STRIP_NULL_VALUE STRTOK STRTOK_TO_ARRAY SUBSTR SUBSTRING SUM SYSDATE SYSTIMESTAMP TAN TANH TIME TIME_FROM_PARTS TIMEFROMPARTS TIME_SLICE TIMEADD TIMEDIFF TIMESTAMP_FROM_PARTS TIMESTAMPFROMPARTS TIMESTAMP_LTZ_FROM_PARTS TIMESTAMP_NTZ_FROM_PARTS TIMESTAMP_TZ_FROM_PARTS TIMESTAMPADD TIMESTAMPDIFF TO_ARRAY TO_BINARY TO_BOOLEAN TO_CHAR TO_VARCHAR TO_DATE TO_DECIMAL TO_NUMBER TO_NUMERIC TO_DOUBLE TO_GEOGRAPHY TO_GEOMETRY TO_JSON TO_OBJECT TO_TIME TO_TIMESTAMP TO_TIMESTAMP_LTZ TO_TIMESTAMP_NTZ TO_TIMESTAMP_TZ TO_VARIANT TO_XML TRANSFORM TRANSLATE TRIM TRUNC TRUNCATE TRY_BASE64_DECODE_BINARY TRY_BASE64_DECODE_STRING TRY_CAST TRY_HEX_DECODE_BINARY TRY_HEX_DECODE_STRING TRY_PARSE_JSON TRY_TO_BINARY TRY_TO_BOOLEAN TRY_TO_DATE TRY_TO_DECIMAL TRY_TO_NUMBER TRY_TO_NUMERIC TRY_TO_DOUBLE TRY_TO_GEOGRAPHY TRY_TO_GEOMETRY TRY_TO_TIME TRY_TO_TIMESTAMP TRY_TO_TIMESTAMP_LTZ TRY_TO_TIMESTAMP_NTZ TRY_TO_TIMESTAMP_TZ TYPEOF UNICODE UNIFORM UPPER UUID_STRING VAR_POP VAR_SAMP VARIANCE VARIANCE_POP VARIANCE_SAMP VECTOR_COSINE_SIMILARITY VECTOR_INNER_PRODUCT VECTOR_L1_DISTANCE VECTOR_L2_DISTANCE WEEK WEEKISO WEEKOFYEAR WIDTH_BUCKET XMLGET YEAR YEAROFWEEK YEAROFWEEKISO ZEROIFNULL ZIPF ' +
  'ST_AREA ST_ASGEOJSON ST_ASTEXT ST_ASWKT ST_BUFFER ST_CENTROID ST_COLLECT ST_CONTAINS ST_COVEREDBY ST_COVERS ST_DISTANCE ST_DWITHIN ST_INTERSECTS ST_LENGTH ST_MAKELINE ST_MAKEPOINT ST_POINT ST_WITHIN ST_X ST_Y H3_LATLNG_TO_CELL H3_CELL_TO_PARENT H3_GRID_DISK H3_POINT_TO_CELL';

export const NAMED_FUNCTIONS: ReadonlySet<string> = new Set(NAMED.split(/\s+/));

/** Table functions that read nothing but their arguments. */
export const TABLE_FUNCTIONS: ReadonlySet<string> = new Set([
  'FLATTEN',
  'GENERATOR',
  'SPLIT_TO_TABLE',
  'STRTOK_SPLIT_TO_TABLE',
]);

export type Danger = 'session' | 'system' | 'model' | 'history' | 'definition' | 'file';

/** In this order: the first that fits. Classes follow the categories of documentation page functions-all. */
const DANGERS: readonly { readonly class: Danger; readonly names: RegExp; readonly reason: string }[] = [
  {
    class: 'session',
    names: /^(?:RESULT_SCAN|LAST_QUERY_ID|LAST_TRANSACTION)$/,
    reason: 'the connection is shared, and it would read what another agent ran',
  },
  { class: 'system', names: /^SYSTEM\$/, reason: 'it acts on the Snowflake account' },
  {
    class: 'model',
    names: /^(?:AI_|SNOWFLAKE\.CORTEX|COMPLETE$|EMBED_|CLASSIFY_)/,
    reason: 'it sends data to a model',
  },
  { class: 'history', names: /HISTORY|USAGE/, reason: 'it tells what others did' },
  {
    class: 'definition',
    names: /^(?:GET_DDL|POLICY_|TAG_|CURRENT_|ALL_USER|INVOKER_|IS_ROLE|IS_DATABASE_ROLE)/,
    reason: 'it tells about definitions and accounts',
  },
  { class: 'file', names: /(?:_URL|^TO_FILE|^FL_|PRESIGNED|STAGE)/, reason: 'it reaches files' },
];

/** What makes a function dangerous; undefined if nothing does. */
export const dangerOf = (name: string): { readonly class: Danger; readonly reason: string } | undefined =>
  DANGERS.find(({ names }) => names.test(name.toUpperCase()));
