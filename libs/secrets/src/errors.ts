/** A sealed secret cannot be opened: malformed, altered, bound to another place, or sealed under another key. */
export class EnvelopeError extends Error {
  override readonly name: string = 'EnvelopeError';
}

/** What was sealed needs a master key that this process does not have. */
export class MissingKeyError extends EnvelopeError {
  override readonly name = 'MissingKeyError';

  constructor(
    readonly keyId: string,
    atHand: readonly string[],
  ) {
    super(
      `this was sealed under the master key ${keyId}, and at hand is ${atHand.join(', ')}: bring back key ${keyId}`,
    );
  }
}

/** The master key is missing, malformed, or kept where others can read it. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError';
}
