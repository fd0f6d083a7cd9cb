/**
 * The labelled set that the detectors are measured on: texts, and what is in them, by construction. `node test/masking/labelled.mjs`
 * prints precision and recall, the table of docs/detectors.md. Nothing here is anybody's: names are made up, numbers are random
 * (cards and IBANs with the check digits that make them count), telephone numbers are random within their countries' plans.
 */
import { fileURLToPath } from 'node:url';
import { DETECTOR_KINDS, Scrubber } from '../../dist/masking/index.js';
import { random } from '../support/random.mjs';

const next = random(20_261_121);
const upTo = (n) => Math.floor(next() * n);
const one = (items) => items[upTo(items.length)];
const many = (n, make) => Array.from({ length: n }, make).join('');
const digits = (n) => many(n, () => upTo(10));
const two = (n) => String(n).padStart(2, '0');
const from = (alphabet, n) => many(n, () => alphabet[upTo(alphabet.length)]);
const LETTERS = 'abcdefghijklmnopqrstuvwxyz';
const ALNUM = `${LETTERS}${LETTERS.toUpperCase()}0123456789`;
const HEX = '0123456789abcdef';

const FIRST = [
  'anna',
  'bilal',
  'chloe',
  'dmitri',
  'eve',
  'farid',
  'greta',
  'hana',
  'ivan',
  'jose',
  'kemal',
  'lena',
  'mina',
  'noor',
  'zoë',
];
const LAST = [
  'smith',
  'okafor',
  'garcia',
  'lindqvist',
  'novak',
  'tanaka',
  'oneil',
  'peeters',
  'rossi',
  'müller',
  'kaya',
  'diaz',
];
const HOSTS = [
  'example.com',
  'example.org',
  'mail.example.net',
  'corp.example.co.uk',
  'xn--bcher-kva.example',
  'shop.example.museum',
  'bücher.example',
];
/** What people write around a value; `{}` is its place. */
const AROUND = [
  '{}',
  '{}',
  '{}',
  '{}',
  'Please write to {} by Friday.',
  'customer said: {} - call back',
  'old: n/a, new: {}, changed by support',
  '({})',
  '"{}"',
  '<{}>',
  '[{}]',
  'value={}',
  '{};',
  'See {}, thanks!',
  '{"contact":"{}","note":"none"}',
  'Zeile 1\nZeile 2 mit {}\nEnde',
  'ticket 48213 / {} / 2026-03-14',
];

const set = [];
/** One text with one thing to find in it. */
const holds = (kind, value, around = one(AROUND)) =>
  set.push({ text: around.replace('{}', () => value), finds: [[kind, value]] });
const holdsNothing = (text) => set.push({ text, finds: [] });
const times = (n, make) => {
  for (let i = 0; i < n; i++) make(i);
};

// --- e-mail
const local = () =>
  one([
    () => `${one(FIRST)}.${one(LAST)}`,
    () => `${one(FIRST)}${upTo(100)}`,
    () => `${one(FIRST)[0]}${one(LAST)}+news`,
    () => `${one(LAST)}_${one(FIRST)}`,
    () => one(['info', 'sales', 'no-reply', 'office']),
    () => `${one(FIRST)}.o'${one(LAST)}`,
  ])();
times(240, () => holds('email', `${local()}@${one(HOSTS)}`));
times(20, () => holds('email', `${local()}@${one(HOSTS)}`.toUpperCase()));
times(10, () => holds('email', `mailto:${local()}@${one(HOSTS)}`.slice(7), 'mailto:{}?subject=hello'));
// Quoted local parts and addresses in brackets are e-mail addresses too.
times(5, () => holds('email', `"${one(FIRST)} ${one(LAST)}"@example.com`, '{}'));

// --- telephone
const plan = () => `${2 + upTo(8)}${digits(1)}${one(['0', '2', '4', '5', '7'])}`;
const american = () =>
  one([
    () => `(${plan()}) ${plan()}-${digits(4)}`,
    () => `${plan()}-${plan()}-${digits(4)}`,
    () => `${plan()}.${plan()}.${digits(4)}`,
    () => `1-${plan()}-${plan()}-${digits(4)}`,
    () => `+1 ${plan()} ${plan()} ${digits(4)}`,
    () => `+1${plan()}${plan()}${digits(4)}`,
  ])();
