/** A DynamoDB number: decimal text, exact, up to 38 significant digits. Never a float. */
export class Num {
  constructor(text: string);
  /** As it was written. */
  readonly text: string;
  toString(): string;
  /** For `+`, `<` and the like: a JavaScript number, if that is exactly this one; else it throws. */
  valueOf(): number;
  /** As a BigInt; throws if it is not whole. */
  toBigInt(): bigint;
  /** By value: 1, 1.0 and 10E-1 are one number. */
  equals(other: Num | number | bigint | string): boolean;
  compare(other: Num | number | bigint | string): -1 | 0 | 1;
}

/** The number of a text, a whole number or a BigInt. */
export function num(value: Num | number | bigint | string): Num;

interface DriftSet<T> extends Iterable<T> {
  readonly size: number;
  has(value: T): boolean;
  add(value: T): this;
  delete(value: T): boolean;
}
/** A set of strings (SS). */
export class StringSet implements DriftSet<string> {
  constructor(values: Iterable<string>);
  readonly size: number;
  has(value: string): boolean;
  add(value: string): this;
  delete(value: string): boolean;
  [Symbol.iterator](): Iterator<string>;
}
/** A set of numbers (NS). */
export class NumberSet implements DriftSet<Num> {
  constructor(values: Iterable<Num | number | bigint>);
  readonly size: number;
  has(value: Num | number | bigint): boolean;
  add(value: Num | number | bigint): this;
  delete(value: Num | number | bigint): boolean;
  [Symbol.iterator](): Iterator<Num>;
}
/** A set of binaries (BS). */
export class BinarySet implements DriftSet<Uint8Array> {
  constructor(values: Iterable<Uint8Array>);
  readonly size: number;
  has(value: Uint8Array): boolean;
  add(value: Uint8Array): this;
  delete(value: Uint8Array): boolean;
  [Symbol.iterator](): Iterator<Uint8Array>;
}

/**
 * A value of DynamoDB. Read, a number is a Num; put in, it may be a whole number or a BigInt too. A number with a fraction is
 * refused: say num('1.10'). undefined is what is not there.
 */
export type Value = string | Num | number | bigint | boolean | null | Uint8Array | StringSet | NumberSet | BinarySet | Value[] | { [name: string]: Value | undefined };

/** An item: attributes by name. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Item = { [name: string]: any };

export interface Context {
  /** The name of the table being migrated. */
  readonly table: string;
  /** The names of the primary key's attributes, partition key first. */
  readonly keyAttributes: string[];
  /** When the run began, RFC 3339 in UTC. It is the only clock there is. */
  readonly startedAt: string;
  /** The value of `--arg name=value`. */
  argument(name: string): string | undefined;
  /** The key of an item of the table being migrated; throws if part of it is missing. */
  keyOf(item: Item): Item;
  /** Puts an item into a table (null: the one being migrated). It takes the grant `insert`. */
  insert(table: string | null, item: Item, existing?: 'keep' | 'replace' | 'fail'): void;
  /** Changes an item by an UpdateExpression; without a key the one that was handed in, which must not be changed as well. It takes the grant `update`. */
  update(table: string | null, key: Item | null, expression: string, more?: { condition?: string; names?: Record<string, string>; values?: Item }): void;
  /** Deletes the item with this key. It takes the grant `delete`. */
  delete(table: string | null, key: Item): void;
  /** Deletes the item that was handed in; what was changed of it no longer matters. */
  deleteThis(): void;
  /** Lines for the operator; `console` goes there too. */
  readonly log: Record<'debug' | 'info' | 'warn' | 'error', (...parts: unknown[]) => void>;
}

declare global {
  /** What there is of it: each goes to the log of the item at hand. */
  interface Console {
    debug(...parts: unknown[]): void;
    log(...parts: unknown[]): void;
    info(...parts: unknown[]): void;
    warn(...parts: unknown[]): void;
    error(...parts: unknown[]): void;
    trace(...parts: unknown[]): void;
  }
  var console: Console;
}

export interface Migration {
  /** Its place in the history, unique per metadata table; a date, say. */
  number: number | bigint | string;
  /** Short: trim-names. */
  name: string;
  /** What it does, for the operator. */
  summary?: string;
  /** Running it, and its undo, on its own result or on any later state of the item makes nothing further happen. */
  repeatable?: boolean;
  /** Numbers of migrations that must be applied before. */
  after?: (number | bigint | string)[];
  /** What it needs beyond changing the item; '.' is its own table. Asking is not getting. */
  grants?: ({ insert: string; why?: string } | { update: string; why?: string } | { delete: string; why?: string })[];
  extra?: Record<string, string>;
  /** Changes the item; what changed becomes one patch. A throw is this item's error. All actions of one item happen, or none. */
  migrate(item: Item, context: Context): void;
  /** The way back. */
  undo?(item: Item, context: Context): void;
}
