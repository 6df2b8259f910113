import type { Item, Migration, Value } from 'drift-sdk';

export interface Options {
  table?: string;
  keyAttributes?: string[];
  startedAt?: string;
  /** Of `--arg`. */
  args?: Record<string, string>;
}
/** The item as its patch leaves it (null if it is deleted), and all actions. Throws the item's error. */
export function migrate(migration: Migration, item: Item, options?: Options): { after: Item | null; actions: object[] };
/** The same of the way back. */
export function undo(migration: Migration, item: Item, options?: Options): { after: Item | null; actions: object[] };
/** Whether two values are one to DynamoDB: by type, numbers by value, sets whatever their order. 1 and num('1.0') are. */
export function same(actual: Value | undefined, expected: Value | undefined): boolean;
/** Throws, with each attribute that differs, unless two items are one to DynamoDB; null is an item that was deleted. */
export function assertItem(actual: Item | null, expected: Item | null): void;
