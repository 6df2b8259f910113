// Items and actions as the contract's text has them: JSON, in which an object is always one of DynamoDB's descriptors.
//
// What is made for every attribute of every item calls no function where it can do without: in QuickJS that is most of the cost.

import { BinarySet, Num, NumberSet, StringSet, Unread, define, given, isPlain, same } from '../index.js';

/** The item of a text, as `handed` makes it. */
export function itemFromText(text) {
  const item = JSON.parse(text);
  const names = Object.keys(item);
  const values = [];
  for (let at = 0; at < names.length; at++) {
    const name = names[at];
    let value = item[name];
    if (typeof value !== 'string' && typeof value !== 'boolean' && value !== null) {
      const described = value;
      item[name] = value = read(described);
      // What can be changed is compared with what it was read from.
      if (!(value instanceof Num)) value = new Described(described);
    }
    values.push(value);
  }
  return { item, names, values };
}

class Described extends Unread {
  isStill(value) {
    return isStill(this.text, value);
  }

  value() {
    return read(this.text);
  }
}

function isStill(described, value) {
  if (typeof described === 'number') return value instanceof Num && value.text === String(described);
  if (typeof described !== 'object' || described === null) return described === value;
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(described)) {
    return Array.isArray(value) && value.length === described.length && described.every((child, at) => isStill(child, value[at]));
  }
  if (described.N !== undefined) return value instanceof Num && value.text === described.N;
  return described.M === undefined ? same(read(described), value) : isStillMap(described.M, value);
}

function isStillMap(described, value) {
  if (!isPlain(value)) return false;
  const names = Object.keys(described);
  if (Object.keys(value).length !== names.length) return false;
  for (let at = 0; at < names.length; at++) {
    const name = names[at];
    // Only of this name is what an object inherits a map.
    if (!isStill(described[name], value[name]) || (name === '__proto__' && !Object.hasOwn(value, name))) return false;
  }
  return true;
}

/** A value anew: what it is read from stays as it is. */
function read(value) {
  if (typeof value === 'number') return given(String(value));
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(read);
  for (const descriptor in value) {
    const inner = value[descriptor];
    switch (descriptor) {
      case 'N':
        return given(inner);
      case 'M':
        return map(inner);
      case 'B':
        return bytes(inner);
      case 'SS':
        return new StringSet(inner);
      case 'NS':
        return numbers(inner);
      case 'BS':
        return new BinarySet(inner.map(bytes));
    }
  }
  return undefined;
}

function map(object) {
  const made = {};
  for (const name of Object.keys(object)) define(made, name, read(object[name]));
  return made;
}

function numbers(texts) {
  const set = new NumberSet([]);
  set.values = texts.map(given);
  return set;
}

/** The text of an answer. */
export function textOf(actions) {
  if (actions.length === 0) return '[]';
  const first = actions[0];
  // Most answers are one change of the item, and each object costs.
  if (actions.length > 1 || first.kind !== 'patch') return JSON.stringify(actions.map(said));
  const remove = first.remove.length === 0 ? '' : ',"remove":' + JSON.stringify(first.remove);
  return '[{"patch":{"set":' + JSON.stringify(fields(first.set)) + remove + '}}]';
}

function described(value) {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Num) return { N: value.text };
  if (Array.isArray(value)) return value.map(described);
  if (value instanceof Uint8Array) return { B: base64(value) };
  if (value instanceof StringSet) return { SS: value.values };
  if (value instanceof NumberSet) return { NS: value.values.map(String) };
  if (value instanceof BinarySet) return { BS: value.values.map(base64) };
  return { M: fields(value) };
}

function fields(object) {
  const text = {};
  const names = Object.keys(object);
  for (let at = 0; at < names.length; at++) {
    const value = object[names[at]];
    define(text, names[at], typeof value === 'string' || typeof value === 'boolean' ? value : described(value));
  }
  return text;
}

const key = (action) => (action.key === undefined ? undefined : fields(action.key));

function said(action) {
  const { kind, table } = action;
  switch (kind) {
    case 'patch':
      return { patch: { set: fields(action.set), remove: action.remove } };
    case 'insert':
      return { insert: { table, item: fields(action.item), existing: action.existing } };
    case 'update': {
      const { expression, condition, names } = action;
      return { update: { table, key: key(action), expression, condition, names, values: fields(action.values) } };
    }
    default:
      return { delete: { table, key: key(action) } };
  }
}

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const DIGITS = new Uint8Array(128);
for (let at = 0; at < 64; at++) DIGITS[LETTERS.charCodeAt(at)] = at;

/** The host writes it with padding, and nothing else between. */
function bytes(text) {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  const read = new Uint8Array((text.length / 4) * 3 - padding);
  for (let from = 0, to = 0; from < text.length; from += 4) {
    const bits = (DIGITS[text.charCodeAt(from)] << 18) | (DIGITS[text.charCodeAt(from + 1)] << 12) | (DIGITS[text.charCodeAt(from + 2)] << 6) | DIGITS[text.charCodeAt(from + 3)];
    // What is beyond the end falls on nothing.
    read[to++] = bits >> 16;
    read[to++] = (bits >> 8) & 255;
    read[to++] = bits & 255;
  }
  return read;
}

function base64(of) {
  let text = '';
  for (let at = 0; at < of.length; at += 3) {
    const [left, bits] = [of.length - at, (of[at] << 16) | ((of[at + 1] ?? 0) << 8) | (of[at + 2] ?? 0)];
    text += LETTERS[bits >> 18] + LETTERS[(bits >> 12) & 63] + (left > 1 ? LETTERS[(bits >> 6) & 63] : '=') + (left > 2 ? LETTERS[bits & 63] : '=');
  }
  return text;
}
