// Puts in as many lists, or maps, within each other as `how` says.

export function migrate(item) {
  const maps = item.how.startsWith('maps ');
  let value = null;
  for (let levels = Number(item.how.replace('maps ', '')); levels > 0; levels--) value = maps ? { a: value } : [value];
  item.v = value;
}
