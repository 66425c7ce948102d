/** How an event is brought to a webhook: its body, its signature, and a connection that cannot be led into private networks. */
export { isPrivateAddress, PrivateAddressError } from './address-guard.js';
export { bodyOf, postEvent, signatureOf, type Target } from './post-event.js';