const abroad = () =>
  one([
    () => `+49 30 ${1 + upTo(9)}${digits(6)}`,
    () => `+49 (0)89 ${1 + upTo(9)}${digits(3)} ${digits(4)}`,
    () => `+44 20 7${digits(3)} ${digits(4)}`,
    () => `+447${digits(9)}`,
    () => `+33 6 ${digits(2)} ${digits(2)} ${digits(2)} ${digits(2)}`,
    () => `+34 6${digits(2)} ${digits(3)} ${digits(3)}`,
    () => `+39 02 ${digits(4)} ${digits(4)}`,
    () => `+81 3-${1 + upTo(9)}${digits(3)}-${digits(4)}`,
    () => `+91 9${digits(4)} ${digits(5)}`,
    () => `+61 4${digits(2)} ${digits(3)} ${digits(3)}`,
    () => `0049 30 ${1 + upTo(9)}${digits(6)}`,
    () => `+55 11 9${digits(4)}-${digits(4)}`,
    () => `+90 532 ${digits(3)} ${digits(2)} ${digits(2)}`,
    () => `+48 ${5 + upTo(3)}${digits(2)} ${digits(3)} ${digits(3)}`,
    () => `+358 40 ${1 + upTo(9)}${digits(6)}`,
  ])();
const national = () =>
  one([
    () => `030 ${1 + upTo(9)}${digits(6)}`,
    () => `0151 ${1 + upTo(9)}${digits(6)}`,
    () => `020 7${digits(3)} ${digits(4)}`,
    () => `06 ${many(4, () => `${digits(2)} `).trim()}`,
    () => `(089) ${1 + upTo(9)}${digits(3)}-${digits(3)}`,
    () => `0${7 + upTo(2)}${digits(3)} ${digits(6)}`,
  ])();
times(120, () => holds('phone', american()));
times(120, () => holds('phone', abroad()));
times(60, () => holds('phone', national()));
times(20, () =>
  holds(
    'phone',
    `${plan()}${plan()}${digits(4)}`,
    one(['Tel: {}', 'phone {}', 'mobile: {} (evenings)', 'please call {}']),
  ),
);
// Ten digits alone are a telephone number to whoever knows it.
times(10, () => holds('phone', `${plan()}${plan()}${digits(4)}`, '{}'));

// --- cards
const luhn = (body) => {
  let sum = 0;
  [...body].reverse().forEach((digit, at) => {
    const value = at % 2 === 0 ? Number(digit) * 2 : Number(digit);
    sum += value > 9 ? value - 9 : value;
  });
  return `${body}${(10 - (sum % 10)) % 10}`;
};
const card = () =>
  one([
    () => luhn(`4${digits(14)}`),
    () => luhn(`5${1 + upTo(5)}${digits(13)}`),
    () => luhn(`3${one(['4', '7'])}${digits(12)}`),
    () => luhn(`6011${digits(11)}`),
    () => luhn(`35${30 + upTo(50)}${digits(11)}`),
    () => luhn(`36${digits(11)}`),
    () => luhn(`62${digits(13)}`),
    () => luhn(`2${3 + upTo(3)}${digits(13)}`),
  ])();
const grouped = (number, sign) =>
  (number.length === 15 ? [4, 6, 5] : number.length === 14 ? [4, 6, 4] : [4, 4, 4, number.length - 12])
    .reduce(({ parts, at }, size) => ({ parts: [...parts, number.slice(at, at + size)], at: at + size }), {
      parts: [],
      at: 0,
    })
    .parts.join(sign);
times(130, () => holds('credit_card', card()));
times(130, () => holds('credit_card', grouped(card(), one([' ', '-']))));

// --- social security
const ssn = (sign) =>
  `${one(['0', '1', '2', '4', '5', '7'])}${1 + upTo(5)}${1 + upTo(5)}${sign}${1 + upTo(9)}${1 + upTo(9)}${sign}${1 + upTo(9)}${digits(3)}`;
times(170, () => holds('us_ssn', ssn('-')));
times(30, () => holds('us_ssn', ssn(' ')));
times(20, () => holds('us_ssn', ssn(''), one(['SSN {}', 'ssn: {}', 'social security number {}'])));
times(10, () => holds('us_ssn', ssn(''), '{}'));

// --- IBAN
const checked = (country, account) => {
  const number = [...`${account}${country}00`]
    .map((sign) => (sign >= 'A' ? String(sign.charCodeAt(0) - 55) : sign))
    .join('');
  return `${country}${String(98n - (BigInt(number) % 97n)).padStart(2, '0')}${account}`;
};
const iban = () =>
  one([
    () => checked('DE', digits(18)),
    () => checked('FR', digits(23)),
    () => checked('GB', `${from('ABCDEFGHJKLMNPRSTW', 4)}${digits(14)}`),
    () => checked('NL', `${from('ABCDEFGHJKLMNPRSTW', 4)}${digits(10)}`),
    () => checked('ES', digits(20)),
    () => checked('IT', `${from('ABCDEFGHJK', 1)}${digits(22)}`),
    () => checked('NO', digits(11)),
    () => checked('TR', digits(22)),
    () => checked('CH', digits(17)),
    () => checked('PL', digits(24)),
  ])();
