/** What the deployment is injected by: it is opened before the application, and is no class of its own. */
export const DEPLOYMENT = Symbol('deployment');
/** A `WorkerIdentity`, or undefined where nobody gave one. */
export const IDENTITY = Symbol('identity');
