import type { Item, Migration } from 'drift-sdk';

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
