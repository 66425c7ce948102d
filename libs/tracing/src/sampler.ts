import { trace, TraceFlags, type Link } from '@opentelemetry/api';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  SamplingDecision,
  TraceIdRatioBasedSampler,
  type Sampler,
} from '@opentelemetry/sdk-trace';

/** The share of traces that begin here; parts go as their whole does, and what another trace led to goes as that one did, so that no link leads nowhere. */
export function samplerOf(ratio: number): Sampler {
  const byRatio = new TraceIdRatioBasedSampler(ratio);
  const byParent = new ParentBasedSampler({
    root: byRatio,
    remoteParentSampled: new AlwaysOnSampler(),
    remoteParentNotSampled: new AlwaysOffSampler(),
  });
  return {
    shouldSample(context, ...rest) {
      const links: Link[] = rest[4];
      const [cause] = links;
      if (cause === undefined || trace.getSpanContext(context) !== undefined)
        return byParent.shouldSample(context, ...rest);
      const isKept = (cause.context.traceFlags & TraceFlags.SAMPLED) !== 0;
      return { decision: isKept ? SamplingDecision.RECORD_AND_SAMPLED : SamplingDecision.NOT_RECORD };
    },
    toString: () => `Spumoni{${byParent.toString()}}`,
  };
}
