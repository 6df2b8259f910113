// Each item goes into another table as it was read.

export function migrate(item, context) {
  context.insert('Others', item);
}
