import { ControlPlane0001 } from './0001-control-plane.js';
import { MasterKeys0003 } from './0003-master-keys.js';
import { Audit0005 } from './0005-audit.js';
import { Usage0006 } from './0006-usage.js';
import { Events0007 } from './0007-events.js';
import { Limits0008 } from './0008-limits.js';
import { IndexKind0009 } from './0009-index-kind.js';
import { Uploads0010 } from './0010-uploads.js';
import { JobFigures0011 } from './0011-job-figures.js';
import { Traces0013 } from './0013-traces.js';
import { JobAttempts0014 } from './0014-job-attempts.js';

/** Every migration, oldest first. One that has run anywhere is never edited: the next one changes its work. */
export const MIGRATIONS = [
  ControlPlane0001,
  MasterKeys0003,
  Audit0005,
  Usage0006,
  Events0007,
  Limits0008,
  IndexKind0009,
  Uploads0010,
  JobFigures0011,
  Traces0013,
  JobAttempts0014,
];
