// Items and actions as the contract's text has them: DynamoDB JSON.

import { BinarySet, Num, NumberSet, StringSet, define, given } from '../index.js';

/** The item of a text. */
export const itemFromText = (text) => values(JSON.parse(text));

/** What is in the object is replaced in place: it was made for this. Strings take the short way, for most values are some. */
function values(object) {
  for (const name of Object.keys(object)) {
    const described = object[name];
    const string = described.S;
    define(object, name, string === undefined ? read(described) : string);
  }
  return object;
}

function read(described) {
  for (const descriptor in described) {
    const value = described[descriptor];
    switch (descriptor) {
      case 'N':
        return given(value);
      case 'S':
      case 'BOOL':
        return value;
      case 'NULL':
        return null;
      case 'M':
        return values(value);
      case 'L':
        return value.map(read);
      case 'B':
        return bytes(value);
      case 'SS':
        return new StringSet(value);
      case 'NS':
        return new NumberSet(value.map(given));
      case 'BS':
        return new BinarySet(value.map(bytes));
    }
  }
  return undefined;
}

/** The text of an answer. */
export const textOf = (actions) => (actions.length === 0 ? '[]' : JSON.stringify(actions.map(said)));

function described(value) {
  if (typeof value === 'string') return { S: value };
  if (value === null) return { NULL: true };
  if (typeof value === 'boolean') return { BOOL: value };
  if (value instanceof Num) return { N: value.text };
  if (value instanceof Uint8Array) return { B: base64(value) };
  if (value instanceof StringSet) return { SS: value.values };
  if (value instanceof NumberSet) return { NS: value.values.map(String) };
  if (value instanceof BinarySet) return { BS: value.values.map(base64) };
  return Array.isArray(value) ? { L: value.map(described) } : { M: fields(value) };
}

function fields(object) {
  const text = {};
  for (const name of Object.keys(object)) define(text, name, described(object[name]));
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
