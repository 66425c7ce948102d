import { isAbsolute, resolve, sep } from 'node:path';

/** Vendors whose SDKs find credentials in a machine's surroundings. */
export const AMBIENT_VENDORS = ['aws', 'azure', 'gcs'] as const;
export type AmbientVendor = (typeof AMBIENT_VENDORS)[number];

/**
 * What of this machine's own identity the operator lets backends use; whoever registers backends decides nothing of it. By default nothing.
 */
export interface MachineIdentity {
  /** Vendors whose chain (environment, profile, container, instance) may be asked. */
  readonly ambient: ReadonlySet<AmbientVendor>;
  /** Directories from whose files identity tokens may be read. Absolute. */
  readonly tokenDirectories: readonly string[];
  /** Origins beside the vendor's own that such an identity may be shown to. */
  readonly endpoints: ReadonlySet<string>;
}

export const NO_MACHINE_IDENTITY: MachineIdentity = {
  ambient: new Set(),
  tokenDirectories: [],
  endpoints: new Set(),
};

/** The host names of a vendor's own services, for identities: whoever is reached there, by the public roots' word, is the vendor. */
const OWN: Readonly<Record<AmbientVendor, RegExp>> = {
  aws: /\.(?:amazonaws\.com(?:\.cn)?|api\.aws)$/,
  azure:
    /(?:\.blob\.core\.(?:windows\.net|usgovcloudapi\.net|chinacloudapi\.cn)|^login\.(?:microsoftonline\.(?:com|us)|partner\.microsoftonline\.cn|chinacloudapi\.cn))$/,
  gcs: /\.googleapis\.com$/,
};

/** How a backend would use the machine's identity. */
export interface IdentityUse {
  readonly vendor: AmbientVendor;
  /** The setting that asks for the surroundings, as a message names it; undefined: none does. */
  readonly ambient?: string | undefined;
  readonly tokenFile?: { readonly setting: string; readonly path: string } | undefined;
  /** Where tokens, or requests signed with what was given for them, go. */
  readonly origins: readonly { readonly setting: string; readonly url: URL }[];
  /** Another authority vouches for hosts: then a vendor's name proves nothing. */
  readonly ownCa: boolean;
}

/** What about such a use the operator has not allowed: the identity itself, else each place it would go to. Each says which setting would. */
export function objectionsTo(use: IdentityUse, machine: MachineIdentity): string[] {
  const { vendor, ambient, tokenFile } = use;
  if (ambient === undefined && tokenFile === undefined) return [];
  const objections: string[] = [];
  if (ambient !== undefined && !machine.ambient.has(vendor))
    objections.push(
      `${ambient}: this machine's own identity is not to be used; SPUMONI_AMBIENT_CREDENTIALS would have to name ${vendor}`,
    );
  if (tokenFile !== undefined && !isWithin(tokenFile.path, machine.tokenDirectories))
    objections.push(
      `${tokenFile.setting}: expected the absolute path of a file within SPUMONI_IDENTITY_TOKEN_DIRECTORIES`,
    );
  if (objections.length > 0) return objections;
  for (const { setting, url } of use.origins) {
    const trusted = url.protocol === 'https:' && !use.ownCa && OWN[vendor].test(url.hostname) && url.port === '';
    if (!trusted && !machine.endpoints.has(url.origin))
      objections.push(
        `${setting}: this machine's identity is shown to nobody but the vendor${use.ownCa ? ', as the public roots know it' : ''}; SPUMONI_IDENTITY_ENDPOINTS would have to name ${url.origin}`,
      );
  }
  return objections;
}

function isWithin(path: string, directories: readonly string[]): boolean {
  if (!isAbsolute(path)) return false;
  const resolved = resolve(path);
  return directories.some((directory) =>
    resolved.startsWith(directory.endsWith(sep) ? directory : `${directory}${sep}`),
  );
}
