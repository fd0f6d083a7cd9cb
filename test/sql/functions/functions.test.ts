import { describe, expect, it } from 'vitest';
import {
  DATE_PARTS,
  FUNCTION_CLASSES,
  SNOWFLAKE_FUNCTIONS,
  type SnowflakeFunction,
  snowflakeFunction,
} from '../../../dist/sql/functions/index.js';

const found = (name: string): SnowflakeFunction => {
  const one = snowflakeFunction(name);
  if (one === undefined) throw new Error(`${name} is not on the list.`);
  return one;
};

const offenders = (wrong: (one: SnowflakeFunction) => boolean): string[] =>
  SNOWFLAKE_FUNCTIONS.filter(wrong).map(({ name }) => name);

/** Classes of which a call may pass without being named by a policy: their numbers of arguments must be known. */
const HARMLESS = new Set(['pure', 'aggregate', 'window', 'random', 'time', 'table', 'context']);

describe('laws over the whole list', () => {
  it('has the more than thousand functions of the documentation', () => {
    expect(SNOWFLAKE_FUNCTIONS.length).toBeGreaterThan(1100);
  });

  it('has each name once, in order, in capitals', () => {
    const names = SNOWFLAKE_FUNCTIONS.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)].sort());
    expect(offenders(({ name }) => !/^[A-Z][A-Z0-9_$]*(?:\.[A-Z][A-Z0-9_$]*)*$/.test(name))).toEqual([]);
  });

  it('says for each how many arguments it takes', () => {
    expect(offenders(({ least, most }) => least < 0 || (most !== undefined && most < least))).toEqual([]);
    expect(offenders(({ least }) => !Number.isInteger(least))).toEqual([]);
  });

  it('bounds no more than what may be called without being named', () => {
    expect(offenders((one) => !HARMLESS.has(one.class) && one.class !== 'sequence' && one.most !== undefined)).toEqual(
      [],
    );
  });

  it('has a documented class for each', () => {
    expect(offenders((one) => !(one.class in FUNCTION_CLASSES))).toEqual([]);
    const used = new Set(SNOWFLAKE_FUNCTIONS.map((one) => one.class));
    expect(Object.keys(FUNCTION_CLASSES).filter((name) => ![...used].some((one) => one === name))).toEqual([]);
  });

  it('names the page of each', () => {
    expect(
      offenders(({ page }) => !/^(?:functions|constructs|info-schema|user-guide)\/[a-z0-9_-]+$/.test(page)),
    ).toEqual([]);
  });

  it('has names of arguments and of columns as they are written', () => {
    const odd = (names: readonly string[]): boolean =>
      names.some((name) => !/^[A-Z_][A-Z0-9_]*$/.test(name)) || new Set(names).size !== names.length;
    expect(offenders(({ named }) => odd(named))).toEqual([]);
    expect(offenders(({ columns }) => columns !== undefined && (columns.length === 0 || odd(columns)))).toEqual([]);
    expect(offenders(({ columns, isTable }) => columns !== undefined && !isTable)).toEqual([]);
  });

  it('puts a date part only where there is an argument', () => {
    expect(
      offenders(({ datePart, most }) => (datePart ?? []).some((index) => most !== undefined && index >= most)),
    ).toEqual([]);
  });

  it('lets only functions without arguments be written without brackets', () => {
    expect(offenders(({ noBrackets }) => noBrackets).sort()).toEqual([
      'CURRENT_DATE',
      'CURRENT_TIME',
      'CURRENT_TIMESTAMP',
      'CURRENT_USER',
      'LOCALTIME',
      'LOCALTIMESTAMP',
    ]);
    expect(offenders(({ noBrackets, least }) => noBrackets && least > 0)).toEqual([]);
  });

  it('calls nothing harmless whose name tells otherwise', () => {
    const telling =
      /^SYSTEM\$|CORTEX|^AI_|HISTORY|USAGE|_URL$|PRESIGNED|^FL_|^ENCRYPT|DECRYPT|REFERENCES|^IS_.*_IN_SESSION/;
    expect(offenders((one) => HARMLESS.has(one.class) && telling.test(one.name))).toEqual(['PARSE_URL']);
  });
});

const ANY = undefined;

