/** What a page says a command prints. */
export interface Expected {
  readonly language: string;
  readonly text: string;
}

/** One command of a tour, with the output that the page shows below it; several blocks are the lines of the output one after another. */
export interface TourStep {
  /** Line of the page at which the command begins. */
  readonly line: number;
  readonly command: string;
  readonly expected: readonly Expected[];
  /** Needs the servers that stand for clouds. */
  readonly onServers: boolean;
}

const OPENING = /^<!-- tour(?<servers>: servers)? -->$/;
const CLOSING = '<!-- /tour -->';
const FENCE = /^ *```(?<language>\w*)$/;

/**
 * Reads the steps of a page: the fenced blocks between `<!-- tour -->` (or `<!-- tour: servers -->`) and `<!-- /tour -->`. A block of `sh` is a command; the
 * blocks after it are what it prints. Fails on a marker or a fence that is not closed, and on output before any command, saying where.
 */
export function parseTour(markdown: string): readonly TourStep[] {
  const steps: { line: number; command: string; expected: Expected[]; onServers: boolean }[] = [];
  let part: { readonly onServers: boolean } | undefined;
  let block: { readonly language: string; readonly line: number; readonly lines: string[] } | undefined;
  const lines = markdown.split('\n');
  for (const [index, line] of lines.entries()) {
    const opening = OPENING.exec(line);
    const fence = FENCE.exec(line);
    if (block) {
      if (fence?.groups?.['language'] !== '') {
        block.lines.push(line);
        continue;
      }
      const { language, lines: text } = block;
      if (part && language === 'sh')
        steps.push({ line: block.line, command: text.join('\n'), expected: [], onServers: part.onServers });
      else if (part) addExpected(steps.at(-1), block.line, { language, text: text.join('\n') });
      block = undefined;
    } else if (fence) block = { language: fence.groups?.['language'] ?? '', line: index + 1, lines: [] };
    else if (opening && part) throw new Error(`line ${index + 1}: a tour begins within a tour`);
    else if (opening) part = { onServers: opening.groups?.['servers'] !== undefined };
    else if (line === CLOSING) part = undefined;
  }
  if (part || block) throw new Error('the last tour, or a block of it, is not closed');
  return steps;
}

function addExpected(step: { expected: Expected[] } | undefined, line: number, expected: Expected): void {
  if (!step) throw new Error(`line ${line}: output is shown before any command`);
  step.expected.push(expected);
}
