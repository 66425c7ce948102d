import { createHash, timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

/** What a secret shows of itself wherever it is printed. */
export const hiddenText = '[secret]';

/**
 * A secret text or byte string that cannot be printed, logged or serialised by accident: string conversion, JSON, template
 * strings and `util.inspect` all give `[secret]`, and `structuredClone` copies nothing of it. Only `reveal()` and
 * `revealBytes()` give the value, so every place that uses one can be found by name.
 */
export class Secret {
  readonly #bytes: Uint8Array;

  /** Takes a copy; a text is kept as UTF-8. */
  constructor(value: string | Uint8Array) {
    this.#bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : Uint8Array.from(value);
  }

  /** The value as text (UTF-8). */
  reveal(): string {
    return Buffer.from(this.#bytes).toString('utf8');
  }

  /** A copy of the value's bytes. */
  revealBytes(): Uint8Array {
    return Uint8Array.from(this.#bytes);
  }

  /** Compares in a time that does not depend on where the two differ, nor on their lengths. */
  equals(other: Secret | string | Uint8Array): boolean {
    const theirs = other instanceof Secret ? other.#bytes : new Secret(other).#bytes;
    return timingSafeEqual(digest(this.#bytes), digest(theirs));
  }

  /** Always `[secret]`. */
  toString(): string {
    return hiddenText;
  }

  /** Always `[secret]`. */
  toJSON(): string {
    return hiddenText;
  }

  /** Always `[secret]`. */
  [Symbol.toPrimitive](): string {
    return hiddenText;
  }

  /** Always `[secret]`, at any depth and in any log line. */
  [inspect.custom](): string {
    return hiddenText;
  }
}

function digest(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}
