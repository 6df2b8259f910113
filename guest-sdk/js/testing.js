// Migrations in unit tests, without a component. See testing.d.ts.

import { BinarySet, Num, NumberSet, StringSet, called, described, fields, format, handed, normal, same as alike } from './index.js';

function host({ table = 'Table', keyAttributes = ['Id'], startedAt = '2026-01-01T00:00:00Z', args = {} } = {}) {
  return {
    table: () => table,
    keyAttributes: () => keyAttributes,
    startedAt: () => startedAt,
    argument: (name) => args[name],
    log: (level, text) => console.log(`${level}: ${format([text])}`),
  };
}

function run(migration, direction, item, options) {
  described(migration);
  const actions = called(migration, direction, handed(fields(item, '')), host(options));
  let after = { ...item };
  for (const action of actions) {
    if (action.kind === 'patch') {
      for (const name of action.remove) delete after[name];
      Object.assign(after, action.set);
    } else if (action.kind === 'delete' && action.key === undefined) {
      after = null;
    }
  }
  return { after, actions };
}

/** The item as its patch leaves it (null if it is deleted), and all actions. Throws the item's error. */
export const migrate = (migration, item, options) => run(migration, 'migrate', item, options);

/** The same of the way back. */
export const undo = (migration, item, options) => run(migration, 'undo', item, options);

/** Whether two values are one to DynamoDB: by type, numbers by value, sets whatever their order. 1 and num('1.0') are. */
export const same = (actual, expected) => alike(read(actual), read(expected));

/** Throws, with each attribute that differs, unless two items are one to DynamoDB; null is an item that was deleted. */
export function assertItem(actual, expected) {
  const found = [...differences(read(actual), read(expected), '')];
  if (found.length === 0) return;
  const error = new Error(`the item is not as expected:\n${found.map((line) => `  ${line}`).join('\n')}`);
  throw Object.assign(error, { name: 'AssertionError', code: 'ERR_ASSERTION', actual, expected });
}

const read = (value) => (value === undefined ? undefined : normal(value, ''));

function* differences(actual, expected, path) {
  const isMap = (value) => typeof value === 'object' && value !== null && value.constructor === Object;
  if (isMap(actual) && isMap(expected)) {
    const own = (map, name) => (Object.hasOwn(map, name) ? map[name] : undefined);
    for (const name of new Set([...Object.keys(expected), ...Object.keys(actual)])) {
      yield* differences(own(actual, name), own(expected, name), path === '' ? name : `${path}.${name}`);
    }
  } else if (Array.isArray(actual) && Array.isArray(expected) && actual.length === expected.length) {
    for (const at of actual.keys()) yield* differences(actual[at], expected[at], `${path}[${at}]`);
  } else if (!alike(actual, expected)) {
    yield `${path === '' ? 'the item' : path}: expected ${shown(expected)}, found ${shown(actual)}`;
  }
}

/** As one would write it. */
function shown(value) {
  if (value === undefined) return 'nothing';
  if (value instanceof Num) return `num('${value}')`;
  if (value instanceof Uint8Array) return `Uint8Array.of(${value.join(', ')})`;
  for (const set of [StringSet, NumberSet, BinarySet]) {
    if (value instanceof set) return `new ${set.name}([${[...value].map(shown).join(', ')}])`;
  }
  if (Array.isArray(value)) return `[${value.map(shown).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{ ${Object.entries(value).map(([name, child]) => `${JSON.stringify(name)}: ${shown(child)}`).join(', ')} }`;
}
