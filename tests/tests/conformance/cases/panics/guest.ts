// Fails without its doing in the way that `how` names.

import type { Item } from 'drift-sdk';

export function migrate(item: Item): void {
  switch (item.how) {
    case 'of its own':
      throw new TypeError('as it was asked to');
    case 'nothing there':
      item.done = item.missing.length;
      break;
    case 'out of bounds':
      item.done = [1, 2, 3][7].toString();
      break;
    case 'divided by zero':
      item.done = String(1n / 0n);
      break;
    case 'wrong type':
      item.done = item.how.toBigInt();
      break;
    case 'endless recursion':
      item.done = endless(1);
      break;
    default:
      item.done = true;
  }
}

function endless(number: number): number {
  return endless(number + 1) + 1;
}
