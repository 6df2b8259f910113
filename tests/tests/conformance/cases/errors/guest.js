// Fails in the way that `how` names.

export function migrate(item, context) {
  switch (item.how) {
    case 'returned':
      throw new Error('there is no price in "a box"');
    case 'of a library':
      BigInt('a b');
      break;
    case 'with a cause':
      throw new Error('reading the date', { cause: new Error('no such month') });
    case 'of two lines':
      throw new Error('the first line\nthe second line');
    case 'without words':
      throw new Error();
    case 'after changes':
      item.done = true;
      context.insert('Others', { Id: 7 });
      throw new Error('too late');
    case 'text':
      throw 'only text';
    default:
      item.done = true;
  }
}
