/** A secret, and every form in which it might be met. */
export interface Needle {
  readonly name: string;
  readonly forms: readonly { readonly as: string; readonly bytes: Buffer }[];
}

/** Below this a form would be met by chance. */
const LEAST_BYTES = 10;

/** A text in base64 wherever in a longer text it stands: the groups of three bytes fall in three ways, and those at its ends depend on its neighbours. */
function inBase64(secret: Buffer): string[] {
  return [0, 1, 2].map((shift) => {
    const encoded = Buffer.concat([Buffer.alloc(shift), secret])
      .toString('base64')
      .replace(/=+$/, '');
    return encoded.slice(shift === 0 ? 0 : shift + 1, (secret.length + shift) % 3 === 0 ? undefined : -1);
  });
}

/** The secret as it is, and in base64 (both alphabets), hexadecimal (both cases), percent-encoded, and as JSON writes it. */
export function needle(name: string, secret: string): Needle {
  const bytes = Buffer.from(secret);
  const base64 = inBase64(bytes);
  const texts: [as: string, text: string][] = [
    ['plain', secret],
    ...base64.map((text): [string, string] => ['base64', text]),
    ...base64.map((text): [string, string] => ['base64url', text.replaceAll('+', '-').replaceAll('/', '_')]),
    ['hex', bytes.toString('hex')],
    ['HEX', bytes.toString('hex').toUpperCase()],
    ['url', encodeURIComponent(secret)],
    ['json', JSON.stringify(secret).slice(1, -1)],
  ];
  const different = new Map(texts.map(([as, text]) => [text, as]));
  const forms = [...different].map(([text, as]) => ({ as, bytes: Buffer.from(text) }));
  for (const form of forms) if (form.bytes.length < LEAST_BYTES) throw new Error(`${name} is too short to look for`);
  return { name, forms };
}

/** The needles that are in there, each with its form. */
export function findIn(haystack: Buffer, needles: readonly Needle[]): string[] {
  return needles.flatMap(({ name, forms }) =>
    forms.filter(({ bytes }) => haystack.includes(bytes)).map(({ as }) => `${name} (${as})`),
  );
}
