// Changes the attribute `v` in the way that `how` names.

import { BinarySet, num } from 'drift-sdk';

export function migrate(item) {
  switch (item.how) {
    case 'string':
      item.v = 'b';
      break;
    case 'number':
      item.v = num('2.50');
      break;
    case 'integer':
      item.v = 42;
      break;
    case 'large integer':
      item.v = 9007199254740993n;
      break;
    case 'binary':
      item.v = new Uint8Array([0, 255]);
      break;
    case 'boolean':
      item.v = false;
      break;
    case 'null':
      item.v = null;
      break;
    case 'string set':
      item.v.add('c');
      break;
    case 'number set':
      item.v.add(num('2.5'));
      break;
    case 'binary set':
      item.v = new BinarySet([new Uint8Array([1]), new Uint8Array([2])]);
      break;
    case 'list':
      item.v.push(2);
      break;
    case 'map':
      delete item.v.b;
      item.v.c = true;
      break;
    case 'deep':
      item.v.a[0].b = 'new';
      break;
    case 'type':
      item.v = '7';
      break;
    case 'empty string':
      item.v = '';
      break;
    case 'empty list':
      item.v = [];
      break;
    case 'empty map':
      item.v = {};
      break;
    case 'added':
      item.v = 'new';
      break;
    case 'removed':
      item.v = undefined;
      break;
    case 'renamed':
      item.w = item.v;
      delete item.v;
      break;
    case 'several':
      Object.assign(item, { a: 'y', b: 2, e: 'new' });
      delete item.c;
      break;
    case 'and back':
      item.v = 'y';
      item.w = 1;
      item.v = 'x';
      delete item.w;
      break;
    case 'name with dots':
      item['a.b'] = 'z';
      delete item['#n'];
      item['c d'] = 1;
      break;
    case 'true for one':
      item.v = true;
      break;
    case 'text for number':
      item.v = '1';
      break;
  }
}
