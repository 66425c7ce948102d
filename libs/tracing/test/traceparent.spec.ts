import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readTraceparent } from '../src/index.js';
import { writeTraceparent } from '../src/traceparent.js';

const hex = (digits: number): fc.Arbitrary<string> =>
  fc.stringMatching(new RegExp(`^[0-9a-f]{${digits}}$`)).filter((text) => /[1-9a-f]/.test(text));
const TRACE = '0af7651916cd43dd8448eb211c80319c';
const SPAN = 'b7ad6b7169203331';

describe('a traceparent (W3C Trace Context)', () => {
  it('reads back what was written', () => {
    fc.assert(
      fc.property(hex(32), hex(16), fc.boolean(), (traceId, spanId, isSampled) => {
        const context = { traceId, spanId, isSampled };
        expect(readTraceparent(writeTraceparent(context))).toEqual(context);
      }),
    );
  });

  it.each([
    ['a later version, with more behind', `01-${TRACE}-${SPAN}-01-more`, true],
    ['another flag beside', `00-${TRACE}-${SPAN}-03`, true],
    ['not kept', `00-${TRACE}-${SPAN}-00`, false],
  ])('%s is read', (_, text, isSampled) => {
    expect(readTraceparent(text)).toEqual({ traceId: TRACE, spanId: SPAN, isSampled });
  });

  it.each([
    ['nothing', undefined],
    ['version ff', `ff-${TRACE}-${SPAN}-01`],
    ['version 00 with more behind', `00-${TRACE}-${SPAN}-01-more`],
    ['no trace id', `00-${'0'.repeat(32)}-${SPAN}-01`],
    ['no span id', `00-${TRACE}-${'0'.repeat(16)}-01`],
    ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
    ['too short', `00-${TRACE}-${SPAN}`],
    ['endless', `01-${TRACE}-${SPAN}-01-${'x'.repeat(10_000)}`],
  ])('%s is none', (_, text) => expect(readTraceparent(text)).toBeUndefined());

  it('is never made of anything else, whatever is sent', () => {
    fc.assert(fc.property(fc.string(), (text) => readTraceparent(text) === undefined));
  });
});
