import type * as port from '../object-backend.js';

/** The calls of the port that a wrapper stands around. */
export const OPERATIONS = [
  'createContainer',
  'inspectContainer',
  'listContainers',
  'deleteContainer',
  'put',
  'get',
  'head',
  'delete',
  'list',
  'copy',
  'restamp',
  'abortUpload',
  'enableVersioning',
  'prepareTakeover',
  'conceal',
  'probe',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** One call on its way in: which, and under what circumstances. */
export interface Step {
  readonly operation: Operation;
  readonly call: port.Call;
}

/** What a wrapper does around each call. `proceed` makes the call; it may be made again, later or never. */
export interface Around {
  call<T>(step: Step, proceed: (call: port.Call) => Promise<T>): Promise<T>;
  /** For wrappers that follow the body of an answer. Default: `call`. */
  get?(step: Step, proceed: (call: port.Call) => Promise<port.GetResult>): Promise<port.GetResult>;
  /** Around a read that waits for nothing. Absent, the wrapped backend has none, and everything comes by `get`. */
  atOnce?(read: port.GetAtOnce, request: Parameters<port.GetAtOnce>[0]): Uint8Array | undefined;
  /** For wrappers that follow the body of an upload. Default: `call`. */
  put?(
    step: Step,
    request: port.PutRequest,
    proceed: (call: port.Call, request: port.PutRequest) => Promise<port.WriteResult>,
  ): Promise<port.WriteResult>;
}

/** A backend whose every call goes through `around`. What the inner backend lacks, the wrapped one lacks too. */
export function wrapBackend(inner: port.ObjectBackend, around: Around): port.ObjectBackend {
  const through = <T>(operation: Operation, call: port.Call, proceed: (call: port.Call) => Promise<T>): Promise<T> =>
    around.call({ operation, call }, proceed);
  return {
    name: inner.name,
    type: inner.type,
    vendor: inner.vendor,
    get capabilities() {
      return inner.capabilities;
    },
    createContainer: (call, request) => through('createContainer', call, (own) => inner.createContainer(own, request)),
    inspectContainer: (call, name) => through('inspectContainer', call, (own) => inner.inspectContainer(own, name)),
    listContainers: (call) => through('listContainers', call, (own) => inner.listContainers(own)),
    deleteContainer: (call, name) => through('deleteContainer', call, (own) => inner.deleteContainer(own, name)),
    put(call, request) {
      if (around.put === undefined) return through('put', call, (own) => inner.put(own, request));
      return around.put({ operation: 'put', call }, request, (own, sent) => inner.put(own, sent));
    },
    get(call, request) {
      if (around.get === undefined) return through('get', call, (own) => inner.get(own, request));
      return around.get({ operation: 'get', call }, (own) => inner.get(own, request));
    },
    head: (call, request) => through('head', call, (own) => inner.head(own, request)),
    delete: (call, ref) => through('delete', call, (own) => inner.delete(own, ref)),
    list: (call, request) => through('list', call, (own) => inner.list(own, request)),
    copy: (call, request) => through('copy', call, (own) => inner.copy(own, request)),
    restamp: (call, ref, attributes) => through('restamp', call, (own) => inner.restamp(own, ref, attributes)),
    ...wrapOptional(inner, through),
    ...wrapAtOnce(inner, around),
    // Settling is no call, and a scan may last for hours: neither a deadline nor a retry of the whole fits.
    ...(inner.freshIds === undefined ? {} : { freshIds: inner.freshIds }),
    ...(inner.refusal === undefined ? {} : { refusal: inner.refusal }),
    probe: (call, prefix) => through('probe', call, (own) => inner.probe(own, prefix)),
    close: () => inner.close(),
  };
}

type Optional = Pick<port.ObjectBackend, 'abortUpload' | 'enableVersioning' | 'prepareTakeover' | 'conceal'>;
type Through = <T>(operation: Operation, call: port.Call, proceed: (call: port.Call) => Promise<T>) => Promise<T>;

/** The calls that not every backend has: those the inner one lacks stay absent. */
function wrapOptional(inner: port.ObjectBackend, through: Through): Optional {
  const abortUpload = inner.abortUpload?.bind(inner);
  const enableVersioning = inner.enableVersioning?.bind(inner);
  const prepareTakeover = inner.prepareTakeover?.bind(inner);
  const conceal = inner.conceal?.bind(inner);
  return {
    ...(abortUpload && {
      abortUpload: (call, container, upload) =>
        through('abortUpload', call, (own) => abortUpload(own, container, upload)),
    }),
    ...(enableVersioning && {
      enableVersioning: (call, container) =>
        through('enableVersioning', call, (own) => enableVersioning(own, container)),
    }),
    ...(prepareTakeover && {
      prepareTakeover: (call, container) => through('prepareTakeover', call, (own) => prepareTakeover(own, container)),
    }),
    ...(conceal && {
      conceal: (call, container, key) => through('conceal', call, (own) => conceal(own, container, key)),
    }),
  };
}

function wrapAtOnce({ getAtOnce }: port.ObjectBackend, around: Around): Pick<port.ObjectBackend, 'getAtOnce'> {
  const atOnce = around.atOnce?.bind(around);
  return getAtOnce && atOnce ? { getAtOnce: (request) => atOnce(getAtOnce, request) } : {};
}

/** How a transfer ended: whole or left early (`undefined`), or by a failure. */
type Ended = (failure: { readonly error: unknown } | undefined) => void;

/** The same answer, whose body tells of each chunk and, once, of its end: read to the end, left early, failed or discarded. Of one that came whole, at once. */
export function followBody(result: port.GetResult, onChunk: (bytes: number) => void, onEnd: Ended): port.GetResult {
  if (result.whole !== undefined) {
    onChunk(result.whole.length);
    onEnd(undefined);
    return result;
  }
  let over = false;
  const end: Ended = (failure) => {
    if (over) return;
    over = true;
    onEnd(failure);
  };
  async function* body(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of result.body) {
        onChunk(chunk.length);
        yield chunk;
      }
    } catch (error) {
      end({ error });
      throw error;
    } finally {
      end(undefined);
    }
  }
  return {
    head: result.head,
    body: body(),
    discard() {
      result.discard();
      end(undefined);
    },
  };
}
