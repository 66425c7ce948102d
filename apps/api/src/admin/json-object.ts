import { z } from 'zod';

/** A JSON object whose members are read, each with its own message, by the service it is for. */
export const jsonObject = z.looseObject({});

/** Nothing may be in the query. */
export const noQuery = z.strictObject({});
