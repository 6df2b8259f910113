// What the component for JavaScript is made of: it asks the host for the author's file, runs it, and answers the contract.

import * as source from 'drift:script/source@0.1.0';
import * as run from 'drift:migration/run@0.1.0';
import * as log from 'drift:migration/log@0.1.0';

import * as sdk from '../index.js';
import { evaluate, told } from './evaluate.js';
import { itemFromText, textOf } from './wire.js';

const write = (level) => (...parts) => log.write(level, sdk.format(parts));
globalThis.console = { debug: write('debug'), log: write('info'), info: write('info'), warn: write('warn'), error: write('error'), trace: write('debug') };

Math.random = source.random;

const host = {
  table: run.table,
  keyAttributes: run.keyAttributes,
  startedAt: run.startedAt,
  argument: run.argument,
  log: log.write,
};

// Not before it is asked for: what is built beforehand has no text yet.
let loaded;
function migration() {
  loaded ??= evaluate(source.text(), source.name(), sdk);
  return loaded;
}

export function describe() {
  try {
    return sdk.described(migration());
  } catch (error) {
    // The contract has no error here, and a trap would bury this one: the host knows this name.
    const error_ = ['error', told(error, source.name(), source.text())];
    return { number: '1', name: 'unknown', summary: '', repeatable: false, after: [], grants: [], extra: [error_] };
  }
}

export function migrateJson(item) {
  return answer('migrate', item);
}

export function undoJson(item) {
  return answer('undo', item);
}

function answer(direction, item) {
  try {
    if (direction === 'undo' && typeof migration().undo !== 'function') throw new Error('the migration has no undo');
    return textOf(sdk.called(migration(), direction, itemFromText(item), host));
  } catch (error) {
    throw new Error(told(error, source.name(), source.text()));
  }
}
