import { SetMetadata, type CustomDecorator } from '@nestjs/common';

/** Under which a route's handler keeps its operation id. */
export const OPERATION_ID = 'spumoni:operation-id';
export const CHANGES_NOTHING = 'spumoni:changes-nothing';
export const AUDITED = 'spumoni:audited';

/**
 * Marks a route that the audit log passes over though its method is one of change: it only computes an answer, or it changes objects alone, which are no part of the control plane.
 * Every other route of such a method is audited, without a word from its controller.
 */
export const ChangesNoConfiguration = (): CustomDecorator => SetMetadata(CHANGES_NOTHING, true);

/** Marks a route that the audit log records though it changes nothing: what it gives away is worth to be known. */
export const Audited = (): CustomDecorator => SetMetadata(AUDITED, true);
