import type { Page, PageRequest } from '#libs/metadata';

const PAGE = 500;

/** Everything of a paged list, one by one, a page read at a time. */
export async function* everyItem<T>(list: (page: PageRequest) => Promise<Page<T>>): AsyncGenerator<T> {
  let after: string | undefined;
  do {
    const page = await list({ limit: PAGE, ...(after === undefined ? {} : { after }) });
    yield* page.items;
    after = page.next;
  } while (after !== undefined);
}

/** The page with each item shown. */
export function shownPage<T, View>(page: Page<T>, show: (item: T) => View): Page<View> {
  const items = page.items.map(show);
  return page.next === undefined ? { items } : { items, next: page.next };
}

/** Milliseconds since the epoch as ISO 8601. */
export function isoTime(at: number): string {
  return new Date(at).toISOString();
}
