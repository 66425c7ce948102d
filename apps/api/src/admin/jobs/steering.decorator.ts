import { applyDecorators, Get, Post } from '@nestjs/common';
import { ApiParam } from '@nestjs/swagger';
import type { z } from 'zod';
import { Describe } from '../../http/describe.decorator.js';

/** What is looked at and steered alike, whatever it is called: a job, or a job seen as a migration. */
export interface Steered {
  /** As a person calls it. */
  readonly noun: string;
  /** Ends the ids of its operations. */
  readonly name: string;
  readonly view: z.ZodType;
}

const idOf = ({ noun }: Steered): MethodDecorator => ApiParam({ name: 'id', description: `Id of the ${noun}` });

/** The route that shows one. */
export function Shows(of: Steered): MethodDecorator {
  return applyDecorators(
    Get(':id'),
    idOf(of),
    Describe({
      id: `get${of.name}`,
      summary: `How a ${of.noun} does`,
      answer: { description: `The ${of.noun}`, schema: of.view },
      refusals: [403, 404],
    }),
  );
}

/** The route by which one is watched. */
export function Watches(of: Steered): MethodDecorator {
  return applyDecorators(
    Get(':id/events'),
    idOf(of),
    Describe({
      id: `watch${of.name}`,
      summary: `Watch a ${of.noun}: server-sent events until it is settled`,
      answer: {
        description: '`progress` at each change, `end` at the end',
        schema: of.view,
        stream: 'text/event-stream',
      },
      refusals: [403, 404],
    }),
  );
}

/** The route that pauses, resumes or cancels one. `summary` is what that comes to, if there is more to say than its name. */
export function Steers(verb: 'pause' | 'resume' | 'cancel', of: Steered, summary?: string): MethodDecorator {
  const capital = `${verb.slice(0, 1).toUpperCase()}${verb.slice(1)}`;
  return applyDecorators(
    Post(`:id/${verb}`),
    idOf(of),
    Describe({
      id: `${verb}${of.name}`,
      summary: summary ?? `${capital} a ${of.noun}`,
      answer: { description: 'As it is now', schema: of.view },
      refusals: [403, 404, 409],
    }),
  );
}
