import type { TokenCredential } from '@azure/identity';
import { Renewed } from '../identity/index.js';
import type { Call } from '../object-backend.js';
import type { AzureConfig } from './config.js';
import { fetchToken } from './entra.js';
import type { EntraToken } from './entra.js';
import { SharedKeySigner } from './signer.js';
import type { Signable } from './signer.js';

/** A read link covers one server-side copy of a block; Azure checks it when that begins. */
const LINK_MS = 15 * 60_000;

/** What a request carries to prove who sends it. */
export interface Proof {
  readonly authorization?: string;
  /** Added to the query: a SAS. */
  readonly query?: string;
}

/** A blob that another request reads on Azure's own side. */
export interface CopySource {
  readonly url: string;
  readonly container: string;
  readonly key: string;
}

/** How one account is opened: by its key, a SAS, or tokens of Microsoft Entra ID, which are renewed before they end. */
export class AzureAccess {
  readonly #signer: SharedKeySigner | undefined;
  readonly #sas: string | undefined;
  readonly #tokens: Renewed<EntraToken> | undefined;

  constructor({ identity, account, ...config }: AzureConfig, now?: () => number) {
    const { name: backend } = config;
    if (identity.kind === 'key') this.#signer = new SharedKeySigner(account, identity.key.reveal());
    else if (identity.kind === 'sas') this.#sas = identity.sas;
    else
      this.#tokens = new Renewed({
        backend,
        fetch: () => fetchToken(identity, config),
        ...(now === undefined ? {} : { now }),
      });
  }

  /** Fails with `denied` or `unavailable` where there is no token to be had, `timeout` when the call is given up first. */
  async prove(call: Call, request: Signable): Promise<Proof> {
    if (this.#signer !== undefined) return { authorization: this.#signer.authorize(request) };
    if (this.#tokens === undefined) return this.#sas === undefined ? {} : { query: this.#sas };
    return { authorization: bearer(this.#tokens.current() ?? (await this.#tokens.get(call))) };
  }

  /** The headers by which Azure may read one blob for a quarter of an hour. They are a credential: they go nowhere but into a request. */
  async proveSource(call: Call, { url, container, key }: CopySource): Promise<Record<string, string>> {
    if (this.#signer !== undefined) {
      const link = this.#signer.readLink({ container, key }, new Date(Date.now() + LINK_MS));
      return { 'x-ms-copy-source': `${url}?${link}` };
    }
    if (this.#tokens === undefined) return { 'x-ms-copy-source': `${url}?${this.#sas ?? ''}` };
    const authorization = bearer(await this.#tokens.get(call));
    return { 'x-ms-copy-source': url, 'x-ms-copy-source-authorization': authorization };
  }

  /** Azure refused this proof. Answers whether to try again with another. */
  refused({ authorization }: Proof): boolean {
    return this.#tokens?.refused((token) => bearer(token) === authorization) ?? false;
  }

  /** For the vendor's own client, which then asks here each time; undefined: it has a key or a SAS. */
  tokenCredential(): TokenCredential | undefined {
    const tokens = this.#tokens;
    if (tokens === undefined) return undefined;
    return {
      getToken: async () => {
        const { token } = await tokens.get({ requestId: '' });
        // What is kept and when it is renewed is said here alone: to the client it is always about to end.
        return { token, expiresOnTimestamp: Date.now() + 1000 };
      },
    };
  }
}

function bearer({ token }: EntraToken): string {
  return `Bearer ${token}`;
}
