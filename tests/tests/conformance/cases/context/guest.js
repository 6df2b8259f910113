// Writes down what is told of the run.

export function migrate(item, context) {
  switch (item.how) {
    case 'run':
      item.table = context.table;
      item.key = context.keyAttributes;
      break;
    case 'time':
      // Its form, for it is another in each run: 2026-11-26T09:50:18Z.
      item.time = context.startedAt.replaceAll(/\d/g, '9');
      break;
    case 'arguments':
      item.mode = context.argument('mode');
      item.empty = context.argument('empty');
      item.missing = context.argument('missing');
      break;
    case 'key':
      context.insert('Others', context.keyOf(item));
      break;
    case 'no key':
      delete item.Id;
      context.keyOf(item);
      break;
  }
}