describe('functions looked up by hand on their pages', () => {
  it.each<[string, string, number, number | undefined]>([
    ['ABS', 'pure', 1, 1],
    ['ROUND', 'pure', 1, 3],
    ['TRUNC', 'pure', 1, 2],
    ['TRUNCATE', 'pure', 1, 2],
    ['CEIL', 'pure', 1, 2],
    ['POW', 'pure', 2, 2],
    ['POWER', 'pure', 2, 2],
    ['WIDTH_BUCKET', 'pure', 4, 4],
    ['PI', 'pure', 0, 0],
    ['LOG', 'pure', 2, 2],
    ['CONCAT', 'pure', 1, ANY],
    ['CONCAT_WS', 'pure', 2, ANY],
    ['COALESCE', 'pure', 2, ANY],
    ['NVL', 'pure', 2, 2],
    ['IFNULL', 'pure', 2, 2],
    ['IFF', 'pure', 3, 3],
    ['DECODE', 'pure', 3, ANY],
    ['GREATEST', 'pure', 1, ANY],
    ['LEAST', 'pure', 1, ANY],
    ['LEN', 'pure', 1, 1],
    ['CHAR', 'pure', 1, 1],
    ['SUBSTRING', 'pure', 2, 3],
    ['SPLIT_PART', 'pure', 3, 3],
    ['STRTOK', 'pure', 1, 3],
    ['REPLACE', 'pure', 2, 3],
    ['TRANSLATE', 'pure', 3, 3],
    ['CHARINDEX', 'pure', 2, 3],
    ['POSITION', 'pure', 1, 3],
    ['LIKE', 'pure', 2, 3],
    ['RLIKE', 'pure', 2, 3],
    ['REGEXP_LIKE', 'pure', 2, 3],
    ['REGEXP_REPLACE', 'pure', 2, 6],
    ['REGEXP_SUBSTR', 'pure', 2, 6],
    ['REGEXP_EXTRACT_ALL', 'pure', 2, 6],
    ['REGEXP_INSTR', 'pure', 2, 7],
    ['PARSE_URL', 'pure', 1, 2],
    ['SHA1_HEX', 'pure', 1, 1],
    ['SHA2', 'pure', 1, 2],
    ['HASH', 'pure', 1, ANY],
    ['BITAND', 'pure', 2, 3],
    ['BIT_AND', 'pure', 2, 3],
    ['DATEFROMPARTS', 'pure', 3, 3],
    ['TIMESTAMP_NTZ_FROM_PARTS', 'pure', 2, 7],
    ['TIMESTAMPTZFROMPARTS', 'pure', 6, 8],
    ['DATEADD', 'pure', 3, 3],
    ['EXTRACT', 'pure', 1, 2],
    ['CONVERT_TIMEZONE', 'pure', 2, 3],
    ['TO_NUMERIC', 'pure', 1, 4],
    ['TRY_TO_DECIMAL', 'pure', 1, 4],
    ['TO_TIMESTAMP_LTZ', 'pure', 1, 2],
    ['TRY_TO_TIMESTAMP_TZ', 'pure', 1, 2],
    ['TIME', 'pure', 1, 1],
    ['YEAROFWEEKISO', 'pure', 1, 1],
    ['SECOND', 'pure', 1, 1],
    ['ARRAY_CONSTRUCT', 'pure', 0, ANY],
    ['OBJECT_CONSTRUCT', 'pure', 0, ANY],
    ['OBJECT_INSERT', 'pure', 3, 4],
    ['AS_TIMESTAMP_NTZ', 'pure', 1, 1],
    ['ST_GEOGFROMTEXT', 'pure', 1, 2],
    ['VECTOR_TRUNC', 'pure', 2, 2],
    ['BITMAP_COUNT', 'pure', 1, 1],
    ['COUNT', 'aggregate', 1, ANY],
    ['LISTAGG', 'aggregate', 1, 2],
    ['ARRAYAGG', 'aggregate', 1, 1],
    ['APPROX_TOP_K', 'aggregate', 1, 3],
    ['MINHASH', 'aggregate', 2, ANY],
    ['STDDEV', 'aggregate', 1, 1],
    ['STDDEV_SAMP', 'aggregate', 1, 1],
    ['MAX_BY', 'aggregate', 2, 3],
    ['GROUPING', 'aggregate', 1, ANY],
    ['ST_UNION_AGG', 'aggregate', 1, 1],
    ['LAG', 'window', 1, 3],
    ['LEAD', 'window', 1, 3],
    ['NTH_VALUE', 'window', 2, 2],
    ['CLASSIFIER', 'window', 0, 0],
    ['PREV', 'window', 1, 3],
    ['RANDOM', 'random', 0, 1],
    ['UUID_STRING', 'random', 0, 2],
    ['SEQ4', 'random', 0, 1],
    ['CURRENT_TIMESTAMP', 'time', 0, 1],
    ['GETDATE', 'time', 0, 0],
    ['FLATTEN', 'table', 1, 5],
    ['SPLIT_TO_TABLE', 'table', 2, 2],
    ['STRTOK_SPLIT_TO_TABLE', 'table', 1, 2],
    ['GENERATOR', 'table', 0, 2],
    ['CURRENT_ROLE', 'context', 0, 0],
    ['GETNEXTVAL', 'sequence', 1, 1],
    ['RESULT_SCAN', 'session', 0, ANY],
    ['LAST_QUERY_ID', 'session', 0, ANY],
    ['GETVARIABLE', 'session', 1, ANY],
    ['SYS_CONTEXT', 'session', 2, ANY],
    ['SYSTEM$CANCEL_QUERY', 'system', 0, ANY],
    ['SYSTEM$LOG_INFO', 'system', 0, ANY],
    ['AI_COMPLETE', 'model', 2, ANY],
    ['SNOWFLAKE.CORTEX.COMPLETE', 'model', 2, ANY],
    ['INFORMATION_SCHEMA.QUERY_HISTORY_BY_USER', 'history', 0, ANY],
    ['INFORMATION_SCHEMA.POLICY_REFERENCES', 'definition', 1, ANY],
    ['GET_DDL', 'definition', 2, ANY],
    ['IS_ROLE_IN_SESSION', 'definition', 1, ANY],
    ['ALL_USER_NAMES', 'definition', 0, ANY],
    ['GET_PRESIGNED_URL', 'file', 2, ANY],
    ['INFER_SCHEMA', 'file', 1, ANY],
    ['CURRENT_IP_ADDRESS', 'network', 0, ANY],
    ['ENCRYPT', 'encryption', 2, ANY],
    ['SNOWFLAKE.NOTIFICATION.TEXT_PLAIN', 'notification', 1, ANY],
    ['SNOWFLAKE.CORE.NULL_COUNT', 'metric', 1, ANY],
    ['TO_QUERY', 'dynamic', 1, ANY],
  ])('%s', (name, kind, least, most) => {
    const one = found(name);
    expect([one.class, one.least, one.most]).toEqual([kind, least, most]);
  });

  it('knows the columns of table functions', () => {
    expect(found('FLATTEN').columns).toEqual(['SEQ', 'KEY', 'PATH', 'INDEX', 'VALUE', 'THIS']);
    expect(found('SPLIT_TO_TABLE').columns).toEqual(['SEQ', 'INDEX', 'VALUE']);
    expect(found('STRTOK_SPLIT_TO_TABLE').columns).toEqual(['SEQ', 'INDEX', 'VALUE']);
    expect(found('GETNEXTVAL').columns).toEqual(['NEXTVAL']);
    expect(found('GENERATOR').columns).toBeUndefined();
    expect(found('INFORMATION_SCHEMA.LOGIN_HISTORY').columns?.slice(0, 3)).toEqual([
      'EVENT_TIMESTAMP',
      'EVENT_ID',
      'EVENT_TYPE',
    ]);
  });

  it('knows names of arguments', () => {
    expect(found('FLATTEN').named).toEqual(['INPUT', 'PATH', 'OUTER', 'RECURSIVE', 'MODE']);
    expect(found('GENERATOR').named).toEqual(['ROWCOUNT', 'TIMELIMIT']);
    expect(found('ROUND').named).toEqual(['EXPR', 'SCALE', 'ROUNDING_MODE']);
    expect(found('ABS').named).toEqual([]);
  });

  it('knows where a date part stands', () => {
    expect(offenders(({ datePart }) => datePart !== undefined)).toEqual([
      'DATEADD',
      'DATEDIFF',
      'DATE_PART',
      'DATE_TRUNC',
      'EXTRACT',
      'LAST_DAY',
      'TIMEADD',
      'TIMEDIFF',
      'TIMESTAMPADD',
      'TIMESTAMPDIFF',
      'TRUNC',
      'TRUNCATE',
    ]);
    expect(found('DATEADD').datePart).toEqual([0]);
    expect(found('LAST_DAY').datePart).toEqual([1]);
    expect(found('TRUNCATE').datePart).toEqual([1]);
    // There it must be a text (functions/time_slice).
    expect(found('TIME_SLICE').datePart).toBeUndefined();
    expect(
      ['YEAR', 'YYYY', 'WEEK_ISO', 'DOW', 'MS', 'EPOCH_NANOSECOND', 'TZH'].filter((part) => !DATE_PARTS.has(part)),
    ).toEqual([]);
    expect(DATE_PARTS.has('FORTNIGHT')).toBe(false);
  });

  it('knows which take a star', () => {
    for (const name of ['COUNT', 'OBJECT_CONSTRUCT', 'HASH', 'HASH_AGG', 'MINHASH', 'HLL']) {
      expect(found(name).takesStar, name).toBe(true);
    }
    for (const name of ['SUM', 'MAX', 'CONCAT', 'FLATTEN']) expect(found(name).takesStar, name).toBeUndefined();
  });
});

