/** A sealed secret cannot be opened: malformed, altered, bound to another place, or sealed under another key. */
export class EnvelopeError extends Error {
  override readonly name = 'EnvelopeError';
}

/** The master key is missing, malformed, or kept where others can read it. */
export class MasterKeyError extends Error {
  override readonly name = 'MasterKeyError';
}
