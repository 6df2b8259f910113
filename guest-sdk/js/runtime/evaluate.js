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
    throw asSyntax(error, name, body);
  }
  made({ ...sdk, default: sdk }, exported);
  if (exported.default !== undefined) return exported.default;
  if (typeof exported.migrate === 'function') return exported;
  if (exported.migration !== undefined) return exported.migration;
  throw new TypeError("the file exports no migration: export default { number: 20261125, name: 'trim-names', migrate(item) { … } }");
}

function asSyntax(error, name, body) {
  const place = named(error.stack, name).match(/:(\d+):(\d+)/);
  const where = place ? sourceOf(body, place[1], place[2]) ?? `${name}:${place[1]}` : name;
  const told = new SyntaxError(`${error.message} (${where})`);
  told.stack = '';
  return told;
}

/** A stack in which the author's file has its name: QuickJS calls what is evaluated `<input>`. */
const named = (stack, name) => String(stack ?? '').replaceAll('<input>', name);

/** An error of any form as the operator reads it: what, and where in the author's files. `body` is what was evaluated. */
export function told(error, name, body = '') {
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
  const frames = named(error.stack, name)
    .split('\n')
    .map((frame) => frame.trim().replace(/^at /, ''))
    .filter((frame) => frame.includes(name));
  const own = frames.map((frame) => `\n  at ${placed(frame, name, body)}`).join('');
  const cause = error.cause === undefined ? '' : `\ncaused by ${told(error.cause, name, body)}`;
  return `${line}${own}${cause}`;
}

/** A frame with the place in the author's own file, if there is a map: `migrate (src/migration.ts:7:3)`. */
function placed(frame, name, body) {
  const at = frame.lastIndexOf(`${name}:`);
  const place = at < 0 ? null : frame.slice(at + name.length).match(/^:(\d+):(\d+)/);
  const source = place && sourceOf(body, place[1], place[2]);
  return source ? frame.slice(0, at) + source + frame.slice(at + name.length + place[0].length) : frame;
}

const MAP = '\n//# sourceMappingURL=data:application/json;base64,';
const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

// Read once, and not before there is an error.
let read = { body: undefined };

/** `file:line:column` of a place of the bundle, from 1, by the map at its end; undefined where that says nothing. */
function sourceOf(body, line, column) {
  try {
    if (read.body !== body) read = { body, ...sourceMap(body) };
    // The map counts columns from 0; what begins at or before the place is what stands there.
    const there = read.lines?.[line - 1]?.findLast(([start]) => start < column);
    return there && `${read.sources[there[1]]}:${there[2] + 1}:${there[3] + 1}`;
  } catch {
    return undefined;
  }
}

/** Of each line of the bundle: [column, source, its line, its column], from 0. */
function sourceMap(body) {
  const at = body.lastIndexOf(MAP);
  if (at < 0) return {};
  const { sources, mappings } = JSON.parse(text(body.slice(at + MAP.length)));
  const now = [0, 0, 0, 0];
  const lines = mappings.split(';').map((line) => {
    now[0] = 0;
    return line.split(',').map(numbers).filter((segment) => segment.length >= 4).map((segment) => {
      for (let part = 0; part < 4; part++) now[part] += segment[part];
      return [...now];
    });
  });
  return { sources, lines };
}

/** The numbers of a segment: base 64, five bits to a digit, the lowest first, the sign last of all. */
function numbers(segment) {
  const read = [];
  let [number, shift] = [0, 0];
  for (const letter of segment) {
    const digit = DIGITS.indexOf(letter);
    number |= (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    read.push(number & 1 ? -(number >>> 1) : number >>> 1);
    [number, shift] = [0, 0];
  }
  return read;
}

function text(base64) {
  let [bits, have, bytes] = [0, 0, ''];
  for (const letter of base64) {
    const digit = DIGITS.indexOf(letter);
    if (digit < 0) break;
    bits = ((bits << 6) | digit) & 0xffff;
    have += 6;
    if (have >= 8) bytes += `%${((bits >> (have -= 8)) & 255).toString(16).padStart(2, '0')}`;
  }
  return decodeURIComponent(bytes);
}
