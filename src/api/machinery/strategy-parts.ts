// What one kind adds to the generic behaviour of strategy.ts. Kinds' files export such parts; src/api/strategies.ts
// lists them.
import type { FieldError } from './field-error.ts';
import type { KubeObject } from './object.ts';
import type { NameCheck } from './validate-meta.ts';

/**
 * What one kind adds. Every part is optional. Objects are changed in place; `old` is the stored object and is
 * never changed. Objects are canonical (canonical.ts): readers take null as absent.
 */
export interface StrategyParts<T extends KubeObject = KubeObject> {
  /** PUT to a name that does not exist creates it (default false). */
  readonly allowCreateOnUpdate?: boolean;
  /** PUT without resourceVersion overwrites (default true). */
  readonly allowUnconditionalUpdate?: boolean;
  /**
   * What metadata.generation counts the changes of: nothing (default), all but metadata and status, or the part
   * that the function returns.
   */
  readonly generation?: 'none' | 'spec' | ((object: T) => unknown);
  /** What is wrong with a name (default: it must be a DNS-1123 subdomain). */
  readonly checkName?: NameCheck;
  /** The status may be given on create (default: it is dropped). */
  readonly keepsStatusOnCreate?: boolean;
  /** Fills in what the user left out; runs after decoding and after a patch, before anything else looks. */
  readonly defaults?: (object: T) => void;
  /** Runs after the generic part dropped the status. */
  readonly prepareForCreate?: (object: T) => void;
  /** Runs after the generic part restored status, before it counts the generation. */
  readonly prepareForUpdate?: (object: T, old: T) => void;
  /** Runs after the generic part restored everything but status and metadata. */
  readonly prepareForStatusUpdate?: (object: T, old: T) => void;
  /** Findings about a new object; metadata is checked generically. */
  readonly validate?: (object: T) => FieldError[];
  /** Findings about a change (default: those of `validate` about the new object). */
  readonly validateUpdate?: (object: T, old: T) => FieldError[];
  readonly validateStatusUpdate?: (object: T, old: T) => FieldError[];
  /** Texts of Warning headers for a create or update. */
  readonly warnings?: (object: T, old?: T) => string[];
  /** Fields for field selectors beside metadata.name and metadata.namespace. */
  readonly selectableFields?: (object: T) => Record<string, string>;
}

/** A kind's parts with the kind's own type forgotten: what the list of all strategies holds. */
export type AnyParts = StrategyParts;

/** Lets parts that speak of one kind be listed with those of others. The REST engine hands each its own kind. */
export function parts<T extends KubeObject>(own: StrategyParts<T>): AnyParts {
  return own as unknown as AnyParts;
}
