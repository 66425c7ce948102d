export { Authenticator, type LinkMaker } from './authenticator.js';
export { IDENTITY_ERROR_CODES, IdentityError, type IdentityErrorCode } from './errors.js';
export {
  ensureFirstAdministrator,
  ROOT_USER,
  type FirstAdministrator,
  type FirstAdministratorRequest,
} from './first-administrator.js';
export {
  isLinkContentType,
  LINK_METHODS,
  parseLink,
  signLink,
  type LinkMethod,
  type LinkPlace,
  type LinkTerms,
  type ParsedLink,
} from './links.js';
export { isAdmin, ownsBucket, type Principal } from './principal.js';
export { UserService, type AccessKey, type IssuedKey, type UserDependencies } from './user-service.js';
export { resealKeySecret } from './key-seal.js';
