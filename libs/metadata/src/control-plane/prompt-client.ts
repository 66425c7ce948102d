import pg from 'pg';

/** What pg says of a query whose `query_timeout` is over. */
const TOO_LATE = 'Query read timeout';

/**
 * A client of pg that ends its connection when an answer does not come within `query_timeout`. pg itself keeps it: the query still stands before all others there, and a pool hands the connection out again and
 * again, each time to wait as long for nothing, for as long as the way to Postgres swallows what it is sent (a quarter of an hour, where there is a keep-alive; two hours by default).
 * An error that comes when nobody uses the client ends no process: whoever sent the query was told.
 */
export class PromptClient extends pg.Client {
  constructor(settings?: pg.ClientConfig) {
    super(settings);
    this.on('error', () => undefined);
    this.query = new Proxy(this.query.bind(this), {
      apply: (query, self, given: unknown[]): unknown => {
        const answer: unknown = Reflect.apply(query, self, given);
        if (answer instanceof Promise) answer.catch((error: unknown) => this.#endIfSilent(error));
        return answer;
      },
    });
  }

  #endIfSilent(error: unknown): void {
    if (!(error instanceof Error) || error.message !== TOO_LATE) return;
    // Ended before whoever asked is told: a pool that gets it back in that very moment hands it out no more.
    void this.end();
    this.connection.stream.destroy();
  }
}
