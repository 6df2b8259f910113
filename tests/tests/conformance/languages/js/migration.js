// All cases in one component: `--arg case=NAME` chooses.

import * as actions from './cases/actions.js';
import * as changes from './cases/changes.js';
import * as context from './cases/context.js';
import * as deadline from './cases/deadline.js';
import * as errors from './cases/errors.js';
import * as logs from './cases/logs.js';
import * as nesting from './cases/nesting.js';
import * as numbers from './cases/numbers.js';
import * as panics from './cases/panics.js';
import * as unchanged from './cases/unchanged.js';
import * as undo from './cases/undo.js';
import * as values from './cases/values.js';
import * as wrong_values from './cases/wrong_values.js';

const cases = {
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

export default {
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
  migrate(item, context) {
    return cases[context.argument('case')].migrate(item, context);
  },
  undo: undo.undo,
};
