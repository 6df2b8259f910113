// Asks for the action that `how` names.

import type { Context, Item } from 'drift-sdk';

export function migrate(item: Item, context: Context): void {
  const id = (id: number) => ({ Id: id });
  const fresh = (id: number) => ({ Id: id, v: 'new' });
  const set: [string, { values: Item }] = ['SET v = :v', { values: { ':v': 'new' } }];
  const count: [string, { names: Record<string, string>; values: Item }] = ['SET #c = if_not_exists(#c, :none) + :one', { names: { '#c': 'count' }, values: { ':none': 0, ':one': 1 } }];
  switch (item.how) {
    case 'insert new':
      context.insert('Others', fresh(11));
      break;
    case 'keep what is there':
      context.insert('Others', fresh(1), 'keep');
      break;
    case 'replace what is there':
      context.insert('Others', fresh(3), 'replace');
      break;
    case 'fail at what is there':
      item.v = 'new';
      context.insert('Others', fresh(4), 'fail');
      break;
    case 'fail where nothing is':
      context.insert('Others', fresh(15), 'fail');
      break;
    case 'insert own':
      context.insert(null, fresh(1006));
      break;
    case 'update this':
      context.update(null, null, ...set);
      break;
    case 'update own':
      context.update(null, id(101), ...count);
      break;
    case 'update other':
      context.update('Others', id(1), ...count);
      break;
    case 'update with a condition':
      context.update('Others', id(20), set[0], { ...set[1], condition: 'attribute_exists(v)' });
      break;
    case 'delete this':
      context.deleteThis();
      break;
    case 'delete own':
      context.delete(null, id(102));
      break;
    case 'delete other':
      context.delete('Others', id(2));
      break;
    case 'patch and insert':
      item.v = 'new';
      context.insert('Others', fresh(16));
      break;
    case 'several':
      item.v = 'new';
      context.insert('Others', fresh(17));
      context.insert(null, fresh(1015));
      context.update('Others', id(18), ...count);
      context.delete('Others', id(19));
      break;
    case 'changed and deleted':
      item.v = 'new';
      context.deleteThis();
      break;
    case 'changed and updated':
      item.v = 'new';
      context.update(null, null, ...count);
      break;
  }
}
