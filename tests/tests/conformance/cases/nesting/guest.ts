// Puts in as many lists, or maps, within each other as `how` says.

import type { Item, Value } from 'drift-sdk';

export function migrate(item: Item): void {
  const maps = item.how.startsWith('maps ');
  let value: Value = null;
  for (let levels = Number(item.how.replace('maps ', '')); levels > 0; levels--) value = maps ? { a: value } : [value];
  item.v = value;
}
