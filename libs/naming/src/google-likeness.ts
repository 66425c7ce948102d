const WORD = 'google';
const LETTERS = 3;
/** Spellings that Google's page names; they are refused by a rule of their own. */
export const REFUSED_SPELLINGS = ['google', 'g00gle'] as const;
const LOOKALIKES: Readonly<Record<string, string>> = { '0': 'o', '1': 'l', '3': 'e', '9': 'g' };

/**
 * The first part of a name that is one slip of the pen, or some digits for letters, away from "google"; undefined
 * if there is none. The two spellings that Google's page forbids outright are not reported: another rule does.
 */
export function resemblesGoogle(name: string): string | undefined {
  const rest = name.replace(/google|g00gle/g, ' ');
  const folded = rest.replace(/[0139]/g, (digit) => LOOKALIKES[digit] ?? digit);
  for (const size of [WORD.length, WORD.length - 1, WORD.length + 1]) {
    for (let start = 0; start + size <= rest.length; start += 1) {
      const part = rest.slice(start, start + size);
      const read = folded.slice(start, start + size);
      if (read === WORD || (hasLetters(part) && isOneSlipAway(read))) return part;
    }
  }
  return undefined;
}

/** A run of digits that needs a slip besides is no spelling of a word. */
function hasLetters(part: string): boolean {
  return part.replace(/[^a-z]/g, '').length >= LETTERS;
}

/** One insertion, deletion, substitution or swap of neighbours from it. */
function isOneSlipAway(text: string): boolean {
  let same = 0;
  while (same < text.length && text[same] === WORD[same]) same += 1;
  const rest = text.slice(same);
  const wanted = WORD.slice(same);
  const swapped = `${rest.charAt(1)}${rest.charAt(0)}${rest.slice(2)}`;
  return (
    rest.slice(1) === wanted || rest === wanted.slice(1) || rest.slice(1) === wanted.slice(1) || swapped === wanted
  );
}
