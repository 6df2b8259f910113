// Wildlife strikes as an old export left them, made into items that one would write today.

import { Num, num } from 'drift-sdk';
import type { Item, Migration, Value } from 'drift-sdk';

/** undefined: the old value said nothing. */
type Tidied = (value: Value) => string | Num | undefined;

/** Old name, new name; the value stays. */
const RENAMED: [string, string][] = [
  ['Airport Name', 'airport'],
  ['Aircraft Make Model', 'aircraft'],
  ['Flight Date', 'flight_date'],
  ['Origin State', 'origin_state'],
  ['Phase of flight', 'phase_of_flight'],
  ['Time of day', 'time_of_day'],
  ['Wildlife Size', 'wildlife_size'],
];

/** Old name, where the tidied value goes, and what makes it of the old one. */
const REPLACED: [string, string[], Tidied][] = [
  ['Aircraft Airline Operator', ['operator'], operator],
  ['Effect Amount of damage', ['damage'], known],
  ['Wildlife Species', ['species'], species],
  ['Speed IAS in knots', ['speed_knots'], number],
  ['Cost Repair', ['costs', 'repair'], number],
  ['Cost Other', ['costs', 'other'], number],
  ['Cost Total $', ['costs', 'total'], number],
];

const migration: Migration = {
  number: 20261101,
  name: 'tidy-strikes',
  summary: 'snake_case names, exact numbers, no empty values, all costs in one map',
  repeatable: true,

  migrate(strike: Item) {
    for (const [old, name] of RENAMED) rename(strike, old, name);
    for (const [old, steps, tidied] of REPLACED) {
      const value = strike[old];
      if (value === undefined) continue;
      delete strike[old];
      const better = within(old, () => tidied(value));
      // What cannot be computed back is kept.
      if (asItWas(better) !== value) setAt(strike, ['legacy', old], value);
      if (better !== undefined) setAt(strike, steps, better);
    }
  },

  /** What was replaced comes back from `legacy`, unless it has been changed since. */
  undo(strike: Item) {
    for (const [old, name] of RENAMED) rename(strike, name, old);
    for (const [old, steps, tidied] of REPLACED) {
      const now = removeAt(strike, steps);
      const was = removeAt(strike, ['legacy', old]);
      if (was !== undefined && alike(within(old, () => tidied(was)), now)) strike[old] = was;
      else if (now !== undefined) strike[old] = asItWas(now);
      else if (was !== undefined) strike[old] = '';
    }
    for (const emptied of ['costs', 'legacy']) {
      if (isMap(strike[emptied]) && Object.keys(strike[emptied]).length === 0) delete strike[emptied];
    }
  },
};

export default migration;

function rename(strike: Item, from: string, to: string): void {
  if (strike[from] === undefined) return;
  if (strike[to] !== undefined) throw new Error(`attribute ${JSON.stringify(from)} cannot be called ${JSON.stringify(to)}: there is one of that name`);
  strike[to] = strike[from];
  delete strike[from];
}

function setAt(item: Item, steps: string[], value: Value): void {
  const [first = '', ...rest] = steps;
  if (rest.length === 0) item[first] = value;
  else setAt((item[first] ??= {}), rest, value);
}

function removeAt(item: Item, [first = '', ...rest]: string[]): Value | undefined {
  if (rest.length > 0) return isMap(item[first]) ? removeAt(item[first], rest) : undefined;
  const value = item[first];
  delete item[first];
  return value;
}

const isMap = (value: Value | undefined): value is Item => typeof value === 'object' && value !== null && value.constructor === Object;

const within = <T>(name: string, work: () => T): T => {
  try {
    return work();
  } catch (error) {
    throw new Error(`attribute ${JSON.stringify(name)}: ${(error as Error).message}`);
  }
};

/** A tidied value in the old form, where everything was text. */
const asItWas = (tidied: Value | undefined): Value | undefined => (tidied instanceof Num ? tidied.toString() : tidied);

const alike = (a: Value | undefined, b: Value | undefined): boolean => (a instanceof Num && b instanceof Num ? a.equals(b) : a === b);

/** `US AIRWAYS*`: the star led to a footnote that nobody has any more. */
function operator(value: Value): string | undefined {
  return known(text(value).replace(/\*+$/, ''));
}

/** `Unknown bird - small` names a size, which has its own attribute, and no species. */
function species(value: Value): string | undefined {
  const species = text(value).replace(/ - (small|medium|large)$/, '');
  return species.startsWith('Unknown') ? undefined : known(species);
}

function number(value: Value): Num | undefined {
  if (value === null || value instanceof Num) return value ?? undefined;
  const digits = text(value).trim();
  return digits === '' ? undefined : num(digits);
}

function known(value: Value): string | undefined {
  const trimmed = text(value).trim();
  return ['', 'None', 'Unknown'].includes(trimmed) ? undefined : trimmed;
}

function text(value: Value): string {
  if (typeof value !== 'string') throw new TypeError(`expected a string (S), found ${value}`);
  return value;
}
