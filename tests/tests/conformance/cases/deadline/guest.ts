// Loops without end where `how` says so.

import type { Item } from 'drift-sdk';

export function migrate(item: Item): void {
  let rounds = 0;
  while (item.how === 'loop') rounds += 1;
  item.done = true;
}
