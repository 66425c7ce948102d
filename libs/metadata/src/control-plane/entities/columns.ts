/** `timestamptz(3)` holds exactly what a JavaScript clock says; records carry it as milliseconds. */
export const TIME = { type: 'timestamp with time zone', precision: 3 } as const;
export const TIME_OR_NULL = { ...TIME, nullable: true } as const;
export const TEXT_OR_NULL = { type: 'text', nullable: true } as const;
