// An author's file, which is a module, as a function: line by line, so that errors name the author's own lines.

/** The file's migration. `sdk` is what `import … from 'drift-sdk'` gives. */
export function evaluate(text, name, sdk) {
  const file = script(text, name);
  const exported = {};
  let made;
  try {
    // Indirect, so that it sees nothing of this file; on the first line, so that lines are the author's.
    made = (0, eval)(`(function (__drift, __exports) { 'use strict'; ${file}\n})\n//# sourceURL=${name}`);
  } catch (error) {
    throw asSyntax(error, name);
  }
  made({ ...sdk, default: sdk }, exported);
  if (exported.default !== undefined) return exported.default;
  if (typeof exported.migrate === 'function') return exported;
  if (exported.migration !== undefined) return exported.migration;
  throw new TypeError("the file exports no migration: export default { number: 20261125, name: 'trim-names', migrate(item) { … } }");
}

const SDK = /^(['"])drift-sdk\1$/;

/** Its imports and exports rewritten, each on its own lines. */
export function script(text, name) {
  const names = [];
  const lines = (part) => '\n'.repeat(part.split('\n').length - 1);
  let file = text.replace(/^#!/, '//');
  file = file.replace(/^([ \t]*)import\s+([^;'"]*?)\s*from\s*(['"][^'"]*['"])[ \t]*;?/gm, (whole, indent, what, from) => {
    if (!SDK.test(from)) {
      throw new SyntaxError(`${name} imports ${from}; a file by itself can import 'drift-sdk' only. Bundle what else it needs into one file`);
    }
    if (/^type\s/.test(what)) return indent + lines(whole);
    const parts = [];
    const named = what.match(/\{([^}]*)\}/);
    const space = what.match(/\*\s+as\s+([\w$]+)/);
    const first = what.replace(/\{[^}]*\}/, '').replace(/\*\s+as\s+[\w$]+/, '').replace(/,/g, '').trim();
    if (first) parts.push(`const ${first} = __drift;`);
    if (space) parts.push(`const ${space[1]} = __drift;`);
    if (named) parts.push(`const {${named[1].replace(/\s+as\s+/g, ': ').replace(/\s+/g, ' ')}} = __drift;`);
    return indent + parts.join(' ') + lines(whole);
  });
  file = file.replace(/^([ \t]*)import\s*(['"][^'"]*['"])[ \t]*;?/gm, (whole, indent, from) => {
    if (!SDK.test(from)) throw new SyntaxError(`${name} imports ${from}; a file by itself can import 'drift-sdk' only`);
    return indent + lines(whole);
  });
  file = file.replace(/^([ \t]*)export\s+default\s+(?=(?:async\s+)?function\s*\*?\s+([\w$]+))/gm, (_, indent, called) => {
    names.push(['default', called]);
    return indent;
  });
  file = file.replace(/^([ \t]*)export\s+default\s+/gm, '$1__exports.default = ');
  file = file.replace(/^([ \t]*)export\s+(?=(?:async\s+)?function\s*\*?\s+([\w$]+)|(?:const|let|var|class)\s+([\w$]+))/gm, (_, indent, called, bound) => {
    names.push([called ?? bound, called ?? bound]);
    return indent;
  });
  file = file.replace(/^([ \t]*)export\s*\{([^}]*)\}[ \t]*;?/gm, (whole, indent, list) => {
    for (const one of list.split(',').map((part) => part.trim()).filter(Boolean)) {
      const [own, as = own] = one.split(/\s+as\s+/);
      names.push([as, own]);
    }
    return indent + lines(whole);
  });
  return `${file}\n${names.map(([as, own]) => `__exports[${JSON.stringify(as)}] = ${own};`).join(' ')}`;
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