/** Functions that the first release let pass. */
const FORMER =
  'ABS ACOS ACOSH ADD_MONTHS ANY_VALUE APPROX_COUNT_DISTINCT APPROX_PERCENTILE APPROX_TOP_K APPROXIMATE_JACCARD_INDEX ' +
  'APPROXIMATE_SIMILARITY ARRAY_AGG ARRAY_APPEND ARRAY_CAT ARRAY_COMPACT ARRAY_CONSTRUCT ARRAY_CONSTRUCT_COMPACT ' +
  'ARRAY_CONTAINS ARRAY_DISTINCT ARRAY_EXCEPT ARRAY_FLATTEN ARRAY_GENERATE_RANGE ARRAY_INSERT ARRAY_INTERSECTION ' +
  'ARRAY_MAX ARRAY_MIN ARRAY_POSITION ARRAY_PREPEND ARRAY_REMOVE ARRAY_REMOVE_AT ARRAY_REPEAT ARRAY_REVERSE ARRAY_SIZE ' +
  'ARRAY_SLICE ARRAY_SORT ARRAY_TO_STRING ARRAY_UNION_AGG ARRAY_UNIQUE_AGG ARRAYS_OVERLAP ARRAYS_TO_OBJECT ARRAYS_ZIP ' +
  'AS_ARRAY AS_BINARY AS_BOOLEAN AS_CHAR AS_VARCHAR AS_DATE AS_DECIMAL AS_NUMBER AS_DOUBLE AS_REAL AS_INTEGER AS_OBJECT ' +
  'AS_TIME AS_TIMESTAMP_LTZ AS_TIMESTAMP_NTZ AS_TIMESTAMP_TZ ASCII ASIN ASINH ATAN ATAN2 ATANH AVG BASE64_DECODE_BINARY ' +
  'BASE64_DECODE_STRING BASE64_ENCODE BIT_LENGTH BITAND BITAND_AGG BIT_AND BIT_AND_AGG BITMAP_BIT_POSITION ' +
  'BITMAP_BUCKET_NUMBER BITMAP_CONSTRUCT_AGG BITMAP_COUNT BITMAP_OR_AGG BITNOT BITOR BITOR_AGG BITSHIFTLEFT BITSHIFTRIGHT ' +
  'BITXOR BITXOR_AGG BOOLAND BOOLAND_AGG BOOLNOT BOOLOR BOOLOR_AGG BOOLXOR BOOLXOR_AGG CBRT CEIL CHARINDEX CHECK_JSON ' +
  'CHECK_XML CHR CHAR COALESCE COLLATE COLLATION COMPRESS CONCAT CONCAT_WS CONDITIONAL_CHANGE_EVENT ' +
  'CONDITIONAL_TRUE_EVENT CONTAINS CONVERT_TIMEZONE CORR COS COSH COT COUNT COUNT_IF COVAR_POP COVAR_SAMP CUME_DIST ' +
  'CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_DATABASE CURRENT_SCHEMA DATE DATE_FROM_PARTS DATEFROMPARTS ' +
  'DATE_PART DATE_TRUNC DATEADD DATEDIFF DAYNAME DAY DAYOFMONTH DAYOFWEEK DAYOFWEEKISO DAYOFYEAR DECODE DECOMPRESS_BINARY ' +
  'DECOMPRESS_STRING DEGREES DENSE_RANK DIV0 DIV0NULL EDITDISTANCE ENDSWITH EQUAL_NULL EXP EXTRACT FACTORIAL FILTER ' +
  'FIRST_VALUE FLOOR GET GET_IGNORE_CASE GET_PATH GETBIT GETDATE GREATEST GREATEST_IGNORE_NULLS GROUPING GROUPING_ID HASH ' +
  'HASH_AGG HAVERSINE HEX_DECODE_BINARY HEX_DECODE_STRING HEX_ENCODE HLL HLL_ACCUMULATE HLL_COMBINE HLL_ESTIMATE ' +
  'HLL_EXPORT HLL_IMPORT HOUR IFF IFNULL ILIKE INITCAP INSERT IS_ARRAY IS_BINARY IS_BOOLEAN IS_CHAR IS_VARCHAR IS_DATE ' +
  'IS_DATE_VALUE IS_DECIMAL IS_DOUBLE IS_REAL IS_INTEGER IS_NULL_VALUE IS_OBJECT IS_TIME IS_TIMESTAMP_LTZ ' +
  'IS_TIMESTAMP_NTZ IS_TIMESTAMP_TZ JAROWINKLER_SIMILARITY KURTOSIS LAG LAST_DAY LAST_VALUE LEAD LEAST LEAST_IGNORE_NULLS ' +
  'LEFT LENGTH LEN LIKE LISTAGG LN LOCALTIME LOCALTIMESTAMP LOG LOWER LPAD LTRIM MAP_CAT MAP_CONTAINS_KEY MAP_DELETE ' +
  'MAP_INSERT MAP_KEYS MAP_PICK MAP_SIZE MAX MAX_BY MD5 MD5_HEX MD5_BINARY MD5_NUMBER_LOWER64 MD5_NUMBER_UPPER64 MEDIAN ' +
  'MIN MIN_BY MINHASH MINHASH_COMBINE MINUTE MOD MODE MONTH MONTHNAME MONTHS_BETWEEN NEXT_DAY NORMAL NTH_VALUE NTILE ' +
  'NULLIF NULLIFZERO NVL NVL2 OBJECT_AGG OBJECT_CONSTRUCT OBJECT_CONSTRUCT_KEEP_NULL OBJECT_DELETE OBJECT_INSERT ' +
  'OBJECT_KEYS OBJECT_PICK OCTET_LENGTH PARSE_IP PARSE_JSON PARSE_URL PARSE_XML PERCENT_RANK PERCENTILE_CONT ' +
  'PERCENTILE_DISC PI POSITION POW POWER PREVIOUS_DAY QUARTER RADIANS RANDOM RANDSTR RANK RATIO_TO_REPORT REDUCE ' +
  'REGEXP_COUNT REGEXP_INSTR REGEXP_LIKE REGEXP_REPLACE REGEXP_SUBSTR REGEXP_SUBSTR_ALL REGR_AVGX REGR_AVGY REGR_COUNT ' +
  'REGR_INTERCEPT REGR_R2 REGR_SLOPE REGR_SXX REGR_SXY REGR_SYY REGR_VALX REGR_VALY REPEAT REPLACE REVERSE RIGHT RLIKE ' +
  'ROUND ROW_NUMBER RPAD RTRIM RTRIMMED_LENGTH SECOND SYS_CONNECT_BY_PATH CLASSIFIER MATCH_NUMBER MATCH_SEQUENCE_NUMBER ' +
  'SEQ1 SEQ2 SEQ4 SEQ8 SHA1 SHA1_HEX SHA1_BINARY SHA2 SHA2_HEX SHA2_BINARY SIGN SIN SINH SKEW SOUNDEX SOUNDEX_P123 SPACE ' +
  'SPLIT SPLIT_PART SQRT SQUARE STARTSWITH STDDEV STDDEV_POP STDDEV_SAMP STRIP_NULL_VALUE STRTOK STRTOK_TO_ARRAY SUBSTR ' +
  'SUBSTRING SUM SYSDATE SYSTIMESTAMP TAN TANH TIME TIME_FROM_PARTS TIMEFROMPARTS TIME_SLICE TIMEADD TIMEDIFF ' +
  'TIMESTAMP_FROM_PARTS TIMESTAMPFROMPARTS TIMESTAMP_LTZ_FROM_PARTS TIMESTAMP_NTZ_FROM_PARTS TIMESTAMP_TZ_FROM_PARTS ' +
  'TIMESTAMPADD TIMESTAMPDIFF TO_ARRAY TO_BINARY TO_BOOLEAN TO_CHAR TO_VARCHAR TO_DATE TO_DECIMAL TO_NUMBER TO_NUMERIC ' +
  'TO_DOUBLE TO_GEOGRAPHY TO_GEOMETRY TO_JSON TO_OBJECT TO_TIME TO_TIMESTAMP TO_TIMESTAMP_LTZ TO_TIMESTAMP_NTZ ' +
  'TO_TIMESTAMP_TZ TO_VARIANT TO_XML TRANSFORM TRANSLATE TRIM TRUNC TRUNCATE TRY_BASE64_DECODE_BINARY ' +
  'TRY_BASE64_DECODE_STRING TRY_CAST TRY_HEX_DECODE_BINARY TRY_HEX_DECODE_STRING TRY_PARSE_JSON TRY_TO_BINARY ' +
  'TRY_TO_BOOLEAN TRY_TO_DATE TRY_TO_DECIMAL TRY_TO_NUMBER TRY_TO_NUMERIC TRY_TO_DOUBLE TRY_TO_GEOGRAPHY TRY_TO_GEOMETRY ' +
  'TRY_TO_TIME TRY_TO_TIMESTAMP TRY_TO_TIMESTAMP_LTZ TRY_TO_TIMESTAMP_NTZ TRY_TO_TIMESTAMP_TZ TYPEOF UNICODE UNIFORM ' +
  'UPPER UUID_STRING VAR_POP VAR_SAMP VARIANCE VARIANCE_POP VARIANCE_SAMP VECTOR_COSINE_SIMILARITY VECTOR_INNER_PRODUCT ' +
  'VECTOR_L1_DISTANCE VECTOR_L2_DISTANCE WEEK WEEKISO WEEKOFYEAR WIDTH_BUCKET XMLGET YEAR YEAROFWEEK YEAROFWEEKISO ' +
  'ZEROIFNULL ZIPF ST_AREA ST_ASGEOJSON ST_ASTEXT ST_ASWKT ST_BUFFER ST_CENTROID ST_COLLECT ST_CONTAINS ST_COVEREDBY ' +
  'ST_COVERS ST_DISTANCE ST_DWITHIN ST_INTERSECTS ST_LENGTH ST_MAKELINE ST_MAKEPOINT ST_POINT ST_WITHIN ST_X ST_Y ' +
  'H3_LATLNG_TO_CELL H3_CELL_TO_PARENT H3_GRID_DISK H3_POINT_TO_CELL FLATTEN GENERATOR SPLIT_TO_TABLE ' +
  'STRTOK_SPLIT_TO_TABLE ';