const inFours = (value) => value.match(/.{1,4}/g).join(' ');
times(110, () => holds('iban', iban()));
times(100, () => holds('iban', inFours(iban())));
times(20, () => holds('iban', iban().toLowerCase()));

// --- IP addresses
const byte = () => upTo(256);
times(130, () => holds('ip_address', `${1 + upTo(223)}.${byte()}.${byte()}.${byte()}`));
times(40, () =>
  holds(
    'ip_address',
    many(8, (_, at) => `${at ? ':' : ''}${from(HEX, 4)}`),
  ),
);
times(30, () => holds('ip_address', `2001:db8:${from('123456789abcdef', 3)}::${from('123456789', 2)}`));
times(10, () => holds('ip_address', `fe80::${from('123456789abcdef', 4)}`));

// --- secrets
const secret = () =>
  one([
    () => `AKIA${from('ABCDEFGHIJKLMNOPQRSTUVWXYZ234567', 16)}`,
    () => `ghp_${from(ALNUM, 36)}`,
    () => `github_pat_${from(ALNUM, 22)}_${from(ALNUM, 59)}`,
    () => `glpat-${from(ALNUM, 20)}`,
    () => `xoxb-${digits(12)}-${digits(12)}-${from(ALNUM, 24)}`,
    () => `sk_live_${from(ALNUM, 24)}`,
    () => `AIza${from(ALNUM, 35)}`,
    () => `npm_${from(ALNUM, 36)}`,
    () => `sk-ant-api03-${from(ALNUM, 90)}`,
    () => `sk-proj-${from(ALNUM, 48)}`,
    () => `SG.${from(ALNUM, 22)}.${from(ALNUM, 43)}`,
    () => `SK${from(HEX, 32)}`,
    () => `hf_${from(ALNUM, 34)}`,
    () => `eyJ${from(ALNUM, 33)}.eyJ${from(ALNUM, 60)}.${from(ALNUM, 43)}`,
    () => `-----BEGIN RSA PRIVATE KEY-----\n${many(6, () => `${from(ALNUM, 64)}\n`)}-----END RSA PRIVATE KEY-----`,
  ])();
times(200, () => holds('secret', secret()));
times(60, () =>
  holds(
    'secret',
    `${from(ALNUM, 8)}!${from(ALNUM, 6)}`,
    one([
      'password: {}',
      'pwd={}',
      'api_key={} ',
      'client_secret: "{}"',
      'postgres://app:{}@db.example.com/main',
      '"access_token": "{}"',
      'Password is {}',
    ]),
  ),
);
times(20, () => holds('secret', from(ALNUM, 40), one(['Authorization: Bearer {}', 'aws_secret_access_key = {}'])));
// Forty characters that nothing names.
times(10, () => holds('secret', from(`${ALNUM}/+`, 40), '{}'));

