/**
 * Validates events against OCSF's published schema: a checkout of https://github.com/ocsf/ocsf-schema at the version that they name.
 *
 *   git clone -b v1.2.0 https://github.com/ocsf/ocsf-schema; snowfence sessions export --format ocsf --out events.jsonl
 *   node test/transcript/deliver/ocsf.mjs ocsf-schema events.jsonl
 *
 * Checked are: the class and its parents, its profiles, each object within, required attributes, unknown ones, types, enumerations, and
 * what needs at least one of some.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const read = (path) => JSON.parse(readFileSync(path, 'utf8'));

function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory()
      ? filesIn(join(folder, entry.name))
      : entry.name.endsWith('.json')
        ? [join(folder, entry.name)]
        : [],
  );
}

class Schema {
  constructor(root) {
    this.root = root;
    this.dictionary = read(join(root, 'dictionary.json'));
    this.objects = new Map(filesIn(join(root, 'objects')).map((file) => [read(file).name, read(file)]));
    this.classes = new Map(filesIn(join(root, 'events')).map((file) => [read(file).name, read(file)]));
    this.categories = read(join(root, 'categories.json')).attributes;
  }

  /** Attributes of an object or class with those of its parents and of the profiles that are in use. */
  attributesOf(definition, kind, profiles) {
    const parent = definition.extends && (kind === 'object' ? this.objects : this.classes).get(definition.extends);
    const attributes = parent ? this.attributesOf(parent, kind, profiles) : {};
    const add = (more) => {
      for (const [name, attribute] of Object.entries(more)) {
        if (name === '$include') {
          for (const path of [attribute].flat()) {
            const included = read(join(this.root, path));
            const isProfile = included.meta === 'profile' || path.startsWith('profiles/');
            if (!isProfile || profiles.has(included.name)) add(included.attributes);
          }
        } else if (!attribute.profile || profiles.has(attribute.profile))
          attributes[name] = {
            ...attributes[name],
            ...attribute,
            enum: { ...attributes[name]?.enum, ...attribute.enum },
          };
      }
    };
    add(definition.attributes);
    return attributes;
  }

  constraintsOf(definition, kind) {
    const parent = definition.extends && (kind === 'object' ? this.objects : this.classes).get(definition.extends);
    return { ...(parent ? this.constraintsOf(parent, kind) : {}), ...definition.constraints };
  }

  check(value, definition, kind, path, profiles, problems) {
    const attributes = this.attributesOf(definition, kind, profiles);
    for (const [name, attribute] of Object.entries(attributes))
      if (attribute.requirement === 'required' && value[name] === undefined)
        problems.push(`${path}${name} is required`);
    const { at_least_one: some = [] } = this.constraintsOf(definition, kind);
    if (some.length > 0 && !some.some((name) => value[name] !== undefined))
      problems.push(`${path}: one of ${some.join(', ')} is required`);
    for (const [name, item] of Object.entries(value)) {
      const attribute = attributes[name];
      if (!attribute) {
        problems.push(`${path}${name} is no attribute`);
        continue;
      }
      const known = this.dictionary.attributes[name] ?? {};
      const values = { ...known.enum, ...attribute.enum };
      const list = known.is_array ? item : [item];
      if (!Array.isArray(list)) problems.push(`${path}${name} has to be a list`);
      else for (const one of list) this.#checkValue(one, known.type, values, `${path}${name}`, profiles, problems);
    }
  }

  #checkValue(value, type, values, path, profiles, problems) {
    if (Object.keys(values).length > 0 && type === 'integer_t' && !(String(value) in values))
      problems.push(`${path}: ${value} is none of its values`);
    const object = this.objects.get(type);
    if (object && type !== 'object') {
      this.check(value, object, 'object', `${path}.`, profiles, problems);
      return;
    }
    const base = this.dictionary.types.attributes[type]?.type ?? type;
    const isRight =
      base === 'string_t' || type === 'string_t'
        ? typeof value === 'string'
        : base === 'integer_t' || base === 'long_t' || type === 'timestamp_t'
          ? Number.isSafeInteger(value)
          : base === 'boolean_t'
            ? typeof value === 'boolean'
            : true;
    if (!isRight) problems.push(`${path}: ${JSON.stringify(value)} is no ${type}`);
    const { regex } = this.dictionary.types.attributes[type] ?? {};
    if (regex && typeof value === 'string' && !new RegExp(regex).test(value))
      problems.push(`${path}: ${value} is no ${type}`);
  }
}

const [root, file] = process.argv.slice(2);
if (!root || !file) {
  process.stderr.write('Usage: node test/transcript/deliver/ocsf.mjs CHECKOUT EVENTS\n');
  process.exit(2);
}
const schema = new Schema(root);
let events = 0;
const problems = new Map();
for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
  const event = JSON.parse(line);
  events++;
  const found = [];
  const definition = [...schema.classes.values()].find(
    ({ uid, category, extends: parent }) => uid === event.class_uid % 1000 && (category ?? parent) === 'application',
  );
  if (!definition) found.push(`class ${event.class_uid} is not there`);
  else {
    const profiles = new Set(event.metadata?.profiles ?? []);
    // The category, class and type numbers follow from the schema, and are no lists of values in it.
    const { category_uid: category, class_uid: uid, type_uid: type, ...rest } = event;
    const expected = schema.categories.application.uid;
    if (category !== expected || uid !== expected * 1000 + definition.uid || type !== uid * 100 + event.activity_id)
      found.push('its numbers do not fit');
    schema.check({ ...rest, category_uid: 0, class_uid: 0, type_uid: 0 }, definition, 'class', '', profiles, found);
  }
  for (const problem of found) problems.set(problem, (problems.get(problem) ?? 0) + 1);
}
for (const [problem, times] of problems) process.stdout.write(`${problem} (${times} events)\n`);
process.stdout.write(
  `${events} events, ${problems.size} kinds of problem, schema ${read(join(root, 'version.json')).version}\n`,
);
process.exitCode = events > 0 && problems.size === 0 ? 0 : 1;
