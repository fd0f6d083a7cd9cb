/**
 * Changes over the acceptance schema and two tables more: INSERT, UPDATE, DELETE and MERGE that name hidden columns and rows by every
 * route, the sub-queries among them also over sources without names. Each has one right outcome, whatever the hidden values are.
 */
import { Generator, TABLES as READ } from './generate.mjs';

/** What is hidden in each table; the second warehouse differs in nothing else. */
export const HIDDEN = {
  'ANALYTICS.SALES.CUSTOMERS': ['EMAIL', 'PHONE', 'SSN', 'BIRTH_DATE'],
  'ANALYTICS.SALES.CUSTOMER_CONTACTS': ['CONTACT'],
  'ANALYTICS.SALES.LEADS': ['EMAIL', 'PHONE', 'SSN', 'SCORE'],
  'ANALYTICS.SALES.CREDITS': ['CEILING', 'SSN', 'SSN_KEY', 'KEY_TWICE'],
  'ANALYTICS.SALES.PAYMENTS': ['CARD_NUMBER'],
  'ANALYTICS.SALES.EVENTS': ['PAYLOAD'],
};

export const TABLES = {
  ...READ,
  'ANALYTICS.SALES.PAYMENTS': { ...READ['ANALYTICS.SALES.PAYMENTS'], CARD_NUMBER: 't' },
  'ANALYTICS.SALES.LEADS': {
    LEAD_ID: 'n',
    CUSTOMER_ID: 'n',
    NAME: 't',
    EMAIL: 't',
    PHONE: 't',
    SSN: 't',
    SCORE: 'n',
    REGION: 't',
    CREATED_AT: 'd',
  },
  'ANALYTICS.SALES.NOTEPAD': { ID: 'n', LABEL: 't', AMOUNT: 'n', WRITTEN_AT: 'd' },
};

/** A column with one value for each row: what joins by it can't meet a row twice. */
const KEYS = {
  'ANALYTICS.SALES.LEADS': 'LEAD_ID',
  'ANALYTICS.SALES.CREDITS': 'CREDIT_ID',
  'ANALYTICS.SALES.ORDERS': 'ORDER_ID',
  'ANALYTICS.SALES.PAYMENTS': 'PAYMENT_ID',
  'ANALYTICS.SALES.EVENTS': 'EVENT_ID',
  'ANALYTICS.SALES.NOTEPAD': 'ID',
};

export const TARGETS = [
  ...Array(5).fill('ANALYTICS.SALES.LEADS'),
  ...Array(2).fill('ANALYTICS.SALES.NOTEPAD'),
  ...Array(2).fill('ANALYTICS.SALES.PAYMENTS'),
  ...Array(2).fill('ANALYTICS.SALES.CREDITS'),
  'ANALYTICS.SALES.CUSTOMERS',
  'ANALYTICS.SALES.ORDERS',
  'ANALYTICS.SALES.EVENTS',
];
/** What sub-queries read. */
const SOURCES = [
  ...Array(4).fill('ANALYTICS.SALES.CUSTOMERS'),
  ...Array(2).fill('ANALYTICS.SALES.LEADS'),
  'ANALYTICS.SALES.CREDITS',
  'ANALYTICS.SALES.CUSTOMER_CONTACTS',
  'ANALYTICS.SALES.ORDERS',
  'ANALYTICS.SALES.PAYMENTS',
  'ANALYTICS.SALES.EVENTS',
  'ANALYTICS.SALES.NOTEPAD',
];

const without = (columns, names) =>
  Object.fromEntries(Object.entries(columns).filter(([name]) => !names.includes(name)));
const free = (name) => without(TABLES[name], HIDDEN[name] ?? []);

