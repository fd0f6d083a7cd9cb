/**
 * Proposals for `columns`, each with its reason, for somebody to review: from what Snowflake's classification and tags say of a column
 * (documentation pages user-guide/classify-native, account-usage/tag_references), else from its name, type and comment.
 */
import { columnType, type MaskMethod, misfit } from '../../masking/index.js';
import { type ObjectName, showIdentifier, showObject } from '../../sql/index.js';

export interface DescribedColumn {
  readonly object: ObjectName;
  readonly name: string;
  readonly type: string;
  readonly comment: string;
  readonly tags: readonly { readonly name: string; readonly value: string }[];
  /** What Snowflake's classification recommends. */
  readonly classified: { readonly semantic: string; readonly privacy: string; readonly confidence: string } | undefined;
}

export interface Suggestion {
  readonly column: DescribedColumn;
  readonly mask: MaskMethod;
  readonly reason: string;
}

/** What fits the type: a partial mask needs a text, a date keeps its year, a number its range. */
function fitting(wanted: MaskMethod, type: string): MaskMethod {
  if (misfit(wanted, type) === undefined) return wanted;
  return columnType(type).family === 'text' ? { kind: 'redact' } : { kind: 'null' };
}

/** By semantic category of the classification, and by the words of a column's name. */
const KINDS: readonly {
  readonly what: string;
  readonly categories: readonly string[];
  readonly words: RegExp;
  readonly mask: MaskMethod;
}[] = [
  {
    what: 'a secret',
    categories: [],
    words:
      /(?:^|_)(?:PASSWORD|PASSWD|PWD|SECRET|API_?KEY|ACCESS_?TOKEN|REFRESH_?TOKEN|PRIVATE_?KEY|CREDENTIALS?|CVV|CVC|PIN_?CODE)(?:_|$)/,
    mask: { kind: 'deny' },
  },
  {
    what: 'a payment card',
    categories: ['PAYMENT_CARD'],
    words: /(?:^|_)(?:CARD_?(?:NO|NUM|NUMBER)|CREDIT_?CARD|CC_?(?:NO|NUM|NUMBER)|PAN)(?:_|$)/,
    mask: { kind: 'deny' },
  },
  {
    what: 'an e-mail address',
    categories: ['EMAIL'],
    words: /(?:^|_)E?_?MAIL(?:_?(?:ADDRESS|ADDR))?(?:_|$)/,
    mask: { kind: 'email' },
  },
  {
    what: 'a telephone number',
    categories: ['PHONE_NUMBER'],
    words: /(?:^|_)(?:PHONE|MOBILE|CELL|TELEPHONE|TEL|FAX|MSISDN)(?:_?(?:NO|NUM|NUMBER))?(?:_|$)/,
    mask: { kind: 'keep_last', count: 4 },
  },
  {
    what: 'a number that identifies a person',
    categories: ['NATIONAL_IDENTIFIER', 'TAX_IDENTIFIER', 'PASSPORT', 'DRIVERS_LICENSE', 'MEDICARE_NUMBER'],
    words:
      /(?:^|_)(?:SSN|SOCIAL_?SECURITY|NATIONAL_?ID|TAX_?ID|TIN|PASSPORT|DRIVERS?_?LICEN[CS]E|LICEN[CS]E_?(?:NO|NUM|NUMBER)|NHS|NINO|AADHAAR|INSURANCE_?(?:NO|NUM|NUMBER))(?:_|$)/,
    mask: { kind: 'hash' },
  },
  {
    what: 'a bank account',
    categories: ['BANK_ACCOUNT'],
    words:
      /(?:^|_)(?:IBAN|BIC|SWIFT|BANK_?ACCOUNT|ACCOUNT_?(?:NO|NUM|NUMBER)|ROUTING_?(?:NO|NUM|NUMBER)|SORT_?CODE)(?:_|$)/,
    mask: { kind: 'hash' },
  },
  {
    what: 'a date of birth',
    categories: ['DATE_OF_BIRTH', 'YEAR_OF_BIRTH'],
    words: /(?:^|_)(?:BIRTH_?(?:DATE|DAY)?|DATE_?OF_?BIRTH|DOB)(?:_|$)/,
    mask: { kind: 'truncate_date', part: 'year' },
  },
  {
    what: 'a device or network address',
    categories: ['IP_ADDRESS', 'IMEI', 'VIN'],
    words: /(?:^|_)(?:IP|IP_?ADDR(?:ESS)?|MAC_?ADDR(?:ESS)?|IMEI|DEVICE_?ID|VIN)(?:_|$)/,
    mask: { kind: 'hash' },
  },
  {
    what: 'a person’s name',
    categories: ['NAME'],
    words:
      /(?:^|_)(?:FIRST|LAST|FULL|MIDDLE|SUR|GIVEN|FAMILY|MAIDEN|CONTACT|CUSTOMER|EMPLOYEE|PATIENT|HOLDER)_?NAME(?:_|$)/,
    mask: { kind: 'redact' },
  },
  {
    what: 'a street address',
    categories: ['STREET_ADDRESS'],
    words: /(?:^|_)(?:STREET|ADDRESS|ADDR|ADDRESS_?LINE_?\d?|HOUSE_?(?:NO|NUMBER))(?:_|$)/,
    mask: { kind: 'redact' },
  },
  {
    what: 'a postal code',
    categories: ['POSTAL_CODE'],
    words: /(?:^|_)(?:ZIP|ZIP_?CODE|POSTAL_?CODE|POST_?CODE)(?:_|$)/,
    mask: { kind: 'keep_first', count: 2 },
  },
  {
    what: 'a place on the map',
    categories: ['LATITUDE', 'LONGITUDE', 'LAT_LONG'],
    words: /(?:^|_)(?:LAT|LATITUDE|LON|LNG|LONGITUDE|GEO_?LOCATION|COORDINATES)(?:_|$)/,
    mask: { kind: 'null' },
  },
  {
    what: 'a salary',
    categories: ['SALARY'],
    words: /(?:^|_)(?:SALARY|WAGE|INCOME|COMPENSATION|BONUS)(?:_|$)/,
    mask: { kind: 'bucket', size: 10_000 },
  },
  {
    what: 'health data',
    categories: ['MEDICAL_DATA'],
    words: /(?:^|_)(?:DIAGNOSIS|ICD_?10|MEDICATION|PRESCRIPTION|DISEASE|BLOOD_?TYPE)(?:_|$)/,
    mask: { kind: 'deny' },
  },
  {
    what: 'a trait that must not be judged by',
    categories: ['ETHNICITY', 'GENDER', 'MARITAL_STATUS'],
    words: /(?:^|_)(?:ETHNICITY|RACE|RELIGION|GENDER|SEX|SEXUAL_?ORIENTATION|MARITAL_?STATUS|NATIONALITY)(?:_|$)/,
    mask: { kind: 'redact' },
  },
];

