import { describe, expect, it } from '@jest/globals';
import { difference } from './expectation.js';
import { parseTour } from './tour-page.js';
import { TourShell } from './tour-shell.js';

const fence = '```';
const page = `# A page
${fence}sh
not part of it
${fence}
<!-- tour -->
Text.

${fence}sh
echo '{"a": 1}'
${fence}
${fence}json
{ "a": 1 }
${fence}
<!-- /tour -->
<!-- tour: servers -->
${fence}sh
true
${fence}
<!-- /tour -->`;

describe('the commands of a page', () => {
  it('are the sh blocks between its markers, each with what is shown below it', () => {
    expect(parseTour(page)).toEqual([
      { line: 8, command: `echo '{"a": 1}'`, expected: [{ language: 'json', text: '{ "a": 1 }' }], onServers: false },
      { line: 16, command: 'true', expected: [], onServers: true },
    ]);
  });

  it('must be closed, and come before their output', () => {
    expect(() => parseTour('<!-- tour -->')).toThrow('not closed');
    expect(() => parseTour(`<!-- tour -->\n${fence}json\n{}\n${fence}\n<!-- /tour -->`)).toThrow('line 2');
  });
});

describe('an answer', () => {
  const json = (expected: unknown, actual: unknown) =>
    difference([{ language: 'json', text: JSON.stringify(expected) }], JSON.stringify(actual));

  it.each([
    [{ a: 1 }, { a: 1 }],
    [{ id: '7b0e1b1e-5f0a-4c43-9a33-111111111111' }, { id: '0e0e1b1e-5f0a-4c43-9a33-222222222222' }],
    [{ at: '2026-11-21T10:00:00.000Z' }, { at: '2027-01-01T00:00:00.123Z' }],
    [
      { a: 1, '…': '…' },
      { a: 1, b: 2 },
    ],
    [{ a: '…' }, { a: { b: [] } }],
    [
      [1, '…'],
      [1, 2, 3],
    ],
    [{ message: 'no backend … here' }, { message: 'no backend called x here' }],
  ])('agrees: %j and %j', (expected, actual) => {
    expect(json(expected, actual)).toBeUndefined();
  });

  it.each([
    [{ a: 1 }, { a: 2 }, 'a: expected 1, not 2'],
    [{ a: 1 }, { a: 1, b: 2 }, 'not expected: b'],
    [{ a: { b: [1] } }, { a: { b: [2] } }, 'a.b.0'],
    [{ a: 1, '…': '…' }, { b: 2 }, 'a: expected 1'],
    [[1], [1, 2], 'not expected: 1'],
    [{ a: [] }, { a: {} }, 'a: expected []'],
    [{ etag: 'd41d8cd98f00b204e9800998ecf8427e' }, { etag: '00000000000000000000000000000000' }, 'etag'],
  ])('differs: %j and %j', (expected, actual, told) => {
    expect(json(expected, actual)).toContain(told);
  });

  it('that is text agrees line by line, with … for anything', () => {
    const expected = [{ language: 'text', text: 'HTTP/1.1 200 OK\nETag: …\nend' }];
    expect(difference(expected, 'HTTP/1.1 200 OK\r\nETag: "x"\r\nmore\r\nend\r\n')).toBeUndefined();
    expect(difference(expected, 'HTTP/1.1 404 Not Found\nETag: "x"\nend')).toContain('not:');
  });
});

describe('the shell of a tour', () => {
  it('keeps variables from one command to the next and tells exit codes', async () => {
    const shell = new TourShell('/', {});
    try {
      await shell.run('WORD=hello');
      expect(await shell.run('echo "$WORD"; ls /nonexistent >/dev/null 2>&1')).toEqual({ output: 'hello\n', code: 2 });
      await expect(shell.run('exit 3')).rejects.toThrow('the shell ended');
    } finally {
      shell.close();
    }
  });
});
