/**
 * What the walk lets pass: an allow-list, so that whatever a new parser version or a new Snowflake release brings is refused
 * until somebody has thought about it.
 */
import type { FunctionClass } from '../functions/index.js';

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

/** Classes of Snowflake's functions that do more than compute: a policy has to list each by its name. */
export type Danger = Exclude<FunctionClass, 'pure' | 'aggregate' | 'window' | 'random' | 'time' | 'table'>;

const REASONS: Readonly<Record<Danger, string>> = {
  session: 'the connection is shared, and it would read what another agent ran',
  system: 'it acts on the Snowflake account',
  model: 'it sends data to a model',
  history: 'it tells what others did',
  definition: 'it tells about definitions and accounts',
  context: 'it tells about definitions and accounts',
  file: 'it reaches files',
  network: 'it tells about the network',
  encryption: 'it works with keys',
  notification: 'it makes messages that leave the account',
  metric: 'it reads whatever it is pointed at',
  dynamic: 'it runs text as a statement',
  sequence: 'it takes a number from a sequence',
};

/** Names that Snowflake has reserved for itself, listed or not: a function of tomorrow is as dangerous as its kin of today. */
const FAMILIES: readonly { readonly class: Danger; readonly names: RegExp }[] = [
  { class: 'system', names: /^SYSTEM\$/ },
  { class: 'model', names: /^(?:AI_|SNOWFLAKE\.CORTEX\.|SNOWFLAKE\.ML\.)/ },
  { class: 'history', names: /^(?:[^.]+\.)?INFORMATION_SCHEMA\./ },
  { class: 'session', names: /^(?:RESULT_SCAN|LAST_QUERY_ID|LAST_TRANSACTION)$/ },
];

/** What makes a function dangerous, by its listed class or its family; undefined if nothing does. */
export function dangerOf(
  name: string,
  listed?: FunctionClass,
): { readonly class: Danger; readonly reason: string } | undefined {
  const found = isDanger(listed) ? listed : FAMILIES.find(({ names }) => names.test(name.toUpperCase()))?.class;
  return found && { class: found, reason: REASONS[found] };
}

const isDanger = (listed: FunctionClass | undefined): listed is Danger =>
  listed !== undefined && Object.hasOwn(REASONS, listed);
