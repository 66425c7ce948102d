import { z } from 'zod';

/** What a child tells the supervisor. Anything else on the channel is none of our business. */
export const childMessage = z.discriminatedUnion('type', [
  /** It serves. `url` is its base address, `docs` that of Swagger UI (the API alone has these). */
  z.object({ type: z.literal('ready'), url: z.string().optional(), docs: z.string().optional() }),
  /** The first administrator was made just now; the supervisor shows the keys and answers `administrator-shown`. */
  z.object({ type: z.literal('administrator'), accessKey: z.string(), secretKey: z.string() }),
  /** It cannot start, for a reason that a person can mend; it exits afterwards. */
  z.object({ type: z.literal('failed'), reason: z.string() }),
]);

/** What a child tells the supervisor. */
export type ChildMessage = z.infer<typeof childMessage>;
/** It serves, from now on. */
export type ReadyMessage = Extract<ChildMessage, { type: 'ready' }>;
/** The keys to show once. */
export type AdministratorMessage = Extract<ChildMessage, { type: 'administrator' }>;

/** What the supervisor tells a child: finish what is under way and exit; or, the keys have been shown. */
export type SupervisorMessage = { readonly type: 'stop' } | { readonly type: 'administrator-shown' };
