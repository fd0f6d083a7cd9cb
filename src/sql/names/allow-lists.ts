/**
 * What the walk lets pass: allow-lists of nodes, and of the fields of those that it takes apart itself, so that whatever a new parser
 * version or a new Snowflake release brings is refused until somebody has thought about it.
 */
import type { Body } from '../text/tree.js';

/** Nodes that only hold expressions together. None of them reads an object by name. */
const STRUCTURE =
  'literal boolean null identifier star braced_wildcard alias cast try_cast collation case and or add sub mul div mod eq neq lt lte gt gte like i_like concat not neg bitwise_not bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift in between is_null is_true is_false is exists null_safe_eq null_safe_neq similar_to any all tuple paren annotated interval var data_type ordered window over window_spec within_group window_function filter subscript dot array_slice array array_func struct lambda named_argument placeholder parameter extract group grouping_sets cube rollup distinct limit offset fetch grouping grouping_id aliases pivot_any time_unit interval_op at_time_zone operator aggregate_function function having_max map_func pivot_alias order_by Preceding Following table_sample historical_data changes';

/** Nodes of functions that the parser knows by name: pure ones, their result depends on their arguments alone. */
const PURE_FUNCTIONS =
  'count sum avg min max list_agg string_agg group_concat array_agg count_if sum_if stddev stddev_pop stddev_samp variance var_pop var_samp median mode first last any_value approx_distinct approx_count_distinct approx_percentile percentile logical_and logical_or skewness bitwise_count array_concat_agg array_unique_agg bool_xor_agg row_number rank dense_rank n_tile ntile lead lag first_value last_value nth_value percent_rank cume_dist percentile_cont percentile_disc corr covar_samp covar_pop regr_valx regr_valy regr_avgy regr_avgx regr_count regr_intercept regr_r2 regr_sxx regr_sxy regr_syy regr_slope arg_max arg_min approx_top_k hash_agg hll object_agg bitwise_and_agg bitwise_or_agg bitwise_xor_agg minhash j_s_o_n_object_agg j_s_o_n_array_agg parameterized_agg combined_agg_func anonymous_agg_func ' +
  'concat_ws substring upper lower length trim l_trim r_trim replace reverse left right repeat lpad rpad pad split split_part regexp_like regexp_replace regexp_extract regexp_extract_all regexp_instr regexp_count regexp_i_like regexp_full_match overlay abs round floor ceil power sqrt cbrt ln log exp sign greatest least coalesce null_if nullif if_func if_null nvl nvl2 contains starts_with ends_with position str_position initcap ascii chr char_func soundex levenshtein byte_length hex unicode mod_func random trunc_func pi radians degrees sin cos tan asin acos atan atan2 is_nan is_inf int_div decode decode_case translate stuff uniform rand randn randstr zipf normal width_bucket xor booland boolor getbit equal_null jarowinkler_similarity cosine_distance dot_product euclidean_distance manhattan_distance uuid ' +
  'current_date current_time current_timestamp current_timestamp_l_t_z localtime localtimestamp systimestamp date_add date_sub date_diff date_trunc to_date to_timestamp date time year month day hour minute second day_of_week day_of_week_iso day_of_month day_of_year week_of_year quarter week add_months months_between last_day next_day previous_day date_from_parts time_from_parts timestamp_from_parts timestamp_tz_from_parts timestamp timestamp_add timestamp_diff timestamp_sub timestamp_trunc time_add time_diff time_slice time_sub time_trunc datetime_add datetime_diff dayname monthname convert_timezone date_format unix_seconds unix_millis epoch year_of_week year_of_week_iso ts_or_ds_to_date ts_or_ds_to_timestamp str_to_date str_to_time time_to_str ' +
  'array_length array_size cardinality array_contains array_position array_append array_prepend array_concat array_sort sort_array array_reverse array_distinct array_join array_to_string array_filter array_transform array_flatten array_compact array_intersect array_union array_except array_remove array_construct_compact array_all array_any array_sum array_overlaps array_contains_all array_contained_by to_array map_keys map_values map_contains_key map_concat map_cat map_delete map_insert map_pick object_insert transform filter reduce struct_func struct_extract string_to_array json_extract json_extract_scalar json_extract_path parse_json parse_j_s_o_n to_json j_s_o_n_extract j_s_o_n_path j_s_o_n_object j_s_o_n_keys j_s_o_n_strip_nulls get_extract check_json check_xml typeof x_m_l_get ' +
  'to_boolean to_char to_number to_double to_binary to_decfloat try_to_decfloat to_map hex_encode base64_encode base64_decode_string base64_decode_binary try_base64_decode_string try_base64_decode_binary compress decompress_string decompress_binary s_h_a s_h_a2 s_h_a1_digest s_h_a2_digest m_d5_digest m_d5_number_lower64 m_d5_number_upper64 parse_url parse_ip unhex';

/** Of these the nodes that are calls. */
export const FUNCTION_KINDS: ReadonlySet<string> = new Set(PURE_FUNCTIONS.split(/\s+/));

export const EXPRESSION_KINDS: ReadonlySet<string> = new Set(`${STRUCTURE} ${PURE_FUNCTIONS}`.split(/\s+/));

/**
 * The fields that the walk looks into, for each form that it takes apart itself. A field that is not here and holds something makes
 * the statement not understood: what nobody looks at could hold a query.
 */
const FIELDS = {
  select:
    'expressions from joins where_clause group_by having qualify order_by limit offset fetch distinct distinct_on top with windows connect',
  table: 'name schema catalog alias column_aliases when changes table_sample',
  join: 'this on using kind use_inner_keyword use_outer_keyword nesting_group directed match_condition',
  subquery: 'this alias column_aliases order_by limit offset lateral modifiers_inside with',
  paren: 'this with order_by limit offset',
  star: 'table except replace rename',
  'set operation': 'left right all distinct order_by limit offset by_name with',
  values: 'expressions alias column_aliases with',
  with: 'ctes recursive',
  definition: 'this alias alias_first columns',
  lateral: 'this alias alias_quoted column_aliases',
  'bracketed join': 'left joins',
  alias: 'this alias column_aliases',
  'window function': 'this over keep',
  lambda: 'parameters body parameter_types',
  'qualified call': 'this method args',
  'sampled table': 'this sample',
  insert: 'table columns values query overwrite with',
  update: 'table set from_clause from_joins where_clause with',
  delete: 'table alias using where_clause with joins',
  merge: 'this using on whens with_',
  'WHEN of MERGE': 'matched condition then',
  pivot:
    'this expressions fields alias alias_columns column_aliases default_on_null value_column name_column columns include_nulls',
  match_recognize: 'this partition_by order_by measures rows after pattern define alias',
  'historical data': 'this kind expression',
  changes: 'information at_before end',
} as const satisfies Readonly<Record<string, string>>;

export type Form = keyof typeof FIELDS;

const KNOWN_FIELDS: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(FIELDS).map(([form, fields]) => [form, new Set(fields.split(' '))]),
);

/** Marks and remarks of the parser: they hold no expression. */
const MARKS =
  /^(?:span|alias_explicit_as|alias_keyword|(?:leading|trailing|pre_alias|pre|post)?_?comments|operator_comments)$/;

export const isPresent = (value: unknown): boolean =>
  value !== null && value !== undefined && value !== false && !(Array.isArray(value) && value.length === 0);

/** A field of a form that holds something and that the walk does not look into. */
export const unknownField = (form: Form, body: Body): string | undefined => {
  const known = KNOWN_FIELDS.get(form);
  return Object.keys(body).find((key) => isPresent(body[key]) && !known?.has(key) && !MARKS.test(key));
};
