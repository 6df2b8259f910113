// Migrations of DynamoDB tables that drift-host runs: one function over one item. See index.d.ts.

/** A DynamoDB number: decimal text, exact, up to 38 significant digits. Never a float. */
export class Num {
  constructor(text) {
    check(text);
    // Not private: assert.deepEqual, and whoever prints one, must see it.
    this.text = text;
    Object.freeze(this);
  }

  toString() {
    return this.text;
  }

  toJSON() {
    return this.text;
  }

  /** For `+`, `<` and the like: a JavaScript number, if that is exactly this one. */
  valueOf() {
    const number = Number(this.text);
    if (String(number) === this.text || (Number.isFinite(number) && this.equals(num(text(number))))) return number;
    throw new RangeError(`${this.text} is not exact as a JavaScript number: use toBigInt(), toString() or compare()`);
  }

  /** As a BigInt; an error if it is not whole. */
  toBigInt() {
    const { negative, digits, exponent } = parts(this.text);
    if (digits === '') return 0n;
    const zeros = exponent + 1 - digits.length;
    if (zeros < 0) throw new RangeError(`${this.text} is not a whole number`);
    const whole = BigInt(digits) * 10n ** BigInt(zeros);
    return negative ? -whole : whole;
  }

  /** By value: 1, 1.0 and 10E-1 are one number. */
  equals(other) {
    return this.compare(other) === 0;
  }

  /** -1, 0 or 1. */
  compare(other) {
    const { text } = num(other);
    if (text === this.text) return 0;
    const a = parts(this.text);
    const b = parts(text);
    if (a.digits === '' || b.digits === '' || a.negative !== b.negative) {
      const sign = (it) => (it.digits === '' ? 0 : it.negative ? -1 : 1);
      return Math.sign(sign(a) - sign(b));
    }
    const larger = a.negative ? -1 : 1;
    if (a.exponent !== b.exponent) return a.exponent > b.exponent ? larger : -larger;
    return a.digits === b.digits ? 0 : a.digits > b.digits ? larger : -larger;
  }
}

/** A number of a text that needs no looking at: DynamoDB gave it, or it is a whole one of JavaScript's. */
export function given(text) {
  const number = Object.create(Num.prototype);
  number.text = text;
  return Object.freeze(number);
}

/** The number of a text, a whole number or a BigInt. */
export function num(value) {
  if (value instanceof Num) return value;
  if (typeof value === 'bigint') return new Num(String(value));
  if (typeof value === 'number') return Number.isSafeInteger(value) ? given(text(value)) : new Num(text(value));
  if (typeof value === 'string') return new Num(value);
  throw new TypeError(`${shown(value)} is no number`);
}

function text(number) {
  if (Number.isSafeInteger(number)) return Object.is(number, -0) ? '0' : String(number);
  if (Number.isFinite(number)) return String(number);
  throw new RangeError(`${number} is no number to DynamoDB`);
}

/** What is so written is in range, and has not too many digits. */
const COMMON = /^-?\d{1,38}$/;
const SYNTAX = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

function parts(text) {
  const [mantissa, power = '0'] = text.replace(/^[+-]/, '').split(/[eE]/);
  const [whole, fraction = ''] = mantissa.split('.');
  const all = whole + fraction;
  const significant = all.replace(/^0+/, '');
  const digits = significant.replace(/0+$/, '');
  const exponent = Number(power) + whole.length - 1 - (all.length - significant.length);
  return { negative: text.startsWith('-'), digits, exponent: digits === '' ? 0 : exponent };
}

function check(text) {
  if (typeof text === 'string' && COMMON.test(text)) return;
  if (typeof text !== 'string' || !SYNTAX.test(text)) throw new RangeError(`${shown(text)} is not a decimal number`);
  const { digits, exponent } = parts(text);
  if (digits.length > 38) throw new RangeError(`${text} has more than 38 significant digits, which is what DynamoDB keeps`);
  if (exponent < -130 || exponent > 125) {
    throw new RangeError(`${text} is outside of DynamoDB's range (1E-130 to 9.99E+125, and zero)`);
  }
}

class DriftSet {
  constructor(values) {
    this.values = [...values];
  }

  has(value) {
    return this.values.some((other) => same(other, this.element(value)));
  }

  add(value) {
    if (!this.has(value)) this.values.push(this.element(value));
    return this;
  }

  delete(value) {
    const before = this.values.length;
    this.values = this.values.filter((other) => !same(other, this.element(value)));
    return this.values.length < before;
  }

