// All cases in one component: `--arg case=NAME` chooses.

import type { Context, Item, Migration } from 'drift-sdk';

import * as actions from './cases/actions.ts';
import * as changes from './cases/changes.ts';
import * as context from './cases/context.ts';
import * as deadline from './cases/deadline.ts';
import * as errors from './cases/errors.ts';
import * as logs from './cases/logs.ts';
import * as nesting from './cases/nesting.ts';
import * as numbers from './cases/numbers.ts';
import * as panics from './cases/panics.ts';
import * as unchanged from './cases/unchanged.ts';
import * as undo from './cases/undo.ts';
import * as values from './cases/values.ts';
import * as wrong_values from './cases/wrong_values.ts';

const cases: Record<string, { migrate: Migration['migrate'] }> = {
  actions,
  changes,
  context,
  deadline,
  errors,
  logs,
  nesting,
  numbers,
  panics,
  unchanged,
  undo,
  values,
  wrong_values,
};

const migration: Migration = {
  number: 20261126,
  name: 'conformance',
  summary: 'one behaviour, in the language at hand',
  repeatable: true,
  after: [1],
  grants: [
    { insert: 'Others', why: 'copies of items' },
    { update: 'Others', why: 'counts' },
    { delete: 'Others', why: 'what is no longer wanted' },
    { insert: '.', why: 'items beside the one at hand' },
    { update: '.', why: 'expressions' },
    { delete: '.', why: 'items that go' },
  ],
  migrate(item: Item, context: Context) {
    return cases[context.argument('case') ?? '']!.migrate(item, context);
  },
  undo: undo.undo,
};

export default migration;
