/** Azure's own for an account, in the public cloud. */
export function azureEndpoint(account: string): string {
  return `https://${account}.blob.core.windows.net`;
}
