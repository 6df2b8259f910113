// Lets Node.js find `drift-sdk` here, with nothing installed: `node --import ./.drift/sdk/js/register.js --test`.

import { register } from 'node:module';

const here = { 'drift-sdk': new URL('./index.js', import.meta.url).href, 'drift-sdk/testing': new URL('./testing.js', import.meta.url).href };
const hooks = `
const here = ${JSON.stringify(here)};
export function resolve(specifier, context, next) {
  return Object.hasOwn(here, specifier) ? { url: here[specifier], shortCircuit: true } : next(specifier, context);
}`;
register(`data:text/javascript,${encodeURIComponent(hooks)}`);
