/** What GCS's JSON API lets a request demand of an object: each a decimal string, as in the query. */
export interface Conditions {
  /** The generation that is meant; any other is not found. */
  readonly generation?: string;
  readonly ifGenerationMatch?: string;
  readonly ifGenerationNotMatch?: string;
  readonly ifMetagenerationMatch?: string;
  readonly ifMetagenerationNotMatch?: string;
}

/** The live object as the server reports it; undefined when there is none. */
export interface LiveObject {
  readonly generation: string;
  readonly metageneration: string;
}

/** One object that a request speaks of, and its demands on it. */
export interface Demand {
  /** `BUCKET/o/OBJECT`, both percent-encoded as in the JSON API's paths. */
  readonly object: string;
  readonly conditions: Conditions;
  /** A destination may be absent; a source, or the object of a read, change or delete, may not. */
  readonly mayBeAbsent: boolean;
}

/** How a demand that is not met is answered. */
export type Refusal = 304 | 404 | 412;

const NAMES = [
  'generation',
  'ifGenerationMatch',
  'ifGenerationNotMatch',
  'ifMetagenerationMatch',
  'ifMetagenerationNotMatch',
] as const;

/** The conditions of a query; those on a source are named `sourceGeneration`, `ifSourceGenerationMatch` and so on. */
export function conditionsOf(query: URLSearchParams, role: 'object' | 'source' = 'object'): Conditions {
  const named = (name: string) =>
    role === 'object' ? name : name === 'generation' ? 'sourceGeneration' : name.replace('if', 'ifSource');
  const given = NAMES.map((name) => [name, query.get(named(name))] as const);
  return Object.fromEntries(given.filter(([, value]) => value !== null && value !== ''));
}

/** Judges conditions as GCS does: an absent object and a wrong generation are 404, an unmet condition 412, on a read's NotMatch 304. */
export function judge(demand: Demand, live: LiveObject | undefined, reading: boolean): Refusal | undefined {
  const { conditions, mayBeAbsent } = demand;
  const unmet = reading ? 304 : 412;
  if (!mayBeAbsent && !live) return 404;
  if (conditions.generation && conditions.generation !== live?.generation) return 404;
  // Generation 0 stands for "there is none".
  const generation = live?.generation ?? '0';
  if (conditions.ifGenerationMatch && conditions.ifGenerationMatch !== generation) return 412;
  if (conditions.ifGenerationNotMatch && conditions.ifGenerationNotMatch === generation) return unmet;
  const metageneration = live?.metageneration;
  if (conditions.ifMetagenerationMatch && conditions.ifMetagenerationMatch !== metageneration) return 412;
  if (conditions.ifMetagenerationNotMatch && conditions.ifMetagenerationNotMatch === metageneration) return unmet;
  return undefined;
}

const OBJECT = /^(?:\/download)?\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)$/;
const COPY = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)\/(?:rewriteTo|copyTo)\/b\/([^/]+)\/o\/([^/]+)$/;
const COMPOSE = /^\/storage\/v1\/b\/([^/]+)\/o\/([^/]+)\/compose$/;

/** True for a compose request, whose body carries conditions too. */
export const isCompose = (path: string): boolean => COMPOSE.test(path);

/** The demands that a request's path and query make and that the server does not keep itself; uploads it keeps. */
export function demandsOf(url: URL): Demand[] {
  const demand = (object: string, conditions: Conditions, mayBeAbsent: boolean): Demand[] =>
    Object.keys(conditions).length > 0 ? [{ object, conditions, mayBeAbsent }] : [];
  const own = conditionsOf(url.searchParams);
  const [, fromBucket, from, toBucket, to] = COPY.exec(url.pathname) ?? [];
  if (fromBucket && from && toBucket && to) {
    return [
      ...demand(`${fromBucket}/o/${from}`, conditionsOf(url.searchParams, 'source'), false),
      ...demand(`${toBucket}/o/${to}`, own, true),
    ];
  }
  const compose = COMPOSE.exec(url.pathname);
  const [, bucket, object] = compose ?? OBJECT.exec(url.pathname) ?? [];
  return bucket && object ? demand(`${bucket}/o/${object}`, own, compose !== null) : [];
}

interface ComposeBody {
  readonly sourceObjects?: readonly {
    readonly name: string;
    readonly generation?: string | number;
    readonly objectPreconditions?: { readonly ifGenerationMatch?: string | number };
  }[];
}

/** The demands of a compose request's body on its sources. A body that is not JSON makes none: the server refuses it. */
export function demandsOfCompose(path: string, body: Buffer): Demand[] {
  const [, bucket] = COMPOSE.exec(path) ?? [];
  let parsed: ComposeBody;
  try {
    parsed = JSON.parse(body.toString('utf8')) as ComposeBody;
  } catch (cause) {
    if (cause instanceof SyntaxError) return [];
    throw cause;
  }
  return (parsed.sourceObjects ?? []).map(({ name, generation, objectPreconditions }) => ({
    object: `${bucket ?? ''}/o/${encodeURIComponent(name)}`,
    conditions: {
      ...(generation ? { generation: String(generation) } : {}),
      ...(objectPreconditions?.ifGenerationMatch === undefined
        ? {}
        : { ifGenerationMatch: String(objectPreconditions.ifGenerationMatch) }),
    },
    mayBeAbsent: false,
  }));
}