const COMMENT = /\b(?:personal data|personally identifiable|pii|gdpr|confidential|sensitive|secret)\b/i;
const TAG =
  /(?:^|_)(?:PII|SENSITIVE|SENSITIVITY|PRIVACY|CONFIDENTIAL|CONFIDENTIALITY|GDPR|PHI|PCI|DATA_CLASS(?:IFICATION)?)(?:_|$)/i;
const OPEN_VALUE = /^(?:public|none|no|false|low|internal|open)$/i;

/** `birthDate`, `birth-date` and `BIRTH_DATE` alike. */
const words = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, '$1_$2')
    .replace(/[^A-Za-z0-9]+/g, '_')
    .toUpperCase();

function suggestOne(column: DescribedColumn): Suggestion | undefined {
  const { classified, tags, type } = column;
  const suggest = (mask: MaskMethod, reason: string): Suggestion => ({ column, mask: fitting(mask, type), reason });
  const category = classified?.semantic ?? tags.find(({ name }) => name.toUpperCase() === 'SEMANTIC_CATEGORY')?.value;
  const known = KINDS.find(({ categories }) => category !== undefined && categories.includes(category.toUpperCase()));
  if (known)
    return suggest(
      known.mask,
      classified
        ? `Snowflake classified it as ${classified.semantic} (${classified.privacy}, confidence ${classified.confidence}).`
        : `Tagged SEMANTIC_CATEGORY = ${category ?? ''}.`,
    );
  const named = KINDS.find((kind) => kind.words.test(words(column.name)));
  if (named) return suggest(named.mask, `Its name says ${named.what}.`);
  const tag = tags.find(({ name, value }) => TAG.test(name) && !OPEN_VALUE.test(value));
  if (tag) return suggest({ kind: 'redact' }, `Tagged ${tag.name} = ${tag.value}.`);
  if (
    classified &&
    classified.privacy !== '' &&
    classified.privacy !== 'QUASI_IDENTIFIER' &&
    classified.privacy !== 'QUASI-IDENTIFIER'
  )
    return suggest({ kind: 'redact' }, `Snowflake classified it as ${classified.semantic} (${classified.privacy}).`);
  if (COMMENT.test(column.comment)) return suggest({ kind: 'redact' }, 'Its comment says that it is sensitive.');
  return undefined;
}

export const suggestMasks = (columns: readonly DescribedColumn[]): readonly Suggestion[] =>
  columns.flatMap((column) => suggestOne(column) ?? []);

function maskYaml(mask: MaskMethod): string {
  switch (mask.kind) {
    case 'keep_first':
    case 'keep_last':
      return `{ ${mask.kind}: ${mask.count} }`;
    case 'bucket':
      return `{ bucket: ${mask.size} }`;
    case 'truncate_date':
      return `{ truncate_date: ${mask.part} }`;
    case 'constant':
      return `{ constant: ${JSON.stringify(mask.value)} }`;
    case 'null':
      return '"null"';
    default:
      return mask.kind;
  }
}

/** A `columns` section to paste into a policy, with the reasons as comments. */
export function suggestionsYaml(suggestions: readonly Suggestion[]): string {
  if (suggestions.length === 0) return '# Nothing to suggest.\ncolumns: []\n';
  const entries = suggestions.map(({ column, mask, reason }) => {
    const glob = JSON.stringify(`${showObject(column.object)}.${showIdentifier(column.name)}`);
    return `  # ${reason.replaceAll(/\s+/g, ' ')}\n  - match: [${glob}]\n    mask: ${maskYaml(mask)}`;
  });
  return `# Proposals to review: masks that fit what names, types, comments, tags and classification say.\ncolumns:\n${entries.join('\n')}\n`;
}
