// Puts in what DynamoDB cannot hold, as `how` says.

import { StringSet, num } from 'drift-sdk';
import type { Context, Item } from 'drift-sdk';

export function migrate(item: Item, context: Context): void {
  switch (item.how) {
    case 'fraction':
      item.v = 1.5;
      break;
    case 'within':
      item.v = { a: [1, 1.5] };
      break;
    case 'not a number':
      item.v = NaN;
      break;
    case 'infinity':
      item.v = Infinity;
      break;
    case 'empty set':
      item.v = new StringSet([]);
      break;
    case '39 digits':
      item.v = num('123456789012345678901234567890123456789');
      break;
    case 'too large':
      item.v = num('1E126');
      break;
    case 'no number':
      item.v = num('1_000');
      break;
    case 'no type':
      item.v = /a/;
      break;
    case 'half a pair':
      item.v = 'a\ud800';
      break;
    case 'key changed':
      item.Id = 1000;
      break;
    case 'key removed':
      delete item.Id;
      break;
    case 'in an action':
      context.insert('Others', { Id: 1, v: new StringSet([]) });
      break;
    case 'in an update':
      context.update(null, null, 'SET v = :v', { values: { ':v': new StringSet([]) } });
      break;
    case 'returned':
      return item as never;
    case 'fine':
      item.v = 1;
      break;
  }
}
