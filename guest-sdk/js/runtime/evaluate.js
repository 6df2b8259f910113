// An author's file, evaluated, and what it throws in words for people.

/**
 * The file's migration. `body` is the file as the host makes it, line by line: of `__drift`, what `import … from 'drift-sdk'`
 * gives, and `__exports`, which takes what the file exports. `sdk` is the former.
 */
export function evaluate(body, name, sdk) {
  const exported = {};
  let made;
  try {
    // Indirect, so that it sees nothing of this file; on the first line, so that lines are the author's.
    made = (0, eval)(`(function (__drift, __exports) { 'use strict'; ${body}\n})\n//# sourceURL=${name}`);
  } catch (error) {
    throw asSyntax(error, name);
  }
  made({ ...sdk, default: sdk }, exported);
  if (exported.default !== undefined) return exported.default;
  if (typeof exported.migrate === 'function') return exported;
  if (exported.migration !== undefined) return exported.migration;
  throw new TypeError("the file exports no migration: export default { number: 20261125, name: 'trim-names', migrate(item) { … } }");
}

function asSyntax(error, name) {
  const place = named(error.stack, name).match(/:(\d+):\d+/);
  const where = place ? `${name}:${place[1]}` : name;
  const told = new SyntaxError(`${error.message} (${where})`);
  told.stack = '';
  return told;
}

/** A stack in which the author's file has its name: QuickJS calls what is evaluated `<input>`. */
const named = (stack, name) => String(stack ?? '').replaceAll('<input>', name);

/** An error of any form as the operator reads it: what, and where in the author's file. */
export function told(error, name) {
  if (!(error instanceof Error)) {
    let text;
    try {
      text = typeof error === 'string' ? error : JSON.stringify(error);
    } catch {
      text = undefined;
    }
    return text === undefined ? `threw ${String(error)}` : text;
  }
  const line = error.name && error.name !== 'Error' ? `${error.name}: ${error.message}` : error.message || error.name;
  const places = named(error.stack, name)
    .split('\n')
    .map((frame) => frame.trim().replace(/^at /, ''))
    .filter((frame) => frame.includes(name));
  const own = places.map((place) => `\n  at ${place}`).join('');
  const cause = error.cause === undefined ? '' : `\ncaused by ${told(error.cause, name)}`;
  return `${line}${own}${cause}`;
}