// --- health care
const npi = () => {
  const body = `${1 + upTo(2)}${digits(8)}`;
  return `${body}${luhn(`80840${body}`).at(-1)}`;
};
const MBI_LETTERS = 'ACDEFGHJKMNPQRTUVWXY';
const mbi = (sign = '') => {
  const letter = () => from(MBI_LETTERS, 1);
  const any = () => from(`${MBI_LETTERS}0123456789`, 1);
  return `${1 + upTo(9)}${letter()}${any()}${upTo(10)}${sign}${letter()}${any()}${upTo(10)}${sign}${letter()}${letter()}${digits(2)}`;
};
times(220, () =>
  holds(
    'medical_record',
    one([
      () => digits(6 + upTo(5)),
      () => `${from('ABCDEFGHJK', 2)}${digits(6)}`,
      () => `${from('ABCDEFGHJK', 1)}-${digits(7)}`,
    ])(),
    one([
      'MRN {}',
      'MRN: {}',
      'mrn={}',
      '"mrn": "{}"',
      'Medical record number {}, seen twice',
      'medical_record_no: {}',
      'patient id {} moved to ward 3',
      'Patient No. {}',
      'PATIENT_ID={}',
      'pt. with MRN #{} called',
    ]),
  ),
);
// What nothing names.
times(5, () => holds('medical_record', digits(8), 'patient {} was seen'));
times(210, () =>
  holds(
    'npi',
    npi(),
    one(['NPI {}', 'npi: {}', 'NPI #{}', 'National Provider Identifier: {}', 'provider_npi={}', '(NPI {})']),
  ),
);
times(130, () => holds('health_insurance', mbi(one(['', '-'])), one(AROUND)));
times(90, () =>
  holds(
    'health_insurance',
    one([
      () => `${from('ABCDEFGHJK', 3)}${digits(9)}`,
      () => `${from('ABCDEFGHJK', 1)}${digits(9)}`,
      () => `${digits(9)}${from('ABCD', 1)}`,
    ])(),
    one([
      'health insurance number {}',
      'Health plan ID: {}',
      'Medicaid id {}',
      'subscriber_id={}',
      'NHS number {}',
      'Versichertennummer {}',
      'KVNR: {}',
      'insurance member id: {}.',
    ]),
  ),
);
// Grouped like a telephone number.
times(2, () => holds('health_insurance', `${digits(3)} ${digits(3)} ${digits(4)}`, 'NHS number {}'));
const born = () => {
  const [day, month, year] = [1 + upTo(28), 1 + upTo(12), 1920 + upTo(100)];
  const name = ['January', 'Feb', 'March', 'April', 'May', 'June', 'Jul', 'August', 'Sept', 'Oct.', 'November', 'Dec'][
    month - 1
  ];
  return one([
    () => `${year}-${two(month)}-${two(day)}`,
    () => `${month}/${day}/${year}`,
    () => `${two(day)}.${two(month)}.${year}`,
    () => `${two(month)}/${two(day)}/${two(year % 100)}`,
    () => `${day} ${name} ${year}`,
    () => `${name} ${day}, ${year}`,
    () => `${year}${two(month)}${two(day)}`,
  ])();
};
times(220, () =>
  holds(
    'date_of_birth',
    born(),
    one([
      'DOB {}',
      'DOB: {}',
      'dob={}',
      'D.O.B. {}',
      'date of birth {}',
      'date_of_birth: "{}"',
      '{"birth_date":"{}"}',
      'Birthday is {}',
      'born {} in Lyon',
      'born on {}',
      'geboren am {}',
      'né le {}',
    ]),
  ),
);
// Two words between them.
times(5, () => holds('date_of_birth', born(), 'birthday, as she said, {}'));

// --- nothing
const WORDS =
  'the parcel came late and the box was open but all was there so no refund is due we sent a new one on monday the customer is happy with it'.split(
    ' ',
  );
const prose = () => Array.from({ length: 5 + upTo(20) }, () => one(WORDS)).join(' ');
const uuid = () => `${from(HEX, 8)}-${from(HEX, 4)}-4${from(HEX, 3)}-a${from(HEX, 3)}-${from(HEX, 12)}`;
const date = () => `20${two(upTo(30))}-${two(1 + upTo(12))}-${two(1 + upTo(28))}`;
const time = () => `${two(upTo(24))}:${two(upTo(60))}:${two(upTo(60))}`;
times(150, () => holdsNothing(prose()));
times(60, () => holdsNothing(`${prose()}, order ${digits(6 + upTo(7))}`));
times(60, () => holdsNothing(uuid()));
times(60, () =>
  holdsNothing(`${date()}${one([' ', 'T'])}${time()}${one(['', '.123456', 'Z', '+02:00', '.123 +0000'])}`),
);
times(30, () => holdsNothing(`${two(1 + upTo(28))}.${two(1 + upTo(12))}.20${two(upTo(30))}${one(['', ` ${time()}`])}`));
times(50, () => holdsNothing(`${upTo(10_000)}.${digits(2 + upTo(10))}`));
times(40, () =>
  holdsNothing(`${one(['52', '48', '-33', '40'])}.${digits(6)}, ${one(['13', '2', '151', '-74'])}.${digits(6)}`),
);
times(40, () => holdsNothing(digits(5 + upTo(15))));
times(40, () => holdsNothing(`${one(['v', 'version ', 'release ', ''])}${upTo(20)}.${upTo(20)}.${upTo(40)}`));
times(30, () => holdsNothing(`978-${upTo(10)}-${digits(2)}-${digits(6)}-${upTo(10)}`));
times(40, () => holdsNothing(`${from('ABCDEFGHJK', 2)}-${digits(4)}-${digits(3)}`));
times(40, () => holdsNothing(`SKU ${from('ABCDEFGHJK', 3)}${digits(5)}/${digits(2)}`));
times(30, () => holdsNothing(from(HEX, one([7, 32, 40, 64]))));
times(30, () => holdsNothing(`https://www.example.com/${one(WORDS)}/${digits(5)}?page=${upTo(90)}`));
times(30, () =>
  holdsNothing(`${from(HEX, 2)}:${from(HEX, 2)}:${from(HEX, 2)}:${from(HEX, 2)}:${from(HEX, 2)}:${from(HEX, 2)}`),
);
times(30, () => holdsNothing(`std::vector<int>::iterator it${upTo(9)}; a::b::c(${upTo(99)})`));
times(30, () => holdsNothing(`${upTo(900)},${digits(3)},${digits(3)}.${digits(2)} ${one(['EUR', 'USD', 'GBP'])}`));
times(30, () => holdsNothing(`@${one(FIRST)} please look, ${one(WORDS)} @ ${two(upTo(24))}:${two(upTo(60))}`));
times(20, () =>
  holdsNothing(
    one([
      'the password must be changed',
      'token expired',
      'secret sauce is mustard',
      'key: value',
      'api key missing',
      'Password: ********',
    ]),
  ),
);
times(30, () => holdsNothing(`1Z${from('ABCDEFGHJKLMNPRSTW', 3)}${from(ALNUM.toUpperCase(), 3)}${digits(10)}`));
times(30, () =>
  holdsNothing(`width 1920-1080, ratio ${upTo(20)}/${upTo(20)}, rows ${upTo(9)} ${digits(3)} ${digits(3)}`),
);
times(30, () => holdsNothing(`${digits(3)}-${digits(4)}-${digits(2)}`));