/** Sources without names, whose columns nobody knows or that have none worth the name. */
const NAMELESS = [
  '(SELECT 1)',
  '(SELECT 1 AS ONE) z',
  'VALUES (1)',
  '(VALUES (1))',
  'TABLE(FLATTEN(ARRAY_CONSTRUCT(1)))',
  'TABLE(FLATTEN(INPUT => ARRAY_CONSTRUCT(1))) f',
  'TABLE(GENERATOR(ROWCOUNT => 1))',
];

export class ChangeGenerator extends Generator {
  /**
   * How the statement at hand names hidden columns: by no route, through sources without names alone, or by every route. Where one route is
   * refused, nothing is shown of the others.
   */
  #mode = 'plain';

  get #isFree() {
    return this.#mode !== 'all';
  }

  chosen() {
    const name = this.pick(SOURCES);
    return { name, columns: this.#isFree ? free(name) : TABLES[name] };
  }

  /** A column by one of its routes: bare, by alias, by the table's name, by its full name. */
  #route(target, column) {
    const table = target.name.split('.')[2];
    const routes = [column, column, `${target.alias}.${column}`, `${table}.${column}`, `${target.name}.${column}`];
    return this.pick(routes);
  }

  /** A hidden column of the target where there is one, else any column. */
  #wanted(target, type) {
    const hidden = (HIDDEN[target.name] ?? []).filter(
      (name) => type === undefined || TABLES[target.name][name] === type,
    );
    const own = Object.keys(target.columns).filter((name) => type === undefined || target.columns[name] === type);
    const pool = this.#mode !== 'plain' && hidden.length > 0 && this.chance(0.8) ? hidden : own;
    return pool.length > 0 ? this.pick(pool) : undefined;
  }

  /** A value that a source without names lets through from outside. */
  #through(target, type) {
    const column = this.#wanted(target, type);
    if (!column) return this.literal(type);
    const named = this.#route(target, column);
    const from = this.pick(NAMELESS);
    return this.pick([
      () => `(SELECT ${named} FROM ${from})`,
      () => `(SELECT ${named} FROM ${from})`,
      () => `(SELECT MAX(${named}) FROM ${from})`,
      () => `(SELECT MIN(x.V) FROM (SELECT ${named} AS V FROM ${from}) x)`,
    ])();
  }

  #throughPredicate(target) {
    const column = this.#wanted(target, 't') ?? Object.keys(target.columns)[0];
    const named = this.#route(target, column);
    const from = this.pick(NAMELESS);
    const pattern = this.pick(["'c%'", "'%1%'", "'4111%'", "'%@mail1%'", "'%9'"]);
    return this.pick([
      () => `EXISTS (SELECT 1 FROM ${from} WHERE ${named} LIKE ${pattern})`,
      () => `${named} IN (SELECT ${named} FROM ${from} WHERE ${named} LIKE ${pattern})`,
      () => `EXISTS (SELECT 'x' AS ${column} FROM ANALYTICS.REF.COUNTRIES WHERE ${column} LIKE ${pattern})`,
      () => `${named} LIKE ${pattern}`,
      () => `LENGTH(${named}) > ${this.pick([3, 9, 14])}`,
    ])();
  }

  #value(type, target, sources) {
    if (this.chance(this.#mode === 'through' ? 0.6 : 0.25)) return this.#through(target, type);
    return this.value(type, sources, this.below(3));
  }

  #predicate(target, sources) {
    if (this.chance(0.2)) return this.#throughPredicate(target);
    if (target.columns.CUSTOMER_ID && this.chance(0.2)) return this.#crowd(target);
    const predicate = this.predicate(sources, 1 + this.below(2));
    return this.chance(0.3) ? `${predicate} AND ${this.#narrow(target)}` : predicate;
  }

  /** As many rows as customers fulfil something: hidden ones would count. */
  #crowd(target) {
    const alias = this.name('c');
    const name = 'ANALYTICS.SALES.CUSTOMERS';
    const inner = { alias, name, columns: this.#isFree ? free(name) : TABLES[name] };
    const predicate = this.pick([() => 'TRUE', () => this.predicate([inner], 1)])();
    return this.pick([
      () => `${target.alias}.CUSTOMER_ID IN (SELECT ${alias}.CUSTOMER_ID FROM ${name} ${alias} WHERE ${predicate})`,
      () =>
        `EXISTS (SELECT 1 FROM ${name} ${alias} WHERE ${alias}.CUSTOMER_ID = ${target.alias}.CUSTOMER_ID AND ${predicate})`,
      () => `${target.alias}.CUSTOMER_ID < (SELECT COUNT(*) FROM ${name} ${alias} WHERE ${predicate})`,
    ])();
  }

  /** Few rows: what the rules on rows affected let through. */
  #narrow(target) {
    const key = KEYS[target.name] ?? 'CUSTOMER_ID';
    return `${target.alias}.${key} ${this.pick(['<', '<=', '='])} ${this.pick([3, 7, 12, 20, 30])}`;
  }

  #target() {
    const name = this.pick(TARGETS);
    const table = name.split('.')[2];
    const columns = this.#isFree ? free(name) : TABLES[name];
    return { name, alias: table, columns, sql: name };
  }

  #aliased(target) {
    if (!this.chance(0.2)) return target;
    const alias = this.name('g');
    return { ...target, alias, sql: `${target.name} ${this.pick(['', 'AS '])}${alias}` };
  }

  /** Rows to change by: each key once. */
  #source(target) {
    const alias = this.name('s');
    const names = Object.keys(KEYS).filter((name) => name !== target.name);
    const name = this.pick(names);
    const columns = this.#isFree ? free(name) : TABLES[name];
    const key = KEYS[name];
    if (this.chance(0.4)) {
      const inner = { alias: this.name('i'), columns, name };
      const by = this.pick(['n', 't']);
      const group = this.column([inner], by) ?? `${inner.alias}.${key}`;
      const more = this.value('t', [inner], 1);
      const where = this.chance(0.5) ? ` WHERE ${this.predicate([inner], 1)}` : '';
      const isText = by === 't' && !group.endsWith(`.${key}`);
      return {
        sql: `(SELECT ${group} AS K, MAX(${more}) AS T, COUNT(*) AS N FROM ${name} ${inner.alias}${where} GROUP BY 1) ${alias}`,
        alias,
        key: 'K',
        keyType: isText ? 't' : 'n',
        columns: { K: isText ? 't' : 'n', T: 't', N: 'n' },
      };
    }
    return { sql: `${name} ${alias}`, alias, key, keyType: 'n', columns };
  }

  #matching(target, source) {
    const own = source.keyType === 'n' ? (KEYS[target.name] ?? 'CUSTOMER_ID') : 'REGION';
    const column = target.columns[own]
      ? own
      : Object.keys(target.columns).find((name) => target.columns[name] === source.keyType);
    return column ? `${target.alias}.${column} = ${source.alias}.${source.key}` : 'FALSE';
  }

  #assignments(target, sources) {
    // A key stays, else rows could no longer be told apart.
    const names = Object.keys(target.columns).filter(
      (name) => name !== KEYS[target.name] && target.columns[name] !== 'j',
    );
    const chosen = new Set(Array.from({ length: 1 + this.below(2) }, () => this.pick(names)));
    return [...chosen]
      .map(
        (name) =>
          `${this.chance(0.1) ? `${target.alias}.` : ''}${name} = ${this.#value(target.columns[name], target, sources)}`,
      )
      .join(', ');
  }

  #update() {
    const target = this.#aliased(this.#target());
    const hasFrom = this.chance(0.25);
    const source = hasFrom ? this.#source(target) : undefined;
    const sources = source ? [target, source] : [target];
    const predicates = [
      ...(source ? [this.#matching(target, source)] : []),
      ...(this.chance(0.85) || source ? [this.#predicate(target, sources)] : []),
    ];
    const where = predicates.length > 0 ? ` WHERE ${predicates.join(' AND ')}` : '';
    const from = source ? ` FROM ${source.sql}` : '';
    return {
      target: target.name,
      sql: `UPDATE ${target.sql} SET ${this.#assignments(target, sources)}${from}${where}`,
    };
  }

  #delete() {
    const target = this.#aliased(this.#target());
    const source = this.chance(0.25) ? this.#source(target) : undefined;
    const sources = source ? [target, source] : [target];
    const using = source ? ` USING ${source.sql}` : '';
    const match = source ? `${this.#matching(target, source)} AND ` : '';
    return {
      target: target.name,
      sql: `DELETE FROM ${target.sql}${using} WHERE ${match}${this.#predicate(target, sources)}`,
    };
  }

  /** Columns for new rows: the key among them. */
  #inserted(target) {
    const key = KEYS[target.name];
    const names = Object.keys(target.columns).filter((name) => name !== key && target.columns[name] !== 'j');
    const chosen = new Set(Array.from({ length: 1 + this.below(3) }, () => this.pick(names)));
    return [...(key ? [key] : []), ...chosen];
  }

  #insert() {
    const target = this.#target();
    const names = this.#inserted(target);
    const types = names.map((name) => target.columns[name] ?? 'n');
    const list = `${target.name} (${names.join(', ')})`;
    if (this.chance(0.4)) {
      const cell = (type) =>
        this.pick([
          () => this.literal(type),
          () => this.literal(type),
          () => this.scalar(type, [], 2),
          () => this.#through(target, type),
        ])();
      const rows = Array.from({ length: 1 + this.below(3) }, () => `(${types.map(cell).join(', ')})`);
      return { target: target.name, sql: `INSERT INTO ${list} VALUES ${rows.join(', ')}` };
    }
    const source = this.table();
    const items = types.map((type) =>
      this.chance(0.1) ? this.#through(target, type) : this.value(type, [source], this.below(3)),
    );
    const where = this.chance(0.7) ? ` WHERE ${this.predicate([source], 1)}` : '';
    return { target: target.name, sql: `INSERT INTO ${list} SELECT ${items.join(', ')} FROM ${source.sql}${where}` };
  }

  #merge() {
    const target = this.#aliased(this.#target());
    const source = this.#source(target);
    const both = [target, source];
    const and = (sources) => (this.chance(0.5) ? ` AND ${this.#predicate(target, sources)}` : '');
    const branches = [];
    if (this.chance(0.4)) branches.push(`WHEN MATCHED AND ${this.#predicate(target, both)} THEN DELETE`);
    if (this.chance(0.75)) branches.push(`WHEN MATCHED${and(both)} THEN UPDATE SET ${this.#assignments(target, both)}`);
    if (this.chance(0.5) || branches.length === 0) {
      const names = this.#inserted(target);
      const cells = names.map((name) =>
        this.chance(0.1)
          ? this.#through(target, target.columns[name] ?? 'n')
          : this.value(target.columns[name] ?? 'n', [source], 1),
      );
      branches.push(`WHEN NOT MATCHED${and([source])} THEN INSERT (${names.join(', ')}) VALUES (${cells.join(', ')})`);
    }
    const extra = this.chance(0.2) ? ` AND ${this.#predicate(target, both)}` : '';
    return {
      target: target.name,
      sql: `MERGE INTO ${target.sql} USING ${source.sql} ON ${this.#matching(target, source)}${extra} ${branches.join(' ')}`,
    };
  }

  /** A change with its target. */
  change() {
    this.restart();
    this.#mode = this.pick(['plain', 'plain', 'plain', 'through', 'through', 'all']);
    const forms = [
      () => this.#update(),
      () => this.#update(),
      () => this.#delete(),
      () => this.#insert(),
      () => this.#merge(),
    ];
    return this.pick(forms)();
  }
}
