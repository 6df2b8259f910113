// Loops without end where `how` says so.

export function migrate(item) {
  let rounds = 0;
  while (item.how === 'loop') rounds += 1;
  item.done = true;
}
