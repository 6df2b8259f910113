// Each item goes into another table as it was read.

import type { Context, Item } from 'drift-sdk';

export function migrate(item: Item, context: Context): void {
  context.insert('Others', item);
}
