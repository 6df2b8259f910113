// Each value is put in anew, equal to what was read: numbers written otherwise, sets and maps in another order.

import { BinarySet, Num, NumberSet, StringSet, num } from 'drift-sdk';

export function migrate(item) {
  for (const name of Object.keys(item)) item[name] = anew(item[name]);
}

function anew(value) {
  if (value instanceof Num) return num(`${value}E0`);
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (value instanceof StringSet) return new StringSet([...value].reverse());
  if (value instanceof NumberSet) return new NumberSet([...value].reverse().map(anew));
  if (value instanceof BinarySet) return new BinarySet([...value].reverse().map(anew));
  if (Array.isArray(value)) return value.map(anew);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).reverse().map(([name, child]) => [name, anew(child)]));
  }
  return value;
}
