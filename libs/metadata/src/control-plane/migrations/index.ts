import { ControlPlane0001 } from './0001-control-plane.js';

/** Every migration, oldest first. One that has run anywhere is never edited: the next one changes its work. */
export const MIGRATIONS = [ControlPlane0001];