describe('by the name as written', () => {
  it('finds functions of the Information Schema by one, two and three parts', () => {
    const one = found('INFORMATION_SCHEMA.QUERY_HISTORY');
    expect(snowflakeFunction('QUERY_HISTORY')).toBe(one);
    expect(snowflakeFunction('ANALYTICS.INFORMATION_SCHEMA.QUERY_HISTORY')).toBe(one);
    expect(snowflakeFunction('ANALYTICS.SALES.QUERY_HISTORY')).toBeUndefined();
    expect(snowflakeFunction('A.B.INFORMATION_SCHEMA.QUERY_HISTORY')).toBeUndefined();
    expect(snowflakeFunction('INFORMATION_SCHEMA.ABS')).toBeUndefined();
  });

  it('finds others by their own name alone', () => {
    expect(snowflakeFunction('ABS')?.name).toBe('ABS');
    for (const name of ['abs', 'PUBLIC.ABS', 'SNOWFLAKE.ABS', 'CORTEX.COMPLETE', 'COMPLETE', 'ZZ_1', '']) {
      expect(snowflakeFunction(name), name).toBeUndefined();
    }
  });

  it('does not take a function of a schema for the bare one', () => {
    expect(found('AVG').class).toBe('aggregate');
    expect(found('SNOWFLAKE.CORE.AVG').class).toBe('metric');
    expect(found('TRANSLATE').class).toBe('pure');
    expect(found('SNOWFLAKE.CORTEX.TRANSLATE').class).toBe('model');
  });

  it.each([
    'IIF',
    'GROUP_CONCAT',
    'STRPOS',
    'STRING_AGG',
    'DATE_ADD',
    'UNNEST',
    'constructor',
    '__proto__',
    'toString',
  ])('knows no %s: to Snowflake that is a user’s', (name) => expect(snowflakeFunction(name)).toBeUndefined());

  it('has every function that was understood before', () => {
    const missing = FORMER.trim()
      .split(' ')
      .filter((name) => snowflakeFunction(name) === undefined);
    expect(missing).toEqual([]);
  });

  it('refuses by its class none that was understood before', () => {
    const refused = FORMER.trim()
      .split(' ')
      .filter((name) => snowflakeFunction(name) !== undefined && !HARMLESS.has(found(name).class));
    expect(refused).toEqual([]);
  });
});