  get size() {
    return this.values.length;
  }

  [Symbol.iterator]() {
    return this.values[Symbol.iterator]();
  }
}

/** A set of strings (SS). */
export class StringSet extends DriftSet {
  element(value) {
    if (typeof value !== 'string') throw new TypeError(`a StringSet has strings, and ${shown(value)} is none`);
    return wellFormed(value);
  }
}

/** A set of numbers (NS). */
export class NumberSet extends DriftSet {
  constructor(values) {
    super([...values].map(exact));
  }

  element(value) {
    return exact(value);
  }
}

/** A set of binaries (BS). */
export class BinarySet extends DriftSet {
  element(value) {
    if (!(value instanceof Uint8Array)) throw new TypeError(`a BinarySet has Uint8Arrays, and ${shown(value)} is none`);
    return value;
  }
}

/** A number that is put into an item: a JavaScript number only if nothing of it can have been lost. */
function exact(value) {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    const said = Number.isFinite(value) ? `give num('${value}')` : 'it is no number to DynamoDB';
    throw new RangeError(`the number ${value} may not be exact: ${said}`);
  }
  return num(value);
}

/** Lists and maps nest at most this deep; the host knows to the level, this keeps from an endless descent. */
const DEEPEST = 32;

/** A value as it would be read, and apart from the one given. */
export function normal(value, path = 'the value', level = 1) {
  if (value === null || typeof value === 'boolean') return value;
  const at = (error) => {
    error.message = `${path}: ${error.message}`;
    return error;
  };
  try {
    if (typeof value === 'string') return wellFormed(value);
    if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Num) return exact(value);
    if (value instanceof Uint8Array) return value.slice();
    if (value instanceof DriftSet) {
      if (value.size === 0) throw new RangeError('a set must not be empty; delete the attribute instead');
      return new value.constructor(value.values.map((one) => value.element(one)));
    }
  } catch (error) {
    throw at(error);
  }
  const array = Array.isArray(value);
  if (array || isPlain(value)) {
    if (level > DEEPEST) throw at(new RangeError(`nested deeper than DynamoDB's ${DEEPEST} levels`));
    return array ? value.map((child, index) => normal(child, `${path}[${index}]`, level + 1)) : fields(value, path, level + 1);
  }
  if (value instanceof Set) {
    throw at(new TypeError('a Set may be of several types: give new StringSet(…), new NumberSet(…) or new BinarySet(…)'));
  }
  const types = 'string, Num, a whole number, bigint, boolean, null, Uint8Array, a StringSet, NumberSet or BinarySet, array or object';
  throw at(new TypeError(`${shown(value)} is none of DynamoDB's types: ${types}`));
}

function wellFormed(text) {
  if (text.isWellFormed()) return text;
  throw new RangeError(`${shown(text)} has half of a surrogate pair in it, which is no text to DynamoDB`);
}

/** An item, or a map, as it would be read, and apart from the one given. */
export function fields(object, path, level = 1) {
  const copy = {};
  for (const name of Object.keys(object)) {
    // undefined is what is not there, as in JSON.
    if (object[name] !== undefined) define(copy, wellFormed(name), normal(object[name], path === '' ? name : `${path}.${name}`, level));
  }
  return copy;
}

