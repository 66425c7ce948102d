import { BackendError, type BackendErrorKind } from '#libs/backends';
import { IndexError, type ObjectIndex } from '#libs/metadata';

/** Counts the points that calls pass while it is armed, and makes the one it was armed for fail. */
export class Faults {
  #armed: Plan | undefined;
  #passed = 0;
  /** Where it struck. */
  struck: string | undefined;

  arm(plan: Plan): void {
    this.#armed = plan;
    this.#passed = 0;
    this.struck = undefined;
  }

  disarm(): void {
    this.#armed = undefined;
  }

  /** For a backend's gate. */
  readonly atBackend = (point: string): void => {
    if (this.#isDue(point)) throw new BackendError(this.#armed?.kind ?? 'unavailable', `a fault at ${point}`);
  };

  /** An index whose reads and changes of keys may fail, before they happen and after. */
  around(inner: ObjectIndex): ObjectIndex {
    const check = (point: string): void => {
      if (this.#isDue(point)) throw new IndexError('unavailable', `a fault at ${point}`);
    };
    const wrap = async <T>(name: string, call: () => Promise<T>): Promise<T> => {
      check(`${name}-before`);
      const answer = await call();
      check(`${name}-after`);
      return answer;
    };
    return {
      getKey: (address) => wrap('index get', () => inner.getKey(address)),
      changeKey: (address, change) => wrap('index change', () => inner.changeKey(address, change)),
      list: (bucket, options) => inner.list(bucket, options),
      scan: (bucket, options) => inner.scan(bucket, options),
      listPending: (options) => inner.listPending(options),
      findBucket: (name) => inner.findBucket(name),
      getBucket: (id) => inner.getBucket(id),
      changeBucket: (id, expected, next) => inner.changeBucket(id, expected, next),
      listBuckets: (options) => inner.listBuckets(options),
      ping: () => inner.ping(),
      close: () => inner.close(),
    };
  }

  #isDue(point: string): boolean {
    const plan = this.#armed;
    if (!plan?.of(point)) return false;
    this.#passed += 1;
    const isDue = plan.lasting ? this.#passed >= plan.at : this.#passed === plan.at;
    if (isDue) this.struck ??= point;
    return isDue;
  }
}

export interface Plan {
  /** Which of the points it counts, from 1, fails. */
  readonly at: number;
  /** Which points are counted. */
  readonly of: (point: string) => boolean;
  /** All that follow fail too. */
  readonly lasting: boolean;
  readonly kind: BackendErrorKind;
}
