// Items and actions as the contract has them: values in pre-order, children below their parents.

import { set } from '../index.js';

export function itemFromWit(item, sdk) {
  let next = 0;
  const read = ({ tag, val }) => {
    switch (tag) {
      case 's':
      case 'bool':
        return val;
      case 'n':
        return sdk.given(val);
      case 'b':
        return bytes(val);
      case 'null':
        return null;
      case 'ss':
        return new sdk.StringSet(val);
      case 'ns':
        return new sdk.NumberSet(val.map(sdk.given));
      case 'bs':
        return new sdk.BinarySet(val.map(bytes));
      case 'l':
        return Array.from({ length: val }, () => read(item.nested[next++]));
      default: {
        const map = {};
        for (const name of val) set(map, name, read(item.nested[next++]));
        return map;
      }
    }
  };
  const read_ = {};
  for (const { name, value } of item.attributes) set(read_, name, read(value));
  return read_;
}

const bytes = (value) => (value instanceof Uint8Array ? value : Uint8Array.from(value));

function itemToWit(item, sdk) {
  const nested = [];
  const write = (value) => {
    if (value === null) return { tag: 'null' };
    if (typeof value === 'string') return { tag: 's', val: value };
    if (typeof value === 'boolean') return { tag: 'bool', val: value };
    if (value instanceof sdk.Num) return { tag: 'n', val: value.toString() };
    if (value instanceof Uint8Array) return { tag: 'b', val: value };
    if (value instanceof sdk.StringSet) return { tag: 'ss', val: [...value] };
    if (value instanceof sdk.NumberSet) return { tag: 'ns', val: [...value].map(String) };
    if (value instanceof sdk.BinarySet) return { tag: 'bs', val: [...value] };
    const children = Array.isArray(value) ? value : Object.values(value);
    for (const child of children) {
      // The child goes before what is below it.
      const at = nested.push(undefined) - 1;
      nested[at] = write(child);
    }
    return Array.isArray(value) ? { tag: 'l', val: value.length } : { tag: 'm', val: Object.keys(value) };
  };
  const attributes = Object.keys(item).map((name) => ({ name, value: write(item[name]) }));
  return { attributes, nested };
}

const target = (action, sdk) =>
  action.key === undefined ? { tag: 'this' } : { tag: 'other', val: { table: action.table, key: itemToWit(action.key, sdk) } };

export function actionToWit(action, sdk) {
  switch (action.kind) {
    case 'patch':
      return { tag: 'patch', val: { set: itemToWit(action.set, sdk), remove: action.remove } };
    case 'insert':
      return { tag: 'insert', val: { table: action.table, item: itemToWit(action.item, sdk), existing: action.existing } };
    case 'update': {
      const { expression, condition } = action;
      const names = Object.entries(action.names).map(([placeholder, attribute]) => ({ placeholder, attribute }));
      return { tag: 'update', val: { target: target(action, sdk), expression, condition, names, values: itemToWit(action.values, sdk) } };
    }
    default:
      return { tag: 'delete', val: target(action, sdk) };
  }
}
