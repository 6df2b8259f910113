// Reckons with the numbers `a` and `b`.

import { num } from 'drift-sdk';

export function migrate(item) {
  const { a, b } = item;
  switch (item.how) {
    case 'equal':
      item.result = ['1.0', '10E-1', '0.1E1'].every((text) => a.equals(text)) && !a.equals(b);
      break;
    case 'order':
      item.result = a.compare(b) < 0;
      break;
    case 'whole':
      item.result = a.toBigInt() + 1n;
      break;
    case 'sum': {
      // In tenths, which are whole.
      const tenths = (number) => num(`${number}E1`).toBigInt();
      item.result = num(`${tenths(a) + tenths(b)}E-1`);
      break;
    }
    case 'text':
      item.result = a.toString();
      break;
  }
}