/** Makes it an attribute, also `__proto__`: a name like any other to DynamoDB. */
export function define(object, name, value) {
  if (name !== '__proto__') object[name] = value;
  else Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

export function isPlain(value) {
  if (typeof value !== 'object') return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function shown(value) {
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'object' && value !== null) return isPlain(value) ? 'an object' : `a ${value.constructor?.name || 'object'}`;
  return String(value);
}

/** DynamoDB's equality: by type and value; numbers by value, sets whatever their order. */
export function same(a, b) {
  // What an author left alone is the very same.
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (a instanceof Num || b instanceof Num) return a instanceof Num && b instanceof Num && a.equals(b);
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && a.length === b.length && a.every((byte, at) => byte === b[at]);
  }
  if (a instanceof DriftSet || b instanceof DriftSet) {
    return a.constructor === b.constructor && a.size === b.size && a.values.every((one) => b.values.some((two) => same(one, two)));
  }
  if (Array.isArray(a) || Array.isArray(b)) {
    return Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((child, at) => same(child, b[at]));
  }
  if (!isPlain(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && same(a[name], b[name]));
}

/** A value as it was read, apart from the one given; what cannot be changed is the very same. */
function copied(value) {
  if (typeof value !== 'object' || value === null || value instanceof Num) return value;
  if (Array.isArray(value)) return value.map(copied);
  if (value instanceof Uint8Array) return value.slice();
  if (value instanceof DriftSet) return new value.constructor(value.values.map(copied));
  return copiedFields(value);
}

const copiedFields = (object) => {
  const copy = {};
  for (const name of Object.keys(object)) define(copy, name, copied(object[name]));
  return copy;
};

/**
 * An item that an author is to change, its `names` and, for each, the value as it was read: the very same where it cannot be
 * changed, else one apart. What is made for every attribute of every item is in lists: an object made anew, or walked once more, costs QuickJS
 * as much again. So does what goes by an iterator, `const [a, b] = …` too.
 */
export function handed(item) {
  const names = Object.keys(item);
  return { item, names, values: names.map((name) => copied(item[name])) };
}

/** A value as it came, in the place of one to compare with: `isStill(value)` says whether that is it, to the letter; `value()` reads it. */
export class Unread {
  constructor(text) {
    this.text = text;
  }
}

/** The patch from an item as it was read to what an author left of it; null if there is no difference. */
function difference({ item, names, values }) {
  let set, remove;
  const now = Object.keys(item);
  let fresh = now.length - names.length;
  for (let at = 0; at < names.length; at++) {
    const name = names[at];
    const value = item[name];
    let before = values[at];
    if (value === before) continue;
    // What an object inherits is a function, but for one name.
    const perhapsInherited = value === undefined || typeof value === 'function' || name === '__proto__';
    const gone = perhapsInherited && !Object.hasOwn(item, name);
    if (gone) fresh++;
    // undefined is what is not there, as in JSON.
    if (gone || value === undefined) {
      (remove ??= []).push(name);
      continue;
    }
    // A list or map that nobody touched is not made normal only to be found equal.
    if (before instanceof Unread) {
      if (before.isStill(value)) continue;
      before = before.value();
    } else if (typeof before === 'object' && same(before, value)) continue;
    const left = normal(value, name);
    if (!same(before, left)) define((set ??= {}), name, left);
  }
  // Most of what is new is at the end.
  const were = fresh > 8 ? new Set(names) : undefined;
  for (let at = now.length - 1; fresh > 0; at--) {
    const name = now[at];
    if (were === undefined ? names.includes(name) : were.has(name)) continue;
    fresh--;
    if (item[name] !== undefined) define((set ??= {}), wellFormed(name), normal(item[name], name));
  }
  return set === undefined && remove === undefined ? null : { kind: 'patch', set: set ?? {}, remove: remove ?? [] };
}

const EXISTING = ['keep', 'replace', 'fail'];

/**
 * What a migration is handed beside the item, made once for a host; `gathered.actions` are those of the item at hand. `host`: table(),
 * keyAttributes(), startedAt(), argument(name), log(level, text).
 */
function context(host, gathered) {
  const add = (action) => void gathered.actions.push(action);
  const item = (value, what) => {
    if (value === null || !isPlain(value)) throw new TypeError(`${what}: an object of attributes is wanted, not ${shown(value)}`);
    return fields(value, '');
  };
  const log = (level) => (...parts) => host.log(level, format(parts));
  return {
    get table() {
      return host.table();
    },
    get keyAttributes() {
      return [...host.keyAttributes()];
    },
    get startedAt() {
      return host.startedAt();
    },
    // A runtime may say null of what was not given.
    argument: (name) => host.argument(String(name)) ?? undefined,
    keyOf(of) {
      const part = (name) => {
        if (of[name] === undefined) throw new TypeError(`the key attribute ${shown(name)} is missing`);
        return [name, of[name]];
      };
      return Object.fromEntries(host.keyAttributes().map(part));
    },
    insert(table, value, existing = 'keep') {
      if (!EXISTING.includes(existing)) throw new RangeError(`insert: ${shown(existing)} is not 'keep', 'replace' or 'fail'`);
      add({ kind: 'insert', table: table ?? undefined, item: item(value, 'insert'), existing });
    },
    update(table, key, expression, { condition, names = {}, values = {} } = {}) {
      const target = key === null || key === undefined ? undefined : item(key, 'update');
      add({ kind: 'update', table: table ?? undefined, key: target, expression, condition, names: { ...names }, values: item(values, 'update') });
    },
    delete: (table, key) => add({ kind: 'delete', table: table ?? undefined, key: item(key, 'delete') }),
    deleteThis: () => add({ kind: 'delete' }),
    log: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
  };
}

/** Values as console.log shows them: texts as they are, the rest as JSON. */
export function format(parts) {
  const one = (part) => {
    if (typeof part === 'string' || part instanceof Num) return String(part);
    if (part instanceof Error) return part.stack ? `${part}\n${part.stack}` : String(part);
    try {
      const json = JSON.stringify(part, (_, value) => {
        if (typeof value === 'bigint') return String(value);
        if (value instanceof DriftSet) return value.values;
        return value instanceof Uint8Array ? `${value.length} bytes` : value;
      });
      return json ?? String(part);
    } catch {
      return String(part);
    }
  };
  return parts.map(one).join(' ');
}

/** A migration's description, checked; the error says what of it is wrong. */
export function described(migration) {
  const wrong = (problem) => new TypeError(`the migration ${problem}`);
  if (migration === null || typeof migration !== 'object') {
    throw wrong(`is to be an object, export default { number: 20261125, name: 'trim-names', migrate(item) { … } }, and is ${shown(migration)}`);
  }
  const { number, name, summary = '', repeatable = false, after = [], grants = [], extra = {} } = migration;
  const whole = (value, what) => {
    const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : typeof value === 'bigint' ? String(value) : value;
    if (typeof text === 'string' && /^[1-9]\d{0,18}$/.test(text)) return text;
    throw wrong(`has the ${what} ${shown(value)}: a whole number above zero is wanted, a date say: 20261125`);
  };
  const description = { number: whole(number, 'number'), name, summary, repeatable, after: [...after].map((one) => whole(one, 'after')) };
  if (typeof name !== 'string' || name === '') throw wrong(`has the name ${shown(name)}: a short text is wanted, 'trim-names'`);
  if (typeof summary !== 'string') throw wrong(`has the summary ${shown(summary)}: a text is wanted`);
  if (typeof repeatable !== 'boolean') throw wrong(`has repeatable: ${shown(repeatable)}; true or false is wanted`);
  for (const direction of ['migrate', 'undo']) {
    const way = migration[direction];
    if (way === undefined && direction === 'undo') continue;
    if (typeof way !== 'function') throw wrong(`has no function ${direction}`);
    const kind = way.constructor?.name;
    if (kind === 'AsyncFunction' || kind === 'AsyncGeneratorFunction') {
      throw wrong(`has an async ${direction}, and it is a plain function: there is nothing to wait for in it`);
    }
    if (kind === 'GeneratorFunction') throw wrong(`has a generator for ${direction}, and it is a plain function`);
  }
  description.grants = [...grants].map((grant) => {
    const { insert, update, delete: remove, why = '' } = grant;
    const [access, table] = insert !== undefined ? ['insert', insert] : update !== undefined ? ['update', update] : ['delete', remove];
    if (typeof table !== 'string') throw wrong(`has a grant ${format([grant])}: { insert: 'Claims', why: '…' } is wanted, or update, or delete; '.' is its own table`);
    return { access, table: table === '.' ? undefined : table, why };
  });
  description.extra = Object.entries(extra).map(([key, value]) => [key, String(value)]);
  // Every component of JavaScript exports `undo`; the host goes by this.
  if (typeof migration.undo !== 'function') description.extra.push(['undo', 'none']);
  return description;
}

let made = { host: undefined, gathered: undefined, context: undefined };

/** The actions of one item, the patch first. `given` is what `handed` makes. */
export function called(migration, direction, given, host) {
  if (made.host !== host) {
    const gathered = { actions: [] };
    made = { host, gathered, context: context(host, gathered) };
  }
  const actions = [];
  made.gathered.actions = actions;
  const returned = migration[direction](given.item, made.context);
  if (returned !== undefined) {
    const what = typeof returned?.then === 'function' ? 'a promise: there is nothing to wait for in a migration' : shown(returned);
    throw new TypeError(`${direction} changes the item that it is given, and returns nothing; it returned ${what}`);
  }
  if (actions.length === 0) {
    const patch = difference(given);
    return patch === null ? actions : [patch];
  }
  const onThis = (kind) => actions.some((action) => action.kind === kind && action.key === undefined);
  // What was changed of an item that goes no longer matters.
  if (onThis('delete')) return actions;
  const patch = difference(given);
  if (patch === null) return actions;
  if (onThis('update')) {
    const names = [...Object.keys(patch.set), ...patch.remove].map(shown).join(', ');
    throw new TypeError(`the item was changed (${names}) and is to be updated by an expression as well; do one of the two`);
  }
  return [patch, ...actions];
}
