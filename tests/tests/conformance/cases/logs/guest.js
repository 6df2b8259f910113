// Logs in the way that `how` names.

import { num } from 'drift-sdk';

export function migrate(item, context) {
  switch (item.how) {
    case 'levels':
      context.log.debug('for who looks closely');
      context.log.info('for all');
      context.log.warn('for who worries');
      context.log.error('for who must act');
      break;
    case 'printed':
      console.log('printed');
      break;
    case 'to the error stream':
      console.error('to the error stream');
      break;
    case 'mixed':
      context.log.info('first');
      console.log('second');
      context.log.info('third');
      break;
    case 'of two lines':
      context.log.info('one\ntwo');
      break;
    case 'empty':
      context.log.info('');
      break;
    case 'wide':
      context.log.info('🦆 é \u001b[2J');
      break;
    case 'before an error':
      context.log.warn('this looks bad');
      throw new Error('it is bad');
    case 'values':
      context.log.info(7, 'of', num('1.50'));
      break;
    case 'without an end':
      console.log("no line's end");
      break;
  }
}