// What stands near the words of health care and is none of its numbers.
times(40, () =>
  holdsNothing(
    one([
      `the patient waited ${upTo(90)} minutes`,
      `record ${digits(3)} of ${digits(4)} in the chart`,
      `insurance paid ${digits(3)}.${digits(2)} on ${date()}`,
      `the provider called at ${time()}`,
      `born in ${1900 + upTo(100)}, lives in Bern`,
      `health plan renewed on ${date()}`,
      `policy ${digits(4)} was changed, medical record updated on ${date()}`,
      `birthday offer ends ${date()}`,
      `NPI was missing`,
      `npi 12345`,
      `plan B, patient A`,
    ]),
  ),
);

export const LABELLED = set;

/** For each kind what was rightly found, missed, and found where there is nothing of it. */
export function measure(labelled = set) {
  return DETECTOR_KINDS.map((kind) => {
    const scrubber = new Scrubber([{ name: kind, pattern: undefined, mask: { kind: 'redact' } }]);
    const result = { kind, found: 0, missed: 0, wrong: 0, misses: [], wrongs: [] };
    for (const { text, finds } of labelled) {
      const out = scrubber.text(text);
      const marks = out.split(`[${kind}]`).length - 1;
      const own = finds.filter(([name]) => name === kind);
      // Found means that nothing of the value is left.
      const hidden = own.filter(
        ([, value]) => marks > 0 && !out.includes(value) && !isPartLeft(text, out, value, kind),
      );
      result.found += hidden.length;
      result.missed += own.length - hidden.length;
      if (hidden.length < own.length) result.misses.push(text);
      const wrong = Math.max(0, marks - hidden.length);
      result.wrong += wrong;
      if (wrong > 0) result.wrongs.push(text);
    }
    return {
      ...result,
      precision: result.found / (result.found + result.wrong),
      recall: result.found / (result.found + result.missed),
    };
  });
}

/** What stood before and after the value has to be all that is left around the mark, or less. */
function isPartLeft(text, out, value, kind) {
  const [before, after] = text.split(value);
  const [outBefore, outAfter] = [
    out.slice(0, out.indexOf(`[${kind}]`)),
    out.slice(out.lastIndexOf(`[${kind}]`) + kind.length + 2),
  ];
  return outBefore.length > before.length || outAfter.length > after.length;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const percent = (value) => `${(value * 100).toFixed(1)} %`;
  console.log(
    `${set.length} values, ${set.filter(({ finds }) => finds.length === 0).length} of them with nothing to find\n`,
  );
  console.log('| kind | found | missed | wrong | precision | recall |');
  console.log('| --- | ---: | ---: | ---: | ---: | ---: |');
  for (const { kind, found, missed, wrong, precision, recall, misses, wrongs } of measure()) {
    console.log(`| \`${kind}\` | ${found} | ${missed} | ${wrong} | ${percent(precision)} | ${percent(recall)} |`);
    if (process.argv.includes('--verbose')) {
      for (const text of misses.slice(0, 15)) console.log(`    missed ${JSON.stringify(text)}`);
      for (const text of wrongs.slice(0, 15)) console.log(`    wrong  ${JSON.stringify(text)}`);
    }
  }
}
