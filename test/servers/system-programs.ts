import { existsSync } from 'node:fs';

/** Servers that come with the system (`apt-get install`), not from the cache: each optional. */
export const SYSTEM_PROGRAMS = {
  'redis-server': '/usr/bin/redis-server',
  nginx: '/usr/sbin/nginx',
} as const;
export type SystemProgram = keyof typeof SYSTEM_PROGRAMS;

/** A program of the system. */
export interface InstalledProgram {
  readonly name: SystemProgram;
  readonly entry: string;
}

/** The installed program, or undefined. */
export function findProgram(name: SystemProgram): InstalledProgram | undefined {
  const entry = SYSTEM_PROGRAMS[name];
  return existsSync(entry) ? { name, entry } : undefined;
}

/** The installed program, or an error that says how to install it. */
export function needProgram(name: SystemProgram): InstalledProgram {
  const program = findProgram(name);
  if (!program) throw new Error(`${name} is not installed; apt-get install ${name} installs it`);
  return program;
}
