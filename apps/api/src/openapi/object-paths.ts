import type { OpenAPIObject } from '@nestjs/swagger';

/** The paths that `ObjectEndpoint` serves. */
export function describeObjects(): OpenAPIObject['paths'] {
  return {};
}
