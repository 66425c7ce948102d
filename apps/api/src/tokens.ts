/** The process's `Deployment`. Undefined while the API is only described. */
export const DEPLOYMENT = Symbol('deployment');
/** Where the process writes its log. */
export const LOGGER = Symbol('logger');
