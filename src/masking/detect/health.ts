/**
 * What tells of somebody's health care: numbers of medical records, of providers (NPI) and of health insurance, dates of birth. Digits alone say
 * nothing of these, so all but Medicare's numbers are told by the words before them. Each expression reads a bounded stretch.
 */

import { isLuhn } from './numbers.js';

export type HealthKind = 'medical_record' | 'npi' | 'health_insurance' | 'date_of_birth';

type Report = (kind: HealthKind, start: number, end: number) => void;

/** What may stand between a word and its value: `MRN: x`, `mrn="x"`, `MRN is x`, `MRN #x`. */
const BEHIND = `["']?\\s{0,3}(?:[:=#]|=>|\\bis\\b|\\bno\\b\\.?|\\bnumber\\b)?\\s{0,3}["'#]?`;
const named = (words: string, value: string, flags = 'dgi'): RegExp =>
  new RegExp(`(?<![A-Za-z])(?:${words})(?![A-Za-z])${BEHIND}(${value})(?![A-Za-z0-9])`, flags);

/** Between the words of a name: `date of birth`, `date_of_birth`, `DATE-OF-BIRTH`. */
const S = '[ _-]?';
const NUMBER = `${S}(?:number|num|no\\.?|id|identifier)`;

/** Letters, and five digits or more. */
const RECORD = '[A-Z]{0,4}-?\\d(?:-?[A-Z0-9]){4,18}';
const MEDICAL_RECORD = named(
  `MRN|medical${S}record(?:${NUMBER})?|patient${NUMBER}|(?:medical|health)${S}chart(?:${NUMBER})?|hospital${NUMBER}`,
  RECORD,
);

/** Ten digits that begin with 1 or 2 (Centers for Medicare & Medicaid Services, NPI check digit). */
const NPI = named(`NPI|national${S}provider${NUMBER}|provider${S}NPI`, '[12]\\d{9}');

/** Medicare's own: eleven places, the letters without S, L, O, I, B and Z (Centers for Medicare & Medicaid Services, MBI format). */
const LETTER = '[AC-HJKMNP-RT-Y]';
const ANY = '[AC-HJKMNP-RT-Y0-9]';
const MBI = new RegExp(
  `(?<![A-Za-z0-9])[1-9]${LETTER}${ANY}\\d-?${LETTER}${ANY}\\d-?${LETTER}${LETTER}\\d\\d(?![A-Za-z0-9])`,
  'g',
);
const HEALTH_INSURANCE = named(
  `MBI|HICN|KVNR|krankenversichertennummer|versichertennummer|NHS(?:${NUMBER})?|` +
    `(?:health${S}|medical${S})(?:insurance|plan|policy)(?:${S}(?:member|policy))?${NUMBER}|` +
    `(?:medicare|medicaid|subscriber|beneficiary|insurance${S}member|plan${S}member)${NUMBER}`,
  `[A-Z]{0,4}-?\\d(?:[ -]?[A-Z0-9]){4,18}`,
);

const MONTH =
  '(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\\.?';
const YEAR = '(?:18|19|20)\\d{2}';
const DAY = '(?:0?[1-9]|[12]\\d|3[01])';
const MONTH_NUMBER = '(?:0?[1-9]|1[0-2])';
const DATE = [
  `${YEAR}[-/.]${MONTH_NUMBER}[-/.]${DAY}`,
  `${DAY}[-/. ]{1,2}${DAY}[-/. ]{1,2}${YEAR}`,
  `${DAY}[-/.]${DAY}[-/.]\\d{2}`,
  `${DAY}(?:st|nd|rd|th)?[ -](?:of )?${MONTH}[, -]{1,2}${YEAR}`,
  `${MONTH} ${DAY}(?:st|nd|rd|th)?,? ${YEAR}`,
  `${YEAR}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\\d|3[01])`,
].join('|');
const DATE_OF_BIRTH = named(
  `d\\.?o\\.?b\\.?|date${S}of${S}birth|birth${S}?dates?|birthdays?|born(?: on)?|geboren(?: am)?|geb\\.|geburtsdatum|n[ée]e? le|fecha${S}de${S}nacimiento`,
  DATE,
);

/** Luhn's check over the digits behind the prefix 80840 of health care in the United States (CMS, NPI check digit). */
const isNpi = (digits: string): boolean => isLuhn(`80840${digits}`);

const always = (): boolean => true;
const RULES: readonly (readonly [HealthKind, RegExp, (value: string) => boolean])[] = [
  ['medical_record', MEDICAL_RECORD, (value) => value.replaceAll(/\D/g, '').length >= 5],
  ['npi', NPI, isNpi],
  ['health_insurance', HEALTH_INSURANCE, (value) => value.replaceAll(/\D/g, '').length >= 5],
  ['date_of_birth', DATE_OF_BIRTH, always],
];

/** A word of each of them, or a Medicare number's shape: most texts are done with after one look. */
const WORDS =
  /MRN|record|patient|chart|hospital|NPI|provider|MBI|HICN|KVNR|nummer|NHS|insurance|plan|policy|medicare|medicaid|subscriber|beneficiary|b\.?o\.?r\.?n|d\.?o\.?b|birth|geb|n[ée]e? le|nacimiento/i;

export function findHealth(text: string, wanted: ReadonlySet<string>, report: Report): void {
  if (wanted.has('health_insurance')) {
    MBI.lastIndex = 0;
    for (let match = MBI.exec(text); match; match = MBI.exec(text))
      report('health_insurance', match.index, match.index + match[0].length);
  }
  if (!WORDS.test(text)) return;
  for (const [kind, pattern, isOne] of RULES) {
    if (!wanted.has(kind)) continue;
    pattern.lastIndex = 0;
    for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
      const [, value = ''] = match;
      const [start, end] = match.indices?.[1] ?? [0, 0];
      if (isOne(value)) report(kind, start, end);
      // What does not count as its value may begin another.
      pattern.lastIndex = Math.max(match.index + 1, isOne(value) ? end : match.index + 1);
    }
  }
}
