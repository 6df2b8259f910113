// Migrations in unit tests, without a component. See testing.d.ts.

import { called, described, format } from './index.js';

function host({ table = 'Table', keyAttributes = ['Id'], startedAt = '2026-01-01T00:00:00Z', args = {} } = {}) {
  return {
    table: () => table,
    keyAttributes: () => keyAttributes,
    startedAt: () => startedAt,
    argument: (name) => args[name],
    log: (level, text) => console.log(`${level}: ${format([text])}`),
  };
}

function run(migration, direction, item, options) {
  described(migration);
  const actions = called(migration, direction, item, host(options));
  let after = { ...item };
  for (const action of actions) {
    if (action.kind === 'patch') {
      for (const name of action.remove) delete after[name];
      Object.assign(after, action.set);
    } else if (action.kind === 'delete' && action.key === undefined) {
      after = null;
    }
  }
  return { after, actions };
}

/** The item as its patch leaves it (null if it is deleted), and all actions. Throws the item's error. */
export const migrate = (migration, item, options) => run(migration, 'migrate', item, options);

/** The same of the way back. */
export const undo = (migration, item, options) => run(migration, 'undo', item, options);
