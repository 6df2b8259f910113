// A price becomes text, tags a list, a name another; a copy goes elsewhere. And back.

import { StringSet, num } from 'drift-sdk';
import type { Context, Item } from 'drift-sdk';

export function migrate(item: Item, context: Context): void {
  if (item.price !== undefined) {
    item.amount = item.price.toString();
    delete item.price;
    context.insert('Others', context.keyOf(item));
  }
  if (item.tags !== undefined) {
    item.labels = [...item.tags];
    delete item.tags;
  }
  item.ab = item['a.b'];
  delete item['a.b'];
}

export function undo(item: Item, context: Context): void {
  if (item.amount !== undefined) {
    item.price = num(item.amount);
    delete item.amount;
    context.delete('Others', context.keyOf(item));
  }
  if (item.labels !== undefined) {
    item.tags = new StringSet(item.labels);
    delete item.labels;
  }
  item['a.b'] = item.ab;
  delete item.ab;
}
